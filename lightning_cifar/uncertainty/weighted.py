"""The measures of a set of images under weights: one row of weights is one resampled set.

Weights have the shape (resamples, images); every measure returns (resamples,). With weights of 1
they are the measures of the set itself.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 15


@dataclass(frozen=True)
class Graded:
    """Predictions and what came true, in float64: all that the measures of a set need.

    log_probabilities: (images, classes). labels: (images,).
    """

    log_probabilities: Tensor
    labels: Tensor

    @property
    def correct(self) -> Tensor:
        """1 where the most probable class is the label, else 0."""
        return (self.log_probabilities.argmax(-1) == self.labels).double()

    @property
    def confidence(self) -> Tensor:
        """The probability of the predicted class."""
        return self.log_probabilities.amax(-1).exp()

    @property
    def uncertainty(self) -> Tensor:
        """1 - confidence, exact also where the confidence rounds to 1."""
        return -torch.expm1(self.log_probabilities.amax(-1))

    @property
    def nll(self) -> Tensor:
        """Negative log-likelihood of the label, in nats."""
        return -self.log_probabilities.gather(1, self.labels[:, None]).squeeze(1)

    @property
    def brier(self) -> Tensor:
        """Squared distance of the probabilities from the label's unit vector, between 0 and 2."""
        probabilities = self.log_probabilities.exp()
        truth = torch.nn.functional.one_hot(self.labels, probabilities.shape[1])
        return (probabilities - truth).square().sum(1)


def graded(log_probabilities: Tensor, labels: Tensor) -> Graded:
    """Predictions and labels on the CPU, in the precision that the measures want."""
    return Graded(log_probabilities.detach().double().cpu(), labels.detach().long().cpu())


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of (images,) values."""
    return torch.mv(weights, values) / weights.sum(1)


def calibration_error(graded: Graded, bins: Tensor, weights: Tensor) -> Tensor:
    """Expected calibration error for given bins: mean over images of |accuracy - confidence|.

    Naeini et al. 2015; bins: (images,) bin numbers, see ``equal_width_bins``.
    """
    gap = graded.correct - graded.confidence
    gap_by_bin = torch.zeros(len(gap), int(bins.max()) + 1, dtype=gap.dtype)
    gap_by_bin.scatter_(1, bins[:, None], gap[:, None])
    total_gaps: Tensor = torch.mm(weights, gap_by_bin).abs().sum(1)
    return total_gaps / weights.sum(1)


def equal_width_bins(confidence: Tensor, count: int = BINS) -> Tensor:
    """Bin numbers as in torchmetrics: [0, 1/15), …, [14/15, 1), and a bin for exactly 1."""
    edges = torch.linspace(0, 1, count + 1, dtype=confidence.dtype)
    return torch.bucketize(confidence, edges, right=True) - 1


def equal_mass_bins(confidence: Tensor, count: int = BINS) -> Tensor:
    """Bin numbers by rank, so that bins differ by at most one image; ties in the given order."""
    order = confidence.argsort(stable=True)
    bins = torch.empty_like(order)
    bins[order] = torch.arange(len(order)) * count // len(order)
    return bins


def tie_groups(uncertainty: Tensor) -> Tensor:
    """Group numbers, from the most certain image up; equally certain images share one."""
    groups: Tensor = torch.unique(uncertainty, return_inverse=True)[1]
    return groups


def grouped(weights: Tensor, groups: Tensor) -> Tensor:
    """Weights summed within each group, (resamples, groups)."""
    sums = weights.new_zeros(len(weights), int(groups.max()) + 1)
    return sums.index_add_(1, groups, weights)


def auroc(sought: Tensor, groups: Tensor, weights: Tensor) -> Tensor:
    """Chance that an image that is sought is in a higher group than one that is not.

    sought: (images,), 1 or 0. A common group counts half: the area under the curve of true against
    false alarms is exactly this (Hanley and McNeil 1982). Not a number where all images are sought,
    or none.
    """
    there = grouped(weights * sought, groups)
    others = grouped(weights * (1 - sought), groups)
    below = others.cumsum(1) - others / 2
    return (there * below).sum(1) / (there.sum(1) * others.sum(1))


def area_under_risk_coverage(graded: Graded, groups: Tensor, weights: Tensor) -> Tensor:
    """Mean over images of the error rate among those at least as certain (Geifman et al. 2019)."""
    mass = grouped(weights, groups)
    errors = grouped(weights * (1 - graded.correct), groups).cumsum(1)
    covered = mass.cumsum(1)
    # A resample may begin with groups that it did not draw; their own mass is 0.
    risk = errors / covered.clamp_min(torch.finfo(covered.dtype).tiny)
    return (mass * risk).sum(1) / covered[:, -1]
