"""What is compared: one figure for each run, its unit, and which direction is good."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.study_files import Cell, Study

Figure = Callable[[StudyRecord], float]


class Score(NamedTuple):
    """What is known of a score before it is measured; see ``Measure``."""

    key: str
    title: str
    unit: str
    digits: int
    higher_is_better: bool


@dataclass(frozen=True)
class Measure:
    """A figure of a run.

    Attributes:
        unit: in words, after a figure: "points" of accuracy, "epochs", "nats".
        digits: decimals that are written.
        of: the figure; NaN where the run has none.
    """

    key: str
    title: str
    unit: str
    digits: int
    higher_is_better: bool
    of: Figure


def tested(key: str) -> Figure:
    """A score on the test images."""
    return lambda record: record.test.get(key, math.nan)


def measure_of(score: Score, of: Figure) -> Measure:
    """A measure whose figures ``of`` gives, accuracies and the like as fractions."""
    return Measure(*score, (lambda record: 100 * of(record)) if score.unit == "points" else of)


def at_best_epoch(name: str) -> Figure:
    """A figure of the epoch with the lowest validation loss."""

    def of(record: StudyRecord) -> float:
        best = record.run.best
        return math.nan if best is None or record.failure else float(getattr(best, name))

    return of


def best_epoch(record: StudyRecord) -> float:
    """Epochs until the lowest validation loss, counted from 1."""
    return at_best_epoch("epoch")(record) + 1


def predicted(way: str, key: str) -> Figure:
    """A score of one way to predict, from the comparison of Monte Carlo dropout."""

    def of(record: StudyRecord) -> float:
        value: Any = ((record.monte_carlo or {}).get("scores", {}).get(way) or {}).get(key)
        return math.nan if value is None else float(value)

    return of


ACCURACY = Score("accuracy", "accuracy", "points", 2, True)
LIKELIHOOD = Score("nll", "negative log-likelihood", "nats", 4, False)
CALIBRATION = Score("calibration_error", "calibration error", "points", 2, False)
TEST_SCORES = (
    *(ACCURACY, LIKELIHOOD, Score("brier", "Brier score", "", 4, False), CALIBRATION),
    Score("balanced_accuracy", "balanced accuracy", "points", 2, True),
    Score("top5_accuracy", "top-5 accuracy", "points", 2, True),
)
VALIDATION = {
    Score("val_accuracy", "validation accuracy", "points", 2, True): at_best_epoch("val_accuracy"),
    Score("val_loss", "lowest validation loss", "nats", 4, False): at_best_epoch("val_loss"),
    Score("best_epoch", "epochs to the lowest loss", "epochs", 1, False): best_epoch,
}
MEASURES = {
    f"test_{each.key}": measure_of(
        each._replace(key=f"test_{each.key}", title=f"test {each.title}"), tested(each.key)
    )
    for each in TEST_SCORES
} | {each.key: measure_of(each, of) for each, of in VALIDATION.items()}
# Of images whose classes differ in size, and of more than ten classes: recorded there alone.
FURTHER_ACCURACIES = ("test_balanced_accuracy", "test_top5_accuracy")
REACHING = "epochs_to_loss"  # a measure that needs a loss to reach
PLANNABLE = (*MEASURES, REACHING)

SECOND_RULE = "_by_accuracy"  # how the key of a measure by the second rule ends

# Ways to predict with one network, and the scores by which they are compared.
WAYS = {
    "deterministic": "the plain prediction",
    "monte_carlo_temperature": "Monte Carlo dropout with a temperature",
    "monte_carlo": "Monte Carlo dropout",
    "temperature": "temperature scaling",
}
SCORES = (ACCURACY, LIKELIHOOD, CALIBRATION)


def by_accuracy(measure: Measure) -> Measure:
    """The same figure by the second rule: the epoch with the highest validation accuracy."""

    def of(record: StudyRecord) -> float:
        second = record.by_accuracy
        return math.nan if second is None else measure.of(second)

    return replace(measure, key=measure.key + SECOND_RULE, of=of)


def way_measure(way: str, score: Score) -> Measure:
    """A score of one way to predict with one network."""
    return measure_of(score._replace(key=f"{way}_{score.key}"), predicted(way, score.key))


def epochs_to_loss(threshold: float) -> Measure:
    """Epochs until the validation loss is first at or below ``threshold``; NaN if never."""

    def of(record: StudyRecord) -> float:
        losses = [epoch.val_loss for epoch in record.run.epochs]
        reached = (number for number, loss in enumerate(losses, 1) if loss <= threshold)
        return float(next(reached, math.nan))

    title = f"epochs to a validation loss of {threshold:.2f}"
    return Measure(REACHING, title, "epochs", 1, False, of)


def seconds_to_loss(threshold: float, seconds: dict[str, float]) -> Measure:
    """The same in seconds of a single fit; ``seconds`` per epoch by variant."""
    epochs = epochs_to_loss(threshold)

    def of(record: StudyRecord) -> float:
        return epochs.of(record) * seconds.get(record.variant, math.nan)

    title = f"seconds to a validation loss of {threshold:.2f}"
    return Measure("seconds_to_loss", title, "seconds", 1, False, of)


def values(study: Study, cell: Cell, measure: Measure) -> dict[int, float]:
    """Seed -> figure for one cell of the plan; NaN for a run that has none."""
    return {record.seed: measure.of(record) for record in study.runs(*cell)}


def finite_values(study: Study, cell: Cell, measure: Measure) -> list[float]:
    """The figures of the runs that have one, by seed."""
    return [each for each in values(study, cell, measure).values() if math.isfinite(each)]
