"""What is compared: one figure for each run, its unit, and which direction is good."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.study_files import Cell, Study

Figure = Callable[[StudyRecord], float]
Score = tuple[str, str, str, int, bool]  # key, title, unit, digits, higher is better


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


def percent(of: Figure) -> Figure:
    """A fraction in points."""
    return lambda record: 100 * of(record)


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


MEASURES = {
    key: Measure(key, title, unit, digits, higher_is_better, of)
    for key, title, unit, digits, higher_is_better, of in (
        ("test_accuracy", "test accuracy", "points", 2, True, percent(tested("accuracy"))),
        ("test_nll", "test negative log-likelihood", "nats", 4, False, tested("nll")),
        ("test_brier", "test Brier score", "", 4, False, tested("brier")),
        (
            *("test_calibration_error", "test calibration error", "points", 2, False),
            percent(tested("calibration_error")),
        ),
        (
            *("test_balanced_accuracy", "test balanced accuracy", "points", 2, True),
            percent(tested("balanced_accuracy")),
        ),
        (
            *("test_top5_accuracy", "test top-5 accuracy", "points", 2, True),
            percent(tested("top5_accuracy")),
        ),
        (
            *("val_accuracy", "validation accuracy", "points", 2, True),
            percent(at_best_epoch("val_accuracy")),
        ),
        ("val_loss", "lowest validation loss", "nats", 4, False, at_best_epoch("val_loss")),
        ("best_epoch", "epochs to the lowest loss", "epochs", 1, False, best_epoch),
    )
}
# Of images whose classes differ in size, and of more than ten classes: recorded there alone.
FURTHER_ACCURACIES = ("test_balanced_accuracy", "test_top5_accuracy")
REACHING = "epochs_to_loss"  # a measure that needs a loss to reach

SECOND_RULE = "_by_accuracy"  # how the key of a measure by the second rule ends

# Ways to predict with one network, and the scores by which they are compared.
WAYS = {
    "deterministic": "the plain prediction",
    "monte_carlo_temperature": "Monte Carlo dropout with a temperature",
    "monte_carlo": "Monte Carlo dropout",
    "temperature": "temperature scaling",
}
SCORES: tuple[Score, ...] = (
    ("accuracy", "accuracy", "points", 2, True),
    ("nll", "negative log-likelihood", "nats", 4, False),
    ("calibration_error", "calibration error", "points", 2, False),
)


def by_accuracy(measure: Measure) -> Measure:
    """The same figure by the second rule: the epoch with the highest validation accuracy."""

    def of(record: StudyRecord) -> float:
        second = record.by_accuracy
        return math.nan if second is None else measure.of(second)

    return replace(measure, key=measure.key + SECOND_RULE, of=of)


def way_measure(way: str, score: Score) -> Measure:
    """A score of one way to predict with one network."""
    key, title, unit, digits, higher_is_better = score
    of = predicted(way, key)
    scaled = percent(of) if unit == "points" else of
    return Measure(f"{way}_{key}", title, unit, digits, higher_is_better, scaled)


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
