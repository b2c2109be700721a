"""The signal of ``theory.signal``, measured in a real network of finite width.

Forward and backward pass are written out. The gradient measured is the one with respect to the
activations: that with respect to the weights multiplies it by the activations themselves, so that
a signal fading forwards and a gradient fading backwards would look the same at every layer.
"""

import math

import torch
from torch import Tensor

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

    The arguments are those of ``measure_signals``.
    """
    (signal,) = measure_signals(
        nonlinearity,
        networks=1,
        depth=depth,
        width=width,
        examples=examples,
        weight_variance=weight_variance,
        mean_square=mean_square,
        generator=generator,
    )
    return signal


def measure_signals(
    nonlinearity: Nonlinearity,
    *,
    networks: int,
    depth: int,
    width: int,
    examples: int,
    weight_variance: float,
    mean_square: float = 1.0,
    generator: torch.Generator,
) -> tuple[Signal, ...]:
    """The same for several networks side by side; keeps all their weights in memory.

    Args:
        nonlinearity: the activation function of every layer.
        networks: how many networks to draw.
        depth: number of layers, all without biases.
        width: neurons in each layer, and inputs.
        examples: inputs over which activations and gradients are averaged.
        weight_variance: variance of a weight, in units of 1 / fan_in.
        mean_square: mean square of the inputs.
        generator: draws inputs, weights and the gradient at the last layer.
    """

    def draw(rows: int) -> Tensor:
        return torch.randn(networks, rows, width, generator=generator, dtype=torch.float64)

    activations = draw(examples) * math.sqrt(mean_square)
    mean_squares = [_mean_squares(activations)]
    passed = []
    for _ in range(depth):
        weight = draw(width) * math.sqrt(weight_variance / width)
        before = activations @ weight.mT
        activations = nonlinearity.value(before)
        mean_squares.append(_mean_squares(activations))
        passed.append((weight, nonlinearity.derivative(before)))
    gradient = draw(examples)
    squared_gradients = [_mean_squares(gradient)]
    for weight, derivative in reversed(passed):
        gradient = (gradient * derivative) @ weight
        squared_gradients.append(_mean_squares(gradient))
    return tuple(
        Signal(tuple(squares), _log10_norms(gradients))
        for squares, gradients in zip(
            torch.stack(mean_squares, dim=1).tolist(),
            torch.stack(squared_gradients, dim=1).tolist(),
            strict=True,
        )
    )


def _mean_squares(values: Tensor) -> Tensor:
    return (values**2).mean(dim=(1, 2))


def _log10_norms(squares_from_last: list[float]) -> tuple[float, ...]:
    last = squares_from_last[0]
    # A network whose neurons have all died has no gradient: its logarithm is minus infinity.
    return tuple(
        0.5 * math.log10(square / last) if square > 0 else -math.inf
        for square in reversed(squares_from_last)
    )
