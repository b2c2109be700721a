"""The period of a swing about trained weights, beside the one that curvature and rate predict.

The weights are displaced along the most curved direction of the loss and let go, with momentum and
without noise: one batch, whose gradient at the start is taken away from every gradient. That tilts
the loss, which has no effect on its curvature, so that the trained weights are at rest.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from theory.momentum.quadratic import count_sign_changes, crossings_per_step

POWER_STEPS = 20  # of the iteration that finds the most curved direction
RISE = 1e-4  # of the loss, by which the displacement begins
PERIOD = 30.0  # steps, at momentum 1, for which the rate is chosen
SWINGS = 5

Gradient = Callable[[Tensor], Tensor]


def swings(
    network: nn.Sequential, images: Tensor, labels: Tensor, momenta: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Momentum -> what ``let_go`` finds about the trained weights.

    network: in evaluation mode; its weights are left changed. images: (batch, pixels).
    """
    gradient = gradient_at(network, images, labels)
    weights = parameters_to_vector(network.parameters()).detach()
    curvature, direction = most_curved(gradient, weights, seed=0)
    return {
        str(momentum): let_go(gradient, weights, curvature, direction, momentum)
        for momentum in momenta
    }


def gradient_at(network: nn.Sequential, images: Tensor, labels: Tensor) -> Gradient:
    """The loss's gradient as a function of all weights in one vector."""
    parameters = list(network.parameters())

    def gradient(weights: Tensor) -> Tensor:
        with torch.no_grad():
            vector_to_parameters(weights, parameters)
        loss = functional.cross_entropy(network(images), labels)
        return parameters_to_vector(torch.autograd.grad(loss, parameters))

    return gradient


def most_curved(gradient: Gradient, weights: Tensor, seed: int) -> tuple[float, Tensor]:
    """The largest curvature and its direction, by power iteration on differences of gradients."""
    distance = 1e-4 * float(weights.norm())
    lowest = 0.0
    for _ in range(2):
        generator = torch.Generator().manual_seed(seed)
        direction = torch.randn(len(weights), generator=generator, dtype=weights.dtype)
        curvature = 0.0
        for _ in range(POWER_STEPS):
            direction = direction / direction.norm()
            step = distance * direction
            product = (gradient(weights + step) - gradient(weights - step)) / (2 * distance)
            curvature = float(direction @ product)
            direction = product - lowest * direction
        if curvature > 0:
            break
        lowest = curvature  # the largest in size was a hill: once more, measured from its height
    return curvature, direction / direction.norm()


def let_go(
    gradient: Gradient, weights: Tensor, curvature: float, direction: Tensor, momentum: float
) -> dict[str, float]:
    """Measured and predicted period, in steps, crossings, and what is left of the swing.

    left: the largest distance in the last period by that in the first.

    direction: of length 1, in which the loss has the given curvature.
    """
    step = (2 * math.pi / PERIOD) ** 2  # rate times curvature
    rate, at_rest = step / curvature, gradient(weights)
    displaced = weights + math.sqrt(2 * RISE / curvature) * direction
    velocity = torch.zeros_like(weights)
    measured = []
    for _ in range(round(SWINGS * PERIOD) + 1):
        measured.append(float((displaced - weights) @ direction))
        velocity = momentum * velocity + gradient(displaced) - at_rest
        displaced = displaced - rate * velocity
    places, period = np.array(measured), round(PERIOD)
    return {
        "curvature": curvature,
        "rate": rate,
        "predicted": 2 / crossings_per_step(momentum, step),
        "measured": period_of(places),
        "left": float(np.abs(places[-period:]).max() / np.abs(places[:period]).max()),
        "crossings": count_sign_changes(places),
    }


def period_of(places: NDArray[np.float64]) -> float:
    """Twice the mean distance between crossings of 0, read between the steps; inf if under two."""
    at = np.flatnonzero(places[:-1] * places[1:] < 0)
    if len(at) < 2:
        return math.inf
    crossings = at + places[at] / (places[at] - places[at + 1])
    return float(2 * (crossings[-1] - crossings[0]) / (len(crossings) - 1))
