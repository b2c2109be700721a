"""A small dense network as plain tensors, and the ways its weights can start.

All float64: equality of units is an exact statement, and rounding must stay far below what is
measured. Weights are (units, inputs), biases (units,).
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "logistic": torch.sigmoid,
    "silu": torch.nn.functional.silu,
}


class Layer(NamedTuple):
    """One dense layer: ``weight`` (units, inputs) and ``bias`` (units,)."""

    weight: Tensor
    bias: Tensor


Layers = tuple[Layer, ...]
Start = Callable[[Sequence[int], torch.Generator], Layers]


def he_deviation(inputs: int) -> float:
    """Standard deviation of a weight by He's rule, sqrt(2 / inputs) (He et al. 2015, eq. 10)."""
    return math.sqrt(2.0 / inputs)


def independent_start(sizes: Sequence[int], generator: torch.Generator) -> Layers:
    """Every weight its own draw by He's rule, biases 0; ``sizes`` runs from inputs to outputs."""
    return tuple(
        _layer(torch.randn(units, inputs, generator=generator, dtype=torch.float64), inputs)
        for inputs, units in pairwise(sizes)
    )


def equal_start(sizes: Sequence[int], generator: torch.Generator) -> Layers:
    """One draw by He's rule for each layer, given to all its weights; biases 0."""
    return tuple(
        _layer(
            torch.randn((), generator=generator, dtype=torch.float64).expand(units, inputs), inputs
        )
        for inputs, units in pairwise(sizes)
    )


def copied_start(sizes: Sequence[int], generator: torch.Generator, *, copies: int) -> Layers:
    """Independent draws, but the first ``copies`` units of each hidden layer are one unit.

    Copies share their incoming and their outgoing weights.
    """
    layers = independent_start(sizes, generator)
    for before, after in pairwise(layers):
        before.weight[:copies] = before.weight[0].clone()
        after.weight[:, :copies] = after.weight[:, :1].clone()
    return layers


def hidden_activations(
    layers: Layers, inputs: Tensor, activation: Activation
) -> tuple[Tensor, ...]:
    """What each hidden layer gives for ``inputs`` (batch, features): each (batch, units)."""
    values = [inputs]
    for weight, bias in layers[:-1]:
        values.append(activation(values[-1] @ weight.T + bias))
    return tuple(values[1:])


def logits(layers: Layers, inputs: Tensor, activation: Activation) -> Tensor:
    """The network's outputs before any softmax: (batch, outputs)."""
    last = hidden_activations(layers, inputs, activation)[-1]
    return last @ layers[-1].weight.T + layers[-1].bias


def _layer(standard: Tensor, inputs: int) -> Layer:
    weight = standard * he_deviation(inputs)
    return Layer(weight, torch.zeros(weight.shape[0], dtype=weight.dtype))
