"""Small dense classifiers on made-up data, many trained side by side, in about a second.

Pruning, penalties and dropout are tried on them. They have what decides there: several hidden
layers of ReLU units, more weights than examples, and some wrong labels, so that a network that is
trained on and on grows too sure of itself. Every network of a run has a task, weights and examples
of its own. All float64; plain full-batch training with Adam.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

INPUTS, CLASSES, _TEACHERS = 10, 4, 16

# Weights (networks, fan_in, units) of every layer, then biases (networks, 1, units) of every layer.
Parameters = list[Tensor]


@dataclass(frozen=True)
class Examples:
    """Inputs (networks, examples, INPUTS) and classes (networks, examples)."""

    inputs: Tensor
    classes: Tensor


@dataclass(frozen=True)
class Task:
    """What each network is to learn: the largest output of a drawn network with one tanh layer.

    Attributes:
        hidden: its first weights (networks, INPUTS, units).
        outgoing: its second weights (networks, units, CLASSES).
        wrong_labels: share of the examples whose class is drawn at random.
    """

    hidden: Tensor
    outgoing: Tensor
    wrong_labels: float

    def draw(self, examples: int, generator: torch.Generator) -> Examples:
        """``examples`` for every network, with standard normal inputs."""
        networks = len(self.hidden)
        inputs = _normal((networks, examples, INPUTS), generator)
        right = (torch.tanh(inputs @ self.hidden) @ self.outgoing).argmax(dim=-1)
        wrong = torch.rand(right.shape, generator=generator) < self.wrong_labels
        drawn = torch.randint(CLASSES, right.shape, generator=generator)
        return Examples(inputs, torch.where(wrong, drawn, right))


def draw_task(networks: int, *, wrong_labels: float, generator: torch.Generator) -> Task:
    """Draw a task for each of ``networks``."""
    hidden = _normal((networks, INPUTS, _TEACHERS), generator) * 2 / INPUTS**0.5
    return Task(hidden, _normal((networks, _TEACHERS, CLASSES), generator), wrong_labels)


def he_start(networks: int, widths: Sequence[int], generator: torch.Generator) -> Parameters:
    """Weights drawn by He's rule and zero biases; ``widths`` are those of the hidden layers."""
    sizes = [INPUTS, *widths, CLASSES]
    weights = [
        _normal((networks, fan_in, units), generator) * (2 / fan_in) ** 0.5
        for fan_in, units in pairwise(sizes)
    ]
    return weights + [torch.zeros_like(weight[:, :1]) for weight in weights]


def weights_of(parameters: Parameters) -> list[Tensor]:
    """The weights without the biases."""
    return parameters[: len(parameters) // 2]


def masked(parameters: Parameters, masks: Sequence[Tensor]) -> Parameters:
    """``parameters`` with every weight times its mask."""
    weights = [weight * mask for weight, mask in zip(weights_of(parameters), masks, strict=True)]
    return weights + parameters[len(weights) :]


def scores(
    parameters: Parameters,
    inputs: Tensor,
    *,
    rates: Sequence[float] = (),
    generator: torch.Generator | None = None,
) -> Tensor:
    """Outputs (networks, examples, CLASSES) before any softmax.

    ``rates`` are dropout's, one for each hidden layer; without them nothing is dropped.
    """
    layers = len(parameters) // 2
    signal = inputs
    for layer in range(layers):
        signal = torch.baddbmm(parameters[layers + layer], signal, parameters[layer])
        if layer < layers - 1:
            signal = torch.relu(signal)
            if rates and rates[layer] > 0.0:
                drawn = torch.rand(signal.shape, generator=generator, dtype=torch.float64)
                signal = signal * (drawn >= rates[layer]) / (1.0 - rates[layer])
    return signal


def log_losses(outputs: Tensor, classes: Tensor) -> Tensor:
    """Mean log loss (networks,) in nats of ``outputs`` (networks, examples, CLASSES)."""
    logs = torch.log_softmax(outputs, dim=-1)
    return -logs.gather(-1, classes[..., None])[..., 0].mean(dim=-1)


def accuracies(outputs: Tensor, classes: Tensor) -> Tensor:
    """Share (networks,) of the examples whose class has the largest output."""
    return (outputs.argmax(dim=-1) == classes).double().mean(dim=-1)


def training(
    start: Parameters,
    examples: Examples,
    *,
    steps: int,
    rates: Sequence[float] = (),
    masks: Sequence[Tensor] | None = None,
    penalty: float = 0.0,
    generator: torch.Generator | None = None,
    learning_rate: float = 0.003,
) -> Iterator[Parameters]:
    """The parameters after each of ``steps`` of Adam; they change in place from step to step.

    Args:
        start: where training starts; left as it is.
        examples: what is learned, all of it in every step.
        steps: number of steps.
        rates: dropout rate behind each hidden layer.
        masks: weights are multiplied by these in every step.
        penalty: factor of the sum of the weights' magnitudes that is added to the loss.
        generator: draws what dropout drops.
        learning_rate: Adam's.
    """
    leaves = [tensor.detach().clone().requires_grad_() for tensor in start]
    optimizer = torch.optim.Adam(leaves, lr=learning_rate)
    for _ in range(steps):
        current = leaves if masks is None else masked(leaves, masks)
        outputs = scores(current, examples.inputs, rates=rates, generator=generator)
        loss = log_losses(outputs, examples.classes).sum()
        if penalty:
            loss = loss + penalty * sum(weight.abs().sum() for weight in weights_of(leaves))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        reached = [leaf.detach() for leaf in leaves]
        yield reached if masks is None else masked(reached, masks)


def trained(start: Parameters, examples: Examples, **options: object) -> Parameters:
    """The parameters after the last step of ``training``, whose arguments it takes."""
    *_, last = training(start, examples, **options)  # type: ignore[arg-type]
    return last


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)
