"""The map of mean and variance through one SELU layer, in closed form.

For a pre-activation that is normal with mean ``m`` and variance ``v``, both moments of SELU's
output follow from E[exp(a x); x < 0] of a normal x (Klambauer et al. 2017, equations 4 and 5).
Plain floats; good to rounding for variances up to about 100.
"""

import math

from theory.nonlinearities import SELU_ALPHA, SELU_LAMBDA


def _density(x: float) -> float:
    return math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _distribution(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _exponential_below_zero(rate: float, mean: float, variance: float) -> float:
    """Return E[exp(rate * x); x < 0] for normal x."""
    factor = math.exp(rate * mean + rate**2 * variance / 2)
    return factor * _distribution(-(mean + rate * variance) / math.sqrt(variance))


def output_moments(mean: float, variance: float) -> tuple[float, float]:
    """Return mean and variance of SELU's output for a normal pre-activation."""
    deviation = math.sqrt(variance)
    ratio = mean / deviation
    zeroth, first, second = (
        _exponential_below_zero(rate, mean, variance) for rate in (0.0, 1.0, 2.0)
    )
    above = mean * _distribution(ratio) + deviation * _density(ratio)
    above_squared = (mean**2 + variance) * _distribution(ratio) + mean * deviation * _density(ratio)
    average = SELU_LAMBDA * (above + SELU_ALPHA * (first - zeroth))
    square = SELU_LAMBDA**2 * (above_squared + SELU_ALPHA**2 * (second - 2 * first + zeroth))
    return average, square - average**2


def next_moments(
    mean: float, variance: float, *, weight_sum: float = 0.0, weight_square: float = 1.0
) -> tuple[float, float]:
    """Return mean and variance of a layer's activations, given those of its inputs.

    ``weight_sum`` and ``weight_square`` are the sum of a neuron's weights and of their squares; 0
    and 1 are what LeCun's rule aims at.
    """
    return output_moments(mean * weight_sum, variance * weight_square)


def squared_gradient_factor() -> float:
    """Return the factor of the squared gradient per layer at mean 0, variance 1: about 1.0716."""
    return SELU_LAMBDA**2 * (0.5 + SELU_ALPHA**2 * _exponential_below_zero(2.0, 0.0, 1.0))
