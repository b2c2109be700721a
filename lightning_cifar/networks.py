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
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in hidden_sizes(depth, width, pixels):
        layers += [dense(inputs, outputs, he_normal, generator), nn.ELU()]
    return nn.Sequential(*layers, dense(width, classes, he_normal, generator))


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
    layers: list[nn.Module] = [nn.Flatten(), nn.BatchNorm1d(pixels)]
    for inputs, outputs in hidden_sizes(depth, width, pixels):
        layers += [
            dense(inputs, outputs, he_normal, generator, bias=False),
            nn.BatchNorm1d(outputs),
            nn.ELU(),
        ]
    return nn.Sequential(*layers, dense(width, classes, he_normal, generator))


def selu_network(
    depth: int,
    width: int,
    generator: torch.Generator,
    classes: int = CLASSES,
    pixels: int = PIXELS,
) -> nn.Sequential:
    """Linear → SELU, LeCun start: self-normalising on standardised inputs (part d)."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in hidden_sizes(depth, width, pixels):
        layers += [dense(inputs, outputs, lecun_normal, generator), nn.SELU()]
    return nn.Sequential(*layers, dense(width, classes, lecun_normal, generator))


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
    layers: list[nn.Module] = [nn.Flatten()]
    for index, (inputs, outputs) in enumerate(hidden_sizes(depth, width, pixels), start=1):
        layers += [dense(inputs, outputs, lecun_normal, generator), nn.SELU()]
        if dropout_everywhere or index == depth:
            layers.append(nn.AlphaDropout(dropout_rate))
    return nn.Sequential(*layers, dense(width, classes, lecun_normal, generator))


def hidden_sizes(depth: int, width: int, pixels: int = PIXELS) -> list[tuple[int, int]]:
    """(inputs, outputs) of each of the ``depth`` hidden layers."""
    return list(pairwise([pixels] + [width] * depth))
