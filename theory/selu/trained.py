"""What training does to a deep network's activations: mean, variance and range by layer.

The network has the shape of exercise 8, twenty hidden layers of a hundred units, and learns drawn
classes of standard normal inputs by Adam. All float64.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from theory.nonlinearities import Nonlinearity

DEPTH, WIDTH, INPUTS, CLASSES, EXAMPLES = 20, 100, 30, 10, 64
LARGEST_MEAN, VARIANCES = 0.1, (0.8, 1.5)  # the domain of Klambauer et al. 2017, theorem 1
NARROW = 3.0


@dataclass(frozen=True)
class Activations:
    """The hidden layers' activations, summed up.

    Attributes:
        normalised: layers whose mean lies within 0.1 of 0 and whose variance from 0.8 to 1.5.
        largest_variance: the largest variance of a layer.
        smallest_share: smallest share of a layer's activations that lie between -3 and 3.
    """

    normalised: int
    largest_variance: float
    smallest_share: float


@dataclass(frozen=True)
class Course:
    """Activations before and after training, with the loss (nats) at both times."""

    before: Activations
    after: Activations
    loss_before: float
    loss_after: float


def summed_up(layers: list[Tensor]) -> Activations:
    """Sum up the activations of all hidden layers, each (examples, units)."""
    means = [float(layer.mean()) for layer in layers]
    variances = [float(layer.var(correction=0)) for layer in layers]
    low, high = VARIANCES
    normalised = sum(
        abs(mean) <= LARGEST_MEAN and low <= variance <= high
        for mean, variance in zip(means, variances, strict=True)
    )
    shares = [float((layer.abs() <= NARROW).double().mean()) for layer in layers]
    return Activations(normalised, max(variances), min(shares))


def follow(
    nonlinearity: Nonlinearity, *, weight_variance: float, steps: int = 40, seed: int
) -> Course:
    """Train one network and compare its activations before and after.

    Args:
        nonlinearity: the activation function of every hidden layer.
        weight_variance: variance of a weight, in units of 1 / fan_in.
        steps: full-batch steps of Adam.
        seed: draws inputs, classes and weights.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    inputs = draw(EXAMPLES, INPUTS)
    classes = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
    fan_ins = [INPUTS, *[WIDTH] * (DEPTH - 1)]
    weights = [draw(WIDTH, fan_in) * math.sqrt(weight_variance / fan_in) for fan_in in fan_ins]
    weights.append(draw(CLASSES, WIDTH) / math.sqrt(WIDTH))
    biases = [weight.new_zeros(len(weight)) for weight in weights]

    def forward() -> tuple[Tensor, list[Tensor]]:
        layers = [inputs]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            layers.append(nonlinearity.value(layers[-1] @ weight.T + bias))
        outputs = layers[-1] @ weights[-1].T + biases[-1]
        return torch.nn.functional.cross_entropy(outputs, classes), layers[1:]

    optimizer = torch.optim.Adam([tensor.requires_grad_() for tensor in weights + biases], lr=0.001)
    loss_before, layers_before = forward()
    for _ in range(steps):
        optimizer.zero_grad()
        forward()[0].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    loss_after, layers_after = forward()
    return Course(
        summed_up([layer.detach() for layer in layers_before]),
        summed_up([layer.detach() for layer in layers_after]),
        float(loss_before.detach()),
        float(loss_after.detach()),
    )
