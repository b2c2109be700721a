"""``torch.optim.SGD`` on losses of one variable: the optimiser itself, not its formula.

Every gradient is written by hand, so that a run is a plain list of numbers.
"""

from collections.abc import Callable

import numpy as np
import torch

from theory.momentum.quadratic import Array

Gradient = Callable[[float], float]


def descend(
    gradient: Gradient,
    *,
    start: float,
    momentum: float,
    learning_rate: float,
    steps: int,
    dampening: float = 0.0,
) -> Array:
    """Positions (steps + 1,) that ``torch.optim.SGD`` visits in float64; ends early beyond 1e9."""
    point = torch.tensor([start], dtype=torch.float64)
    optimizer = torch.optim.SGD([point], lr=learning_rate, momentum=momentum, dampening=dampening)
    positions = [start]
    for _ in range(steps):
        point.grad = torch.tensor([gradient(positions[-1])], dtype=torch.float64)
        optimizer.step()
        positions.append(point.item())
        if not abs(positions[-1]) < 1e9:
            break
    return np.array(positions)


def roll(
    gradient: Gradient, *, start: float, momentum: float, learning_rate: float, steps: int
) -> Array:
    """The same positions as ``descend``, by the rule in plain numbers: a hundred times faster.

    For tens of thousands of steps; the tests and the experiments hold it against ``descend``.
    """
    positions, velocity = [start], 0.0
    for _ in range(steps):
        velocity = momentum * velocity + gradient(positions[-1])
        positions.append(positions[-1] - learning_rate * velocity)
    return np.array(positions)


def gradient_weights(momentum: float, steps: int, *, dampening: float = 0.0) -> Array:
    """Weight (steps,) of each gradient, oldest first, in the last of ``steps`` updates.

    Gradient number i is the i-th unit vector, so the momentum buffer is the list of weights.
    """
    point = torch.zeros(steps, dtype=torch.float64)
    optimizer = torch.optim.SGD([point], lr=1.0, momentum=momentum, dampening=dampening)
    for index in range(steps):
        point.grad = torch.zeros(steps, dtype=torch.float64)
        point.grad[index] = 1.0
        optimizer.step()
    weights: Array = optimizer.state[point]["momentum_buffer"].numpy()
    return weights


def tilted_double_well(x: float) -> float:
    """Gradient of (x² - 1)²/4 + x/10: a good minimum near -1, a worse one near 1, a barrier."""
    return x * (x * x - 1.0) + 0.1


def tilted_double_well_loss(x: float) -> float:
    """The loss whose gradient is ``tilted_double_well``."""
    return (x * x - 1.0) ** 2 / 4.0 + x / 10.0


# Where that gradient is zero: the good minimum, the barrier between both, the worse minimum.
BEST_BOTTOM, BARRIER, WORSE_BOTTOM = (
    float(root) for root in np.sort(np.roots([1.0, 0.0, -1.0, 0.1]).real)
)


def slope_before_a_valley(x: float) -> float:
    """Gradient of a valley ½x² + x⁴ that goes over into a straight slope of 1 on its right."""
    return min(x + 4.0 * x**3, 1.0)


def slope_before_a_valley_loss(x: Array) -> Array:
    """Loss (same shape) whose gradient is ``slope_before_a_valley``."""
    edge = 0.5  # edge + 4·edge³ = 1: the gradient is continuous there
    height = 0.5 * edge**2 + edge**4
    return np.where(x > edge, height + (x - edge), 0.5 * x**2 + x**4)
