"""The four networks of the exercise, in plain PyTorch: 20 hidden layers of 100 units, bare logits.

Every builder takes standardised images of shape (batch, 3, 32, 32), returns logits of shape
(batch, 10), and draws all its weights from the generator it is given: PyTorch's own default
(uniform weights of variance 1/(3 fan_in), random biases) is neither He's nor LeCun's start. Other
images have other numbers of ``pixels`` (all their inputs, colours included) and ``classes``.
"""

from collections.abc import Callable
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

IMAGE_SHAPE = (3, 32, 32)
PIXELS = prod(IMAGE_SHAPE)
CLASSES = 10

Initialiser = Callable[[Tensor, torch.Generator], None]


def he_normal(weight: Tensor, generator: torch.Generator) -> None:
    """Fill ``weight`` (outputs, inputs) from N(0, 2 / inputs) (He et al. 2015, section 2.2)."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


def lecun_normal(weight: Tensor, generator: torch.Generator) -> None:
    """Fill ``weight`` (outputs, inputs) from N(0, 1 / inputs), the start that SELU needs.

    PyTorch's gain for ``"selu"`` is 3/4, which trades self-normalisation for steadier gradients
    (Klambauer et al. 2017, section "Initialization"); gain 1 is called ``"linear"``.
    """
    nn.init.kaiming_normal_(weight, nonlinearity="linear", generator=generator)


def dense(
    inputs: int,
    outputs: int,
    initialise: Initialiser,
    generator: torch.Generator,
    bias: bool = True,
) -> nn.Linear:
    """A linear layer with weights from ``initialise`` and zero biases."""
    layer: nn.Linear = skip_init(nn.Linear, inputs, outputs, bias=bias)  # type: ignore[no-untyped-call]
    initialise(layer.weight, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def elu_network(
    depth: int,
    width: int,
    generator: torch.Generator,
    classes: int = CLASSES,
    pixels: int = PIXELS,
) -> nn.Sequential:
    """Linear → ELU, He start (exercise 8, parts a and b)."""
    sizes = (depth, width, classes, pixels)
    return dense_network(sizes, he_normal, generator, lambda _: [nn.ELU()])


def batch_norm_network(
    depth: int,
    width: int,
    generator: torch.Generator,
    classes: int = CLASSES,
    pixels: int = PIXELS,
) -> nn.Sequential:
    """BatchNorm on the input, then Linear → BatchNorm → ELU, He start (part c).

    The hidden linear layers have no bias: batch normalisation would subtract it again.
    """
    sizes = (depth, width, classes, pixels)
    network = dense_network(
        sizes, he_normal, generator, lambda _: [nn.BatchNorm1d(width), nn.ELU()], bias=False
    )
    return network.insert(1, nn.BatchNorm1d(pixels))


def selu_network(
    depth: int,
    width: int,
    generator: torch.Generator,
    classes: int = CLASSES,
    pixels: int = PIXELS,
) -> nn.Sequential:
    """Linear → SELU, LeCun start: self-normalising on standardised inputs (part d)."""
    sizes = (depth, width, classes, pixels)
    return dense_network(sizes, lecun_normal, generator, lambda _: [nn.SELU()])


def alpha_dropout_network(
    depth: int,
    width: int,
    generator: torch.Generator,
    dropout_rate: float,
    dropout_everywhere: bool,
    classes: int = CLASSES,
    pixels: int = PIXELS,
) -> nn.Sequential:
    """The SELU network with AlphaDropout before the output or after each hidden layer (part e)."""

    def after(number: int) -> list[nn.Module]:
        dropped = dropout_everywhere or number == depth
        return [nn.SELU(), nn.AlphaDropout(dropout_rate)] if dropped else [nn.SELU()]

    return dense_network((depth, width, classes, pixels), lecun_normal, generator, after)


def dense_network(
    sizes: tuple[int, int, int, int],
    initialise: Initialiser,
    generator: torch.Generator,
    after: Callable[[int], list[nn.Module]],
    bias: bool = True,
) -> nn.Sequential:
    """Flatten, hidden linear layers each with what comes after it, and the output layer.

    sizes: depth, width, classes, pixels.
    after: from the number of a hidden layer, counted from 1, to the layers behind it.
    bias: whether hidden linear layers have one.
    """
    depth, width, classes, pixels = sizes
    layers: list[nn.Module] = [nn.Flatten()]
    for number, (inputs, outputs) in enumerate(hidden_sizes(depth, width, pixels), start=1):
        layers += [dense(inputs, outputs, initialise, generator, bias), *after(number)]
    return nn.Sequential(*layers, dense(width, classes, initialise, generator))


def hidden_sizes(depth: int, width: int, pixels: int = PIXELS) -> list[tuple[int, int]]:
    """(inputs, outputs) of each of the ``depth`` hidden layers."""
    return list(pairwise([pixels] + [width] * depth))
