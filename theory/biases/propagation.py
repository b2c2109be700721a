"""What a bias does to signal and gradient in a wide ReLU network, in closed form.

With independent weights the pre-activations of a wide layer are normal with mean ``bias`` and
variance s^2 = weight_variance * q + bias_variance, where q is the mean square of its inputs. The
moments of a rectified normal variable then give the next q and the factor of squared gradients
(Poole et al. 2016, Schoenholz et al. 2017). Weight variances are in units of 1 / fan_in: 2 is He's.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from theory.errors import DomainError

HE = 2.0
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Biases:
    """How biases start: one ``constant`` plus draws of the given ``variance``."""

    constant: float = 0.0
    variance: float = 0.0


def next_mean_square(mean_square: float, *, weight_variance: float, biases: Biases) -> float:
    """Mean square of a layer's activations, given that of its inputs.

    E relu(z)^2 = (s^2 + b^2) Phi(b / s) + b s phi(b / s) for z normal with mean b, deviation s.
    """
    deviation = _deviation(mean_square, weight_variance, biases)
    mean = biases.constant
    ratio = mean / deviation
    density = _NORMAL.pdf(ratio)
    return (deviation**2 + mean**2) * _NORMAL.cdf(ratio) + mean * deviation * density


def gradient_factor(mean_square: float, *, weight_variance: float, biases: Biases) -> float:
    """Factor of the squared gradient norm on its way back through one layer: a share of units.

    A gradient passes a unit that is active, which has probability Phi(b / s).
    """
    deviation = _deviation(mean_square, weight_variance, biases)
    return weight_variance * _NORMAL.cdf(biases.constant / deviation)


def log10_gradient_gain(
    depth: int, *, weight_variance: float, biases: Biases, mean_square: float = 1.0
) -> float:
    """log10 of the factor by which a gradient's norm changes on its way back through all layers."""
    total = 0.0
    for _ in range(depth):
        factor = gradient_factor(mean_square, weight_variance=weight_variance, biases=biases)
        total += 0.5 * math.log10(factor)
        mean_square = next_mean_square(mean_square, weight_variance=weight_variance, biases=biases)
    return total


def silent_layer_probability(*, width: int, depth: int) -> float:
    """Chance that one input leaves some layer with no active unit, at zero biases: 1-(1-2^-N)^L.

    Each of the N units of a layer is active with probability one half, independently, as long as
    its inputs are not all 0.

    Raises:
        DomainError: for a width or depth below 1.
    """
    if width < 1 or depth < 1:
        raise DomainError(f"width and depth must be at least 1, got {width} and {depth}")
    return -math.expm1(depth * math.log1p(-(2.0**-width)))


def _deviation(mean_square: float, weight_variance: float, biases: Biases) -> float:
    return math.sqrt(weight_variance * mean_square + biases.variance)
