"""The loss that convergence is counted to, and what an epoch on the way costs."""

import math

import numpy as np

from lightning_cifar.study.measures import MEASURES, REACHING, finite_values
from lightning_cifar.study.plan_file import planned_comparisons
from lightning_cifar.study.study_files import Cell, Study

REACHED_BY = 0.9  # share of the runs of either side that the loss to reach is chosen for
LOSS_STEP = 0.05


def seconds_of(study: Study, set_up: str) -> dict[str, float]:
    """Variant -> seconds per epoch of a single fit, at the batch size of a set-up."""
    return dict(study.cost.seconds.get(batch_size(study, set_up), {})) if study.cost else {}


def batch_size(study: Study, set_up: str) -> int:
    """Of the runs of a set-up; 0 if unknown."""
    sizes = [
        (record.run.config.get("data") or {}).get("batch_size", 0)
        for record in study.records
        if record.set_up == set_up
    ]
    return int(np.median(sizes)) if sizes else 0


def planned_loss(study: Study, first: Cell, second: Cell) -> float | None:
    """The loss to reach that the plan gives for two cells."""
    for each in planned_comparisons(study):
        if (each.first, each.second, each.measure) == (first, second, REACHING):
            return each.loss
    return None


def loss_of(study: Study, first: Cell, second: Cell) -> float:
    """The loss to reach: the plan's, or that of the rule."""
    return planned_loss(study, first, second) or shared_loss(study, first, second)


def shared_loss(study: Study, *cells: Cell) -> float:
    """The loss to reach: the lowest multiple of 0.05 that nine tenths of each side's runs reach.

    A rule of both sides' results together, so that neither is favoured; NaN if a side has no run.
    """
    lowest = []
    for cell in cells:
        losses = sorted(finite_values(study, cell, MEASURES["val_loss"]))
        if not losses:
            return math.nan
        lowest.append(losses[math.ceil(REACHED_BY * len(losses)) - 1])
    return round(math.ceil(max(lowest) / LOSS_STEP - 1e-9) * LOSS_STEP, 2)
