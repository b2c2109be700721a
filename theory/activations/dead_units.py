"""Neurons that a rectifier has switched off: do they still learn?

A neuron is stuck when its derivative is exactly zero on every example, because then so is the
gradient of its weights and its bias. All float64, plain full-batch gradient descent, gradients
written out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from theory.nonlinearities import Nonlinearity

INPUTS = 3


@dataclass(frozen=True)
class Training:
    """A small network before and after training; neuron 0 may have been switched off first.

    Attributes:
        stuck_before: number of stuck neurons at the start.
        stuck_after: number of stuck neurons at the end.
        first_gradient: largest size of an entry in the first gradient of neuron 0.
        first_move: largest size of a change of neuron 0's weights and bias.
        largest_move: the same over all neurons.
    """

    stuck_before: int
    stuck_after: int
    first_gradient: float
    first_move: float
    largest_move: float


@dataclass(frozen=True)
class HiddenLayer:
    """Weights (neurons, INPUTS), biases (neurons,) and output weights (neurons,)."""

    weight: Tensor
    bias: Tensor
    outgoing: Tensor

    def stuck(self, nonlinearity: Nonlinearity, inputs: Tensor) -> Tensor:
        """Which neurons have derivative zero on all of ``inputs`` (examples, INPUTS)."""
        before = inputs @ self.weight.T + self.bias
        # A neuron of a network that has blown up is lost, not stuck.
        return ((nonlinearity.derivative(before) == 0) & before.isfinite()).all(dim=0)

    def gradients(
        self, nonlinearity: Nonlinearity, inputs: Tensor, targets: Tensor
    ) -> tuple[Tensor, ...]:
        """Gradients of half the mean squared error with respect to the three tensors."""
        before = inputs @ self.weight.T + self.bias
        hidden = nonlinearity.value(before)
        error = (hidden @ self.outgoing - targets) / len(inputs)
        back = error[:, None] * self.outgoing * nonlinearity.derivative(before)
        return back.T @ inputs, back.sum(dim=0), hidden.T @ error

    def moved(self, gradients: tuple[Tensor, ...], learning_rate: float) -> "HiddenLayer":
        """One step of gradient descent."""
        weight, bias, outgoing = gradients
        return HiddenLayer(
            self.weight - learning_rate * weight,
            self.bias - learning_rate * bias,
            self.outgoing - learning_rate * outgoing,
        )


def draw_problem(
    *, neurons: int, examples: int, generator: torch.Generator
) -> tuple[HiddenLayer, Tensor, Tensor]:
    """Draw a layer with He's start, inputs (examples, INPUTS) and targets (examples,)."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    weight = draw(neurons, INPUTS) * (2 / INPUTS) ** 0.5
    layer = HiddenLayer(weight, torch.zeros(neurons, dtype=torch.float64), draw(neurons))
    inputs = draw(examples, INPUTS)
    return layer, inputs, inputs.sum(dim=1) + draw(examples)


def switched_off(layer: HiddenLayer, inputs: Tensor) -> HiddenLayer:
    """``layer`` with neuron 0 biased so that it lies below zero on every example."""
    bias = layer.bias.clone()
    bias[0] = -1 - (inputs @ layer.weight[0]).abs().max()
    return HiddenLayer(layer.weight, bias, layer.outgoing)


def train(
    nonlinearity: Nonlinearity,
    layer: HiddenLayer,
    inputs: Tensor,
    targets: Tensor,
    *,
    learning_rate: float,
    steps: int,
) -> Training:
    """Train ``layer`` and report who is stuck and what moved."""
    start, first_gradient = layer, 0.0
    for step in range(steps):
        gradients = layer.gradients(nonlinearity, inputs, targets)
        if step == 0:
            first_gradient = max(float(gradients[0][0].abs().max()), float(gradients[1][0].abs()))
        layer = layer.moved(gradients, learning_rate)
    moves = torch.cat([layer.weight - start.weight, (layer.bias - start.bias)[:, None]], dim=1)
    return Training(
        stuck_before=int(start.stuck(nonlinearity, inputs).sum()),
        stuck_after=int(layer.stuck(nonlinearity, inputs).sum()),
        first_gradient=first_gradient,
        first_move=float(moves[0].abs().max()),
        largest_move=float(moves.abs().max()),
    )


def steps_to_return(
    draw_nonlinearity: Callable[[], Nonlinearity], *, learning_rate: float = 0.5, limit: int = 2000
) -> int:
    """Count steps until one neuron, its bias at -2, gives 1 to within 0.01; ``limit + 1`` if never.

    The bias follows the gradient of half the squared error. ``draw_nonlinearity`` is called at
    every step, so that a slope may be drawn afresh as in RReLU.
    """
    bias = torch.tensor(-2.0, dtype=torch.float64)
    for step in range(limit + 1):
        nonlinearity = draw_nonlinearity()
        error = nonlinearity.value(bias) - 1
        if abs(float(error)) <= 0.01:
            return step
        bias = bias - learning_rate * error * nonlinearity.derivative(bias)
    return limit + 1
