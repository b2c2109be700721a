"""Which comparisons are made: those that the plan declares, and those of a report's questions.

Families are corrected apart: the declared one answers what the study was made for, the others
belong to a question of their own. None is chosen by looking at results.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lightning_cifar.study.contrasts import (
    Contrast,
    Finding,
    Key,
    compare_contrasts,
)
from lightning_cifar.study.measures import (
    MEASURES,
    REACHING,
    SCORES,
    SELECTIONS,
    Measure,
    epochs_to_loss,
    finite_values,
    seconds_to_loss,
    way_measure,
)
from lightning_cifar.study.plan_file import Planned, planned_comparisons, variants_of
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.statistics import holm
from lightning_cifar.study.study_files import Cell, Study

MARGIN = 1.0  # points of accuracy; one image in a hundred
REACHED_BY = 0.9  # share of the runs of either side that the loss to reach is chosen for
LOSS_STEP = 0.05
DECLARED = "declared in the plan"
RIVALS = ("deterministic", "temperature")  # of Monte Carlo dropout


class Findings:
    """All findings of a study by family, found again by who is compared with whom on what."""

    def __init__(self, families: dict[str, list[Finding]]) -> None:
        self.families = families
        self.by_key = {found.contrast.key: found for found in self.all()}

    def find(
        self, first: Cell, second: Cell, measure: Measure, other: Measure | None = None
    ) -> Finding | None:
        """The finding of two cells; ``other`` is the measure of the second, if another."""
        return self.by_key.get((first, second, measure.key, (other or measure).key))

    def all(self) -> Iterator[Finding]:
        """Every finding, the declared ones first."""
        for family in self.families.values():
            yield from family


def all_findings(study: Study, questions: Sequence[Question]) -> Findings:
    """Judge the declared family and those of the questions."""
    declared = [declared_contrast(study, each) for each in planned_comparisons(study)]
    known = {contrast.key for contrast in declared}
    families = {DECLARED: declared} if declared else {}
    for question in questions:
        for contrast in contrasts_of(study, question):
            if contrast.key not in known:
                known.add(contrast.key)
                family = question.family.format(contrast.measure.title)
                families.setdefault(family, []).append(contrast)
    return Findings({name: compare_contrasts(study, each) for name, each in families.items()})


def declared_contrast(study: Study, planned: Planned) -> Contrast:
    """A comparison of the plan with its own margin, or the one that every report asks for."""
    measure = MEASURES.get(planned.measure) or epochs_to_loss(
        planned.loss or shared_loss(study, planned.first, planned.second)
    )
    contrast = between(planned.first, planned.second, measure, tested=planned.tested)
    return replace(contrast, margin=planned.margin or contrast.margin)


def between(first: Cell, second: Cell, measure: Measure, *, tested: bool = True) -> Contrast:
    """Two cells by one measure; of accuracy on the test images every tested one has a margin."""
    margin = MARGIN if tested and measure.key == "test_accuracy" else None
    return Contrast(first, second, measure, measure, margin, tested)


def contrasts_of(study: Study, question: Question) -> Iterator[Contrast]:
    """The comparisons that a question needs."""
    cells = question.cells
    if question.kind in ("difference", "match"):
        for second in cells[1:]:
            yield between(cells[0], second, MEASURES[question.measure], tested=question.tested)
    elif question.kind == "convergence":
        yield between(cells[0], cells[1], epochs_to_loss(loss_of(study, cells[0], cells[1])))
    elif question.kind == "speed" and (seconds := seconds_of(study, cells[0][0])):
        loss = loss_of(study, cells[0], cells[1])
        yield between(cells[0], cells[1], seconds_to_loss(loss, seconds))
    elif question.kind == "monte_carlo":
        for rival, score in itertools.product(RIVALS, SCORES):
            ways = way_measure("monte_carlo", score), way_measure(rival, score)
            yield Contrast(cells[0], cells[0], *ways)
    elif question.kind == "set_ups":
        yield from across(study, question, MEASURES[question.measure])
    elif question.kind == "selection":
        for planned, measure in itertools.product(accuracy_comparisons(study), SELECTIONS):
            yield between(planned.first, planned.second, measure)
    elif question.kind == "published":
        yield from published_contrasts(study, question)


def accuracy_comparisons(study: Study) -> list[Planned]:
    """The comparisons of test accuracy that the plan declares and tests."""
    return [
        each
        for each in planned_comparisons(study)
        if each.tested and each.measure == "test_accuracy"
    ]


def across(
    study: Study, question: Question, measure: Measure, *, tested: bool = True
) -> Iterator[Contrast]:
    """Every variant under the first set-up of a question against the second."""
    first, second = question.set_ups[:2]
    for variant in variants_of(study):
        cells = Cell(first, variant), Cell(second, variant)
        yield between(*cells, measure, tested=tested)


def published_contrasts(study: Study, question: Question) -> Iterator[Contrast]:
    """Described only: of the few seeds of a costly set-up no test could come out."""
    validated = MEASURES["val_accuracy"]
    yield from across(study, question, validated, tested=False)
    for set_up, (first, second) in itertools.product(question.set_ups[:2], question.gaps):
        cells = Cell(set_up, first), Cell(set_up, second)
        yield between(*cells, validated, tested=False)


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


def declared_loss(study: Study, first: Cell, second: Cell) -> float | None:
    """The loss to reach that the plan declares for two cells."""
    return next(
        (
            each.loss
            for each in planned_comparisons(study)
            if (each.first, each.second, each.measure) == (first, second, REACHING)
        ),
        None,
    )


def loss_of(study: Study, first: Cell, second: Cell) -> float:
    """The loss to reach: the plan's, or that of the rule."""
    return declared_loss(study, first, second) or shared_loss(study, first, second)


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


def in_one_family(findings: Findings) -> dict[Key, float]:
    """Key -> p value of every test, corrected as if all families were one.

    The second looks at the same runs by another rule of selection are left out.
    """
    looks = {measure.key for measure in SELECTIONS}
    tested = {
        found.contrast.key: found.comparison.p_value if found.comparison else 1.0
        for found in findings.all()
        if found.contrast.tested and found.measure.key not in looks
    }
    return dict(zip(tested, holm(list(tested.values())), strict=True))
