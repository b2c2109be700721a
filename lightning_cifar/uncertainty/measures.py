"""What the samples say about each image: averaged probabilities and three kinds of uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prediction:
    """Averaged log-probabilities (images, classes) and expected entropies (images), in nats."""

    log_probabilities: Tensor
    expected_entropy: Tensor

    @property
    def probabilities(self) -> Tensor:
        """Class probabilities averaged over the samples, (images, classes)."""
        return self.log_probabilities.exp()

    @property
    def predicted(self) -> Tensor:
        """The most probable class of each image."""
        return self.log_probabilities.argmax(-1)

    @property
    def confidence(self) -> Tensor:
        """The probability of the predicted class."""
        return self.log_probabilities.amax(-1).exp()

    @property
    def predictive_entropy(self) -> Tensor:
        """Entropy of the averaged probabilities, in nats: the total uncertainty."""
        return entropy(self.log_probabilities, -1)

    @property
    def mutual_information(self) -> Tensor:
        """Predictive minus expected entropy: how far the samples disagree (Houlsby et al. 2011).

        Never negative (Jensen); the clamp removes the rounding of a difference of equals.
        """
        return (self.predictive_entropy - self.expected_entropy).clamp_min(0)


def prediction_of(logits: Tensor) -> Prediction:
    """Average the probabilities, not the logits, of (images, samples, classes) logits."""
    log_probabilities = sampled_log_probabilities(logits)
    expected = entropy(log_probabilities, 1).mean(-1)
    return Prediction(log_mean(log_probabilities), expected)


def log_probabilities_by_count(logits: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Averaged log-probabilities (images, classes) of the first 1, 2, … samples, per count."""
    log_probabilities = sampled_log_probabilities(logits)
    return [log_mean(log_probabilities[..., :count]) for count in counts]


def sampled_log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax of (images, samples, classes) logits as (images, classes, samples).

    A softmax along the short last axis is not vectorised; along this middle one it is.
    """
    return logits.mT.contiguous().log_softmax(1)


def log_mean(log_probabilities: Tensor) -> Tensor:
    """Log of the mean over the last axis, without leaving the logarithm: no underflow to 0."""
    mean = log_probabilities.logsumexp(-1) - math.log(log_probabilities.shape[-1])
    # Rounding may exceed probability 1, which other code takes for "these are logits".
    return mean.clamp_max(0)


def entropy(log_probabilities: Tensor, axis: int) -> Tensor:
    """Entropy along an axis, in nats; a probability of 0 contributes nothing."""
    probabilities = log_probabilities.exp()
    # The bound only matters where the probability has underflowed to 0: 0 times minus infinity.
    finite = log_probabilities.clamp_min(torch.finfo(log_probabilities.dtype).min)
    return -probabilities.mul_(finite).sum(axis)
