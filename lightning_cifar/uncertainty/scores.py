"""Seven measures of a set of predictions, as one record; and the curves behind three of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import weighted
from lightning_cifar.uncertainty.weighted import BINS, Graded, graded

RISK_COVERAGE_POINTS = 100


@dataclass(frozen=True)
class Measure:
    """A measure's key, its name for people, which direction is good, and a name for a column."""

    key: str
    title: str
    higher_is_better: bool
    short: str


MEASURES = (
    Measure("accuracy", "accuracy", True, "accuracy"),
    Measure("nll", "negative log-likelihood", False, "NLL"),
    Measure("brier", "Brier score", False, "Brier"),
    Measure("calibration_error", "calibration error, 15 bins", False, "calibration"),
    Measure("equal_mass_calibration_error", "calibration error, equal mass", False, "equal mass"),
    Measure("error_auroc", "AUROC of error detection", True, "AUROC"),
    Measure("area_under_risk_coverage", "area under risk-coverage", False, "risk-coverage"),
)


def weighted_measures(graded: Graded) -> dict[str, Callable[[Tensor], Tensor]]:
    """Each measure of ``MEASURES`` as a function of weights (resamples, images).

    Bins and ties are those of the whole set; a resample changes only the weights in them.
    """
    width = weighted.equal_width_bins(graded.confidence)
    mass = weighted.equal_mass_bins(graded.confidence)
    ties = weighted.tie_groups(graded.uncertainty)
    return {
        "accuracy": partial(weighted.weighted_mean, graded.correct),
        "nll": partial(weighted.weighted_mean, graded.nll),
        "brier": partial(weighted.weighted_mean, graded.brier),
        "calibration_error": partial(weighted.calibration_error, graded, width),
        "equal_mass_calibration_error": partial(weighted.calibration_error, graded, mass),
        "error_auroc": partial(weighted.auroc, 1 - graded.correct, ties),
        "area_under_risk_coverage": partial(weighted.area_under_risk_coverage, graded, ties),
    }


def scores_of(log_probabilities: Tensor, labels: Tensor) -> dict[str, float]:
    """The measures of ``MEASURES`` by key; log_probabilities (images, classes), labels (images,).

    In float64, with the code that also serves the bootstrap; equal to torchmetrics where that has
    the measure. The AUROC is not a number if nothing is wrong, or nothing right.

    Raises:
        InputError: no images, or not one label per image.
    """
    require_labels(log_probabilities, labels)
    measures = weighted_measures(graded(log_probabilities, labels))
    one = torch.ones(1, len(labels), dtype=torch.float64)
    return {key: float(measure(one)) for key, measure in measures.items()}


def require_labels(log_probabilities: Tensor, labels: Tensor) -> None:
    """Refuse an empty set, and labels that are not one per image."""
    if len(labels) == 0 or len(labels) != len(log_probabilities):
        raise InputError(
            f"measures need one label per image and at least one image, got {len(labels)} labels "
            f"for {len(log_probabilities)} images"
        )


@dataclass(frozen=True)
class ReliabilityBin:
    """The images of one bin of confidence: how many, how sure, and how often right."""

    images: int
    confidence: float
    accuracy: float


def reliability(log_probabilities: Tensor, labels: Tensor) -> tuple[ReliabilityBin, ...]:
    """The non-empty equal-width bins of a reliability diagram, from unsure to sure."""
    predictions = graded(log_probabilities, labels)
    bins = weighted.equal_width_bins(predictions.confidence)
    return tuple(
        ReliabilityBin(
            images=int(chosen.sum()),
            confidence=float(predictions.confidence[chosen].mean()),
            accuracy=float(predictions.correct[chosen].mean()),
        )
        for chosen in (bins == number for number in range(BINS + 1))
        if chosen.any()
    )


@dataclass(frozen=True)
class RiskCoverage:
    """Error rate among the most certain share of the images."""

    coverage: float
    risk: float


def risk_coverage(log_probabilities: Tensor, labels: Tensor) -> tuple[RiskCoverage, ...]:
    """At most 100 evenly spaced points of the risk-coverage curve, the last one at coverage 1."""
    predictions = graded(log_probabilities, labels)
    order = predictions.uncertainty.argsort(stable=True)
    count = len(order)
    covered = torch.arange(1, count + 1)
    risk = (1 - predictions.correct[order]).cumsum(0) / covered
    points = min(count, RISK_COVERAGE_POINTS)
    ends = [(index + 1) * count // points - 1 for index in range(points)]
    return tuple(RiskCoverage((end + 1) / count, float(risk[end])) for end in ends)
