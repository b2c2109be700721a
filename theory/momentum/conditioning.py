"""The best momentum for a bowl that is steeper in one direction than in another.

The condition number κ is the largest curvature over the smallest, here κ over 1. One learning
rate serves both directions, and the slower of the two sets the pace. The best momentum is found by
search; the closed form ((√κ - 1)/(√κ + 1))² (Polyak 1964) is left to the tests.
"""

import numpy as np

from theory.momentum.quadratic import Array, spectral_radius

MOMENTUMS = np.linspace(0.0, 0.99999, 100_000)


def best_learning_rate(momentum: Array | float, condition_number: float) -> Array:
    """Learning rate with the fastest worst direction, for curvatures 1 and ``condition_number``.

    A radius grows with the modulus of its matrix's trace, and this rate makes the two traces
    1 + momentum - rate and 1 + momentum - rate·κ opposite; any other enlarges one of them.
    """
    return np.asarray(2.0 * (1.0 + np.asarray(momentum)) / (1.0 + condition_number))


def best_radius(momentum: Array | float, condition_number: float) -> Array:
    """Factor per step of the slower direction, with the best learning rate for ``momentum``."""
    rate = best_learning_rate(momentum, condition_number)
    return np.maximum(
        spectral_radius(momentum, rate), spectral_radius(momentum, rate * condition_number)
    )


def best_momentum(condition_number: float) -> float:
    """Momentum between 0 and 0.99999 with the smallest ``best_radius``, to five digits."""
    return float(MOMENTUMS[np.argmin(best_radius(MOMENTUMS, condition_number))])
