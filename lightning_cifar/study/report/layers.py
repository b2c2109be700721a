"""Does a network normalise itself: mean and variance of the activations, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.study.contrasts import Findings
from lightning_cifar.study.plan_file import variants_of
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Study

# The domain of theorem 1 of Klambauer et al. 2017, from which SELU's map leads to (0, 1).
MEANS, VARIANCES = (-0.1, 0.1), (0.8, 1.5)
BEFORE = -1  # the epoch of activations before training
START, BEST = "before training", "best epoch"
ALWAYS, AT_START, NEVER = "yes", "at the start only", "no"


@dataclass(frozen=True)
class Layers:
    """Means and variances behind each hidden layer, averaged over the runs, (layers,)."""

    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    @property
    def inside(self) -> int:
        """How many layers are in the domain of the theorem."""
        means = (MEANS[0] <= self.means) & (self.means <= MEANS[1])
        variances = (VARIANCES[0] <= self.variances) & (self.variances <= VARIANCES[1])
        return int((means & variances).sum())


@dataclass(frozen=True)
class Normalising:
    """The layers of a network before training and at its best epoch.

    Attributes:
        rows: the same of every variant of the set-up: variant, moment, layers.
    """

    start: Layers
    best: Layers
    rows: tuple[tuple[str, str, Layers], ...]

    @property
    def verdict(self) -> str:
        """All layers in the domain at both moments, only at the start, or neither."""
        if self.start.inside < len(self.start.means):
            return NEVER
        return ALWAYS if self.best.inside == len(self.best.means) else AT_START


def normalising(study: Study, findings: Findings, question: Question) -> Normalising | None:
    """The layers at both moments; None where they were not recorded."""
    ((set_up, variant),) = question.cells
    rows = tuple(
        (name, moment, layers)
        for name in variants_of(study)
        for moment in (START, BEST)
        if (layers := layers_at(study.runs(set_up, name), moment)) is not None
    )
    own = {moment: layers for name, moment, layers in rows if name == variant}
    return Normalising(own[START], own[BEST], rows) if len(own) == 2 else None


def layers_at(records: Sequence[StudyRecord], moment: str) -> Layers | None:
    """The layers of some runs before training, or at the best epoch or the last recorded before.

    None if no run was looked at then.
    """
    seen = [found for record in records if (found := looked_at(record, moment)) is not None]
    depths = {len(found.means) for found in seen}
    if len(depths) != 1 or not depths - {0}:
        return None
    means, variances = (
        np.array([getattr(found, name) for found in seen]).mean(0)
        for name in ("means", "variances")
    )
    return Layers(means, variances)


def looked_at(record: StudyRecord, moment: str) -> ActivationRecord | None:
    """The activations of one run at a moment; at the best epoch those of a trained network."""
    limit = BEFORE if moment == START else record.run.best_epoch
    fitting = [found for found in record.activations if found.epoch <= limit]
    trained = [found for found in fitting if (found.epoch > BEFORE) == (moment == BEST)]
    return max(trained, key=lambda found: found.epoch, default=None)
