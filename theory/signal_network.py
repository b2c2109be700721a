"""The signal of ``theory.signal``, measured in a real network of finite width.

Forward and backward pass are written out. The gradient measured is the one with respect to the
activations: that with respect to the weights multiplies it by the activations themselves, so that
a signal fading forwards and a gradient fading backwards would look the same at every layer.
"""

import math

import torch

from theory.nonlinearities import Nonlinearity
from theory.signal import Signal


def measure_signal(
    nonlinearity: Nonlinearity,
    *,
    depth: int,
    width: int,
    examples: int,
    weight_variance: float,
    mean_square: float = 1.0,
    generator: torch.Generator,
) -> Signal:
    """Send normal inputs forwards and a normal gradient backwards through one drawn network.

    Args:
        nonlinearity: the activation function of every layer.
        depth: number of layers, all without biases.
        width: neurons in each layer, and inputs.
        examples: inputs over which activations and gradients are averaged.
        weight_variance: variance of a weight, in units of 1 / fan_in.
        mean_square: mean square of the inputs.
        generator: draws inputs, weights and the gradient at the last layer.
    """

    def draw(rows: int) -> torch.Tensor:
        return torch.randn(rows, width, generator=generator, dtype=torch.float64)

    activations = draw(examples) * math.sqrt(mean_square)
    mean_squares = [_mean_square(activations)]
    passed = []
    for _ in range(depth):
        weight = draw(width) * math.sqrt(weight_variance / width)
        before = activations @ weight.T
        activations = nonlinearity.value(before)
        mean_squares.append(_mean_square(activations))
        passed.append((weight, nonlinearity.derivative(before)))
    gradient = draw(examples)
    squared_gradients = [_mean_square(gradient)]
    for weight, derivative in reversed(passed):
        gradient = (gradient * derivative) @ weight
        squared_gradients.append(_mean_square(gradient))
    return Signal(tuple(mean_squares), _log10_norms(squared_gradients))


def _mean_square(values: torch.Tensor) -> float:
    return float((values**2).mean())


def _log10_norms(squares_from_last: list[float]) -> tuple[float, ...]:
    last = squares_from_last[0]
    # A network whose neurons have all died has no gradient: its logarithm is minus infinity.
    return tuple(
        0.5 * math.log10(square / last) if square > 0 else -math.inf
        for square in reversed(squares_from_last)
    )
