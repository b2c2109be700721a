"""The measures that torchmetrics lacks, as metrics whose states add up over batches and processes.

All take log-probabilities (images, classes) and labels (images,).
"""

from abc import abstractmethod

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from lightning_cifar.uncertainty import weighted
from lightning_cifar.uncertainty.weighted import Graded, graded


class MeanOfImages(Metric):
    """Abstract: the mean over all images of one number per image."""

    full_state_update = False
    total: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    @abstractmethod
    def of_images(self, graded: Graded) -> Tensor:
        """The number of each image, (images,)."""

    def update(self, log_probabilities: Tensor, labels: Tensor) -> None:
        """Add a batch."""
        values = self.of_images(graded(log_probabilities, labels))
        self.total += values.sum().to(self.total.device)
        self.images += len(labels)

    def compute(self) -> Tensor:
        """The mean over all images so far."""
        return self.total / self.images


class NegativeLogLikelihood(MeanOfImages):
    """Mean negative log-likelihood of the labels, in nats."""

    def of_images(self, graded: Graded) -> Tensor:
        """Negative log-likelihood of each label."""
        return graded.nll


class BrierScore(MeanOfImages):
    """Mean multiclass Brier score, between 0 and 2 (Brier 1950)."""

    def of_images(self, graded: Graded) -> Tensor:
        """Squared distance from each label's unit vector."""
        return graded.brier


class OfAllImages(Metric):
    """Abstract: a measure that needs all images at once, and so keeps them."""

    full_state_update = False
    log_probabilities: list[Tensor]
    labels: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("log_probabilities", [], dist_reduce_fx="cat")
        self.add_state("labels", [], dist_reduce_fx="cat")

    @abstractmethod
    def of_set(self, graded: Graded) -> Tensor:
        """The measure of the whole set, a scalar."""

    def update(self, log_probabilities: Tensor, labels: Tensor) -> None:
        """Add a batch."""
        self.log_probabilities.append(log_probabilities.detach())
        self.labels.append(labels.detach())

    def compute(self) -> Tensor:
        """The measure of all images so far."""
        everything = graded(dim_zero_cat(self.log_probabilities), dim_zero_cat(self.labels))
        return self.of_set(everything)


class EqualMassCalibrationError(OfAllImages):
    """Expected calibration error with 15 bins of equally many images (Nixon et al. 2019)."""

    def of_set(self, graded: Graded) -> Tensor:
        """The calibration error of the set."""
        bins = weighted.equal_mass_bins(graded.confidence)
        return weighted.calibration_error(graded, bins, equal_weights(graded))[0]


class AreaUnderRiskCoverage(OfAllImages):
    """Mean error rate among the most certain images, over all shares (Geifman et al. 2019)."""

    def of_set(self, graded: Graded) -> Tensor:
        """The area of the set."""
        groups = weighted.tie_groups(graded.uncertainty)
        return weighted.area_under_risk_coverage(graded, groups, equal_weights(graded))[0]


class ErrorAUROC(OfAllImages):
    """AUROC of telling wrong from right predictions by their confidence; ties count half."""

    def of_set(self, graded: Graded) -> Tensor:
        """The AUROC of the set, not a number if nothing is wrong or nothing right."""
        groups = weighted.tie_groups(graded.uncertainty)
        return weighted.error_auroc(graded, groups, equal_weights(graded))[0]


def equal_weights(graded: Graded) -> Tensor:
    """Weight 1 for each image."""
    return torch.ones(1, len(graded.labels), dtype=torch.float64)
