"""Momentum on a quadratic bowl of one dimension, where everything has a closed form.

The loss is ½·curvature·x². With v ← momentum·v + gradient and x ← x - learning_rate·v, the state
(x, learning_rate·v) is multiplied by one 2 by 2 matrix in each step. It depends on the momentum and
on the product learning_rate·curvature alone, called ``step`` here. Source: Polyak 1964.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def iteration_matrix(momentum: float, step: float) -> Array:
    """Matrix (2, 2) that takes (x, learning_rate·v) to its value one step later."""
    return np.array([[1.0 - step, -momentum], [step, momentum]])


def trajectory(
    momentum: float,
    step: float,
    steps: int,
    *,
    dampening: float = 0.0,
    nesterov: bool = False,
) -> Array:
    """Positions (steps + 1,) from rest at 1, by the rule of ``torch.optim.SGD``.

    Ends early beyond 1e150, where a diverging run would overflow.
    """
    x, u = 1.0, 0.0  # u is learning_rate·v
    positions = [x]
    for index in range(steps):
        push = step * x
        # PyTorch takes the first gradient whole, whatever the dampening.
        u = momentum * u + push * (1.0 if index == 0 else 1.0 - dampening)
        x -= push + momentum * u if nesterov else u
        positions.append(x)
        if not abs(x) <= 1e150:
            break
    return np.array(positions)


def position_after(momentum: float, step: float, steps: int) -> float:
    """Position after ``steps`` steps from rest at 1; a million steps cost twenty products."""
    return float(np.linalg.matrix_power(iteration_matrix(momentum, step), steps)[0, 0])


def spectral_radius(momentum: Array | float, step: Array | float) -> Array:
    """Factor per step by which the distance shrinks (below 1) or grows (above 1) in the long run.

    The larger modulus of the roots of z² - (1 + momentum - step)·z + momentum.
    """
    product = np.asarray(momentum, dtype=float)
    trace = 1.0 + product - np.asarray(step, dtype=float)
    discriminant = trace**2 - 4.0 * product
    real = (np.abs(trace) + np.sqrt(np.maximum(discriminant, 0.0))) / 2.0
    # Complex roots are conjugate, so both have the modulus of the root of their product.
    return np.asarray(np.where(discriminant < 0.0, np.sqrt(product), real))


def stability_limit(momentum: float) -> float:
    """Largest learning_rate·curvature: above 2·(1 + momentum) the distance grows (Jury)."""
    return 2.0 * (1.0 + momentum)


def ringing_range(momentum: float) -> tuple[float, float]:
    """Open interval of learning_rate·curvature in which the iterates turn around the minimum."""
    root = math.sqrt(momentum)
    return (1.0 - root) ** 2, (1.0 + root) ** 2


def crossings_per_step(momentum: float, step: float) -> float:
    """Crossings of the minimum per step inside the ringing range."""
    cosine = (1.0 + momentum - step) / (2.0 * math.sqrt(momentum))
    return math.acos(min(1.0, max(-1.0, cosine))) / math.pi  # at its ends, rounding passes 1


def steps_to_shrink(radius: float, factor: float = 1000.0) -> float:
    """Steps until the distance is ``factor`` times smaller; at least one, infinite if it grows."""
    if radius >= 1.0:
        return math.inf
    return 1.0 if radius <= 0.0 else max(1.0, math.log(factor) / -math.log(radius))


def stationary_variance(
    momentum: float, learning_rate: float, *, curvature: float = 1.0, noise: float = 1.0
) -> float:
    """Variance of x in the long run when each gradient carries noise.

    ``noise`` is its standard deviation. The solution of the discrete Lyapunov equation of
    ``iteration_matrix``; infinite when unstable.
    """
    room = stability_limit(momentum) - learning_rate * curvature
    if momentum >= 1.0 or room <= 0.0:
        return math.inf
    return learning_rate * (1.0 + momentum) * noise**2 / (curvature * (1.0 - momentum) * room)


def count_sign_changes(values: Array) -> int:
    """How often neighbouring ``values`` lie on different sides of 0; exact zeros are skipped."""
    signs = np.sign(values[values != 0.0])
    return int(np.count_nonzero(signs[1:] != signs[:-1]))
