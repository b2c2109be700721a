"""Softmax, what else could turn scores into probabilities, and how well each fits given labels.

Scores and labels have shape (examples, classes).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from theory.nonlinearities import LOGISTIC

Normalisation = Callable[[Tensor], Tensor]


def softmax(scores: Tensor) -> Tensor:
    """Exponentials over their sum, class by class; the largest score is taken off first."""
    exponentials = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


def softmax_over_batch(scores: Tensor) -> Tensor:
    """A common slip: the sum runs over the examples, not over the classes."""
    return softmax(scores.T).T


def independent_logistics(scores: Tensor) -> Tensor:
    """One logistic function per class; the probabilities need not add up to 1."""
    return LOGISTIC.value(scores)


def log_loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Binary log loss summed over the classes, in nats, for each example."""
    right = torch.xlogy(labels, probabilities) + torch.xlogy(1 - labels, 1 - probabilities)
    return -right.sum(dim=-1)


def best_log_loss(normalisation: Normalisation, labels: Tensor) -> float:
    """Return the smallest mean log loss when true classes get one score and the others minus it.

    With labels that treat classes alike no other scores do better, because the loss is convex.
    """
    sides = 2 * labels - 1
    losses = (
        log_loss(normalisation(scale * sides), labels).mean()
        for scale in torch.linspace(0, 50, 101)
    )
    return min(float(loss) for loss in losses)


def backward_factor(normalisation: Normalisation, units: int) -> float:
    """Return the largest factor on a gradient that passes back where all scores are equal."""
    scores = torch.zeros(1, units, dtype=torch.float64, requires_grad=True)
    outputs = normalisation(scores)[0]
    rows = [torch.autograd.grad(output, scores, retain_graph=True)[0][0] for output in outputs]
    return float(torch.linalg.matrix_norm(torch.stack(rows), ord=2))


def probability_within(limit: float, classes: int) -> float:
    """Return the largest probability that softmax gives one class, scores from -limit to limit.

    It is reached where that class has the score limit and every other one the score -limit.
    """
    return 1 / (1 + (classes - 1) * math.exp(-2 * limit))
