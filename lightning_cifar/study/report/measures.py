"""What is compared: one figure for each run, its unit, and which direction is good."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.report.study_files import Study

Values = dict[int, float]


@dataclass(frozen=True)
class Measure:
    """A figure of a run.

    Attributes:
        unit: in words, after a figure: "points" of accuracy, "epochs", "nats".
        digits: decimals that are written.
        of: the figure; NaN where the run has none.
        threshold: the loss to be reached, of a measure that has one.
    """

    key: str
    title: str
    unit: str
    digits: int
    higher_is_better: bool
    of: Callable[[StudyRecord], float]
    threshold: float | None = None


def tested(key: str) -> Callable[[StudyRecord], float]:
    """A score on the test images."""
    return lambda record: record.test.get(key, math.nan)


def percent(of: Callable[[StudyRecord], float]) -> Callable[[StudyRecord], float]:
    """A fraction in points."""
    return lambda record: 100 * of(record)


def validation_accuracy(record: StudyRecord) -> float:
    """At the weights that were kept."""
    best = record.run.best
    return math.nan if best is None or record.failure else best.val_accuracy


def validation_loss(record: StudyRecord) -> float:
    """The lowest."""
    best = record.run.best
    return math.nan if best is None or record.failure else best.val_loss


def best_epoch(record: StudyRecord) -> float:
    """Epochs until the weights that were kept, counted from 1."""
    return math.nan if record.run.best is None or record.failure else record.run.best_epoch + 1


def predicted(way: str, key: str) -> Callable[[StudyRecord], float]:
    """A score of one way to predict, from the comparison of Monte Carlo dropout."""

    def of(record: StudyRecord) -> float:
        value: Any = ((record.monte_carlo or {}).get("scores", {}).get(way) or {}).get(key)
        return math.nan if value is None else float(value)

    return of


miscalibration = percent(tested("calibration_error"))
validated = percent(validation_accuracy)
WAYS = {
    "deterministic": "the plain prediction",
    "monte_carlo": "Monte Carlo dropout",
    "temperature": "temperature scaling",
}
SCORES = (
    ("accuracy", "accuracy", "points", 2, True),
    ("nll", "negative log-likelihood", "nats", 4, False),
    ("calibration_error", "calibration error", "points", 2, False),
)


def way_measure(way: str, score: tuple[str, str, str, int, bool]) -> Measure:
    """A score of one way to predict with one network."""
    key, title, unit, digits, higher_is_better = score
    of = predicted(way, key)
    scaled = percent(of) if unit == "points" else of
    return Measure(f"{way}_{key}", title, unit, digits, higher_is_better, scaled)


MEASURES = {
    measure.key: measure
    for measure in (
        Measure("test_accuracy", "test accuracy", "points", 2, True, percent(tested("accuracy"))),
        Measure("test_nll", "test negative log-likelihood", "nats", 4, False, tested("nll")),
        Measure("test_brier", "test Brier score", "", 4, False, tested("brier")),
        Measure(
            "test_calibration_error", "test calibration error", "points", 2, False, miscalibration
        ),
        Measure("val_accuracy", "validation accuracy", "points", 2, True, validated),
        Measure("val_loss", "lowest validation loss", "nats", 4, False, validation_loss),
        Measure("best_epoch", "epochs to the lowest loss", "epochs", 1, False, best_epoch),
        *(way_measure(way, score) for way in WAYS for score in SCORES),
    )
}


def epochs_to_loss(threshold: float) -> Measure:
    """Epochs until the validation loss is first at or below ``threshold``; NaN if never."""

    def of(record: StudyRecord) -> float:
        losses = [epoch.val_loss for epoch in record.run.epochs]
        reached = (number for number, loss in enumerate(losses, 1) if loss <= threshold)
        return float(next(reached, math.nan))

    title = f"epochs to a validation loss of {threshold:.2f}"
    return Measure("epochs_to_loss", title, "epochs", 1, False, of, threshold)


def seconds_to_loss(threshold: float, seconds: dict[str, float]) -> Measure:
    """The same in seconds of a single fit; ``seconds`` per epoch by variant."""
    epochs = epochs_to_loss(threshold)

    def of(record: StudyRecord) -> float:
        return epochs.of(record) * seconds.get(record.variant, math.nan)

    title = f"seconds to a validation loss of {threshold:.2f}"
    return Measure("seconds_to_loss", title, "seconds", 1, False, of, threshold)


def values(study: Study, set_up: str, variant: str, measure: Measure) -> Values:
    """Seed -> figure for one cell of the plan; NaN for a run that has none."""
    return {record.seed: measure.of(record) for record in study.runs(set_up, variant)}
