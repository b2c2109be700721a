"""Whether a gradient crosses a deep network whose weights are all different."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from theory.symmetry.network import (
    Activation,
    Layer,
    Layers,
    Start,
    he_deviation,
    independent_start,
)


@dataclass(frozen=True)
class GradientProfile:
    """How far a gradient comes.

    Attributes:
        log10_gradient_ratio: log10 of the norm of the loss gradient by the first hidden layer's
            activations over that by the last one's, mean over the draws.
        smallest_row_distance: largest difference between the two most similar units' weights.
    """

    log10_gradient_ratio: float
    smallest_row_distance: float


def scaled_start(
    sizes: Sequence[int], generator: torch.Generator, *, start: Start, gain: float
) -> Layers:
    """The weights of ``start`` times ``gain``."""
    return tuple(Layer(gain * layer.weight, layer.bias) for layer in start(sizes, generator))


def gradient_profile(
    activation: Activation,
    *,
    weight_deviation: float,
    depth: int,
    width: int,
    draws: int,
    seed: int,
) -> GradientProfile:
    """Send one input in [0, 1] forward and a random gradient back, ``draws`` times.

    Args:
        activation: the activation function of every layer.
        weight_deviation: standard deviation of a weight, in units of 1 / sqrt(fan_in).
        depth: number of hidden layers.
        width: units in each of them and number of inputs.
        draws: number of networks.
        seed: seed of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    gain = weight_deviation / (he_deviation(width) * width**0.5)
    ratios, distances = [], []
    for _ in range(draws):
        layers = scaled_start([width] * (depth + 1), generator, start=independent_start, gain=gain)
        ratios.append(_log10_ratio(layers, activation, generator))
        distances.append(_smallest_row_distance(layers))
    return GradientProfile(sum(ratios) / draws, min(distances))


def _log10_ratio(layers: Layers, activation: Activation, generator: torch.Generator) -> float:
    width = layers[0].weight.shape[1]
    values = [torch.rand(width, generator=generator, dtype=torch.float64).requires_grad_()]
    for layer in layers:
        values.append(activation(layer.weight @ values[-1]))
    direction = torch.randn(width, generator=generator, dtype=torch.float64)
    first, last = torch.autograd.grad(values[-1] @ direction, [values[1], values[-1]])
    return float(torch.log10(first.norm() / last.norm()))


def _smallest_row_distance(layers: Layers) -> float:
    rows = torch.cdist(layers[0].weight, layers[0].weight, p=torch.inf)
    return float(rows.fill_diagonal_(torch.inf).min())
