"""Answers that rest on one difference: of accuracy, of epochs to a loss, of seconds to it."""

import math
from dataclasses import dataclass
from statistics import median

from lightning_cifar.study.contrasts import Finding, Findings
from lightning_cifar.study.measures import MEASURES, epochs_to_loss, seconds_to_loss, values
from lightning_cifar.study.plan_file import variants_of
from lightning_cifar.study.reaching import batch_size, loss_of, planned_loss, seconds_of
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Cell, Study


@dataclass(frozen=True)
class Difference:
    """A finding, and a second one if the question names a third cell."""

    found: Finding | None
    beside: Finding | None = None


def difference(study: Study, findings: Findings, question: Question) -> Difference:
    """The difference that a question asks for."""
    first, *others = question.cells
    measure = MEASURES[question.measure]
    return Difference(*(findings.find(first, other, measure) for other in others))


@dataclass(frozen=True)
class Convergence:
    """Epochs until the validation loss is first at or below ``loss``.

    Attributes:
        planned: whether the plan names the loss; else it is that of a rule.
        reaching: variant, number of runs, and the epochs of those that reach the loss.
    """

    found: Finding | None
    loss: float
    planned: bool
    reaching: tuple[tuple[str, int, list[float]], ...]


def convergence(study: Study, findings: Findings, question: Question) -> Convergence:
    """Epochs to the loss, of the two that are compared and of the other variants."""
    first, second = question.cells
    loss = loss_of(study, first, second)
    measure = epochs_to_loss(loss)
    epochs = {name: values(study, Cell(first.set_up, name), measure) for name in variants_of(study)}
    reaching = tuple(
        (name, len(each), [epoch for epoch in each.values() if math.isfinite(epoch)])
        for name, each in epochs.items()
        if each and not math.isnan(loss)
    )
    planned = planned_loss(study, first, second) == loss
    return Convergence(findings.find(first, second, measure), loss, planned, reaching)


@dataclass(frozen=True)
class Speed:
    """Seconds per epoch of both variants at a batch size, and to the same loss.

    Attributes:
        ratios: of the first to the second, round by round; empty if not known.
        ratio: their median; without rounds the ratio of the seconds.
    """

    found: Finding | None
    batch_size: int
    seconds: tuple[float, float]
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as long an epoch of the first takes."""
        return median(self.ratios) if self.ratios else self.seconds[0] / self.seconds[1]

    @property
    def break_even(self) -> float:
        """The ratio at which both would need as long to the loss; infinite if that is not known."""
        if self.found is None:
            return math.inf
        first, second = (
            total / epoch for total, epoch in zip(self.found.means, self.seconds, strict=True)
        )
        return second / first


def speed(study: Study, findings: Findings, question: Question) -> Speed | None:
    """What an epoch costs; None where the seconds of one of the two are not known."""
    first, second = question.cells
    seconds = seconds_of(study, first.set_up)
    if not {first.variant, second.variant} <= seconds.keys():
        return None
    measure = seconds_to_loss(loss_of(study, first, second), seconds)
    found = findings.find(first, second, measure)
    size = batch_size(study, first.set_up)
    rounds = study.cost.rounds.get(size, {}) if study.cost else {}
    paired = zip(rounds.get(first.variant, ()), rounds.get(second.variant, ()), strict=False)
    ratios = tuple(one / other for one, other in paired)
    return Speed(found, size, (seconds[first.variant], seconds[second.variant]), ratios)
