"""How large activations and gradients are, layer by layer, in a wide dense network at its start.

In a wide network with independent weights of mean zero, the pre-activations of a layer are normal
with variance ``weight_variance * q``, where ``q`` is the mean square of the layer's inputs. Hence
the map of mean squares and the factor of squared gradients (Poole et al. 2016, Schoenholz et al.
2017). Weight variances are in units of ``1 / fan_in``: 1 is LeCun's rule, 2 is He's. All float64.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from theory.nonlinearities import Nonlinearity

LECUN = 1.0
HE = 2.0
TORCH_SELU_GAIN = 0.75**2  # torch.nn.init.calculate_gain("selu") is 3/4
LINEAR_DEFAULT = 1 / 3  # torch.nn.Linear draws uniformly from +-1/sqrt(fan_in)

_REACH = 12.0  # the normal distribution holds 4e-33 beyond it
_PANELS = 14
_NODES_PER_PANEL = 20


@dataclass(frozen=True)
class Signal:
    """What reaches each layer of a deep network.

    Attributes:
        mean_squares: mean square of the activations; entry 0 is the input, entry l is layer l.
        log10_gradients: log10 of the norm of the gradient with respect to the activations of layer
            l over that at the last layer; one entry per entry of ``mean_squares``, the last is 0.
    """

    mean_squares: tuple[float, ...]
    log10_gradients: tuple[float, ...]

    @property
    def root_mean_square(self) -> float:
        """Root of the mean square of the last layer's activations."""
        return math.sqrt(self.mean_squares[-1])

    @property
    def log10_gradient(self) -> float:
        """log10 of the factor by which the gradient's norm changes from last layer to input."""
        return self.log10_gradients[0]


@cache
def _normal_quadrature() -> tuple[Tensor, Tensor]:
    """Return nodes and weights for means under the standard normal distribution.

    Panels shrink towards zero, where rectifiers have their kink and where a steep function of a
    wide normal changes; inside a panel the integrand is smooth, so Gauss-Legendre is exact to
    rounding.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES_PER_PANEL)
    edges = np.concatenate([[0.0], _REACH * 2.0 ** np.arange(1 - _PANELS, 1)])
    half = np.diff(edges)[:, None] / 2
    positive = torch.from_numpy((edges[:-1, None] + half * (1 + nodes)).ravel())
    density = torch.exp(-(positive**2) / 2) / math.sqrt(2 * math.pi)
    one_side = torch.from_numpy((half * weights).ravel()) * density
    return torch.cat([-positive, positive]), torch.cat([one_side, one_side])


def normal_mean(function: Callable[[Tensor], Tensor], *, variance: float = 1.0) -> float:
    """Return the mean of ``function(z)`` for normal z with mean 0; kinks at 0 are no trouble."""
    nodes, weights = _normal_quadrature()
    return float(weights @ function(math.sqrt(variance) * nodes))


def next_mean_square(
    nonlinearity: Nonlinearity, mean_square: float, *, weight_variance: float
) -> float:
    """Return the mean square of a layer's activations, given that of its inputs."""
    variance = weight_variance * mean_square
    return normal_mean(lambda z: nonlinearity.value(z) ** 2, variance=variance)


def gradient_factor(
    nonlinearity: Nonlinearity, mean_square: float, *, weight_variance: float
) -> float:
    """Return the factor of the squared gradient norm as it passes back through one layer.

    ``mean_square`` is that of the layer's inputs; layers are taken to be equally wide.
    """
    variance = weight_variance * mean_square
    return weight_variance * normal_mean(
        lambda z: nonlinearity.derivative(z) ** 2, variance=variance
    )


def restoring_slope(
    nonlinearity: Nonlinearity, mean_square: float, *, weight_variance: float
) -> float:
    """Return d log(q') / d log(q): below 1 a wrong scale shrinks from layer to layer."""
    step = 1e-4
    upper, lower = (
        next_mean_square(
            nonlinearity, mean_square * math.exp(sign * step), weight_variance=weight_variance
        )
        for sign in (1, -1)
    )
    return math.log(upper / lower) / (2 * step)


def propagate(
    nonlinearity: Nonlinearity, *, depth: int, weight_variance: float, mean_square: float = 1.0
) -> Signal:
    """Follow activations and gradients through ``depth`` equal layers without biases.

    Args:
        nonlinearity: the activation function of every layer.
        depth: number of layers.
        weight_variance: variance of a weight, in units of 1 / fan_in.
        mean_square: mean square of the inputs.
    """
    squares = [mean_square]
    factors = []
    for _ in range(depth):
        factors.append(gradient_factor(nonlinearity, squares[-1], weight_variance=weight_variance))
        squares.append(next_mean_square(nonlinearity, squares[-1], weight_variance=weight_variance))
    steps = 0.5 * np.log10(np.array(factors))
    gradients = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    # Rounded, so that a gradient that stays the same reads as 0 and not as 1e-16 or -0.
    return Signal(tuple(squares), tuple(float(value) for value in gradients.round(12) + 0.0))
