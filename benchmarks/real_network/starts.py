"""Networks of the exercise's shape with any activation function, any start and any biases."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.real_network.setting import Setting
from lightning_cifar.networks import CLASSES, Initialiser, dense, hidden_sizes
from lightning_cifar.seeds import derived_seed

Build = Callable[[int], nn.Sequential]  # from a seed to a network
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
}


def torch_uniform(weight: Tensor, generator: torch.Generator) -> None:
    """Fill (outputs, inputs) as PyTorch's ``nn.Linear`` does: uniform, variance 1 / (3 inputs)."""
    edge = 1 / math.sqrt(weight.shape[1])
    nn.init.uniform_(weight, -edge, edge, generator=generator)


def equal_he(weight: Tensor, generator: torch.Generator) -> None:
    """Fill (outputs, inputs) with one draw by He's rule."""
    value = torch.randn((), generator=generator).item() * math.sqrt(2 / weight.shape[1])
    nn.init.constant_(weight, value)


def network(activation: str, start: Initialiser, setting: Setting, seed: int) -> nn.Sequential:
    """Hidden layers with one activation function, weights by ``start``, biases 0.

    Starts that draw alike, such as He's and LeCun's, draw the same numbers for the same seed.
    """
    generator = generator_of(seed, "weights")
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in hidden_sizes(setting.depth, setting.width):
        layers += [dense(inputs, outputs, start, generator), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, dense(setting.width, CLASSES, start, generator))


@torch.no_grad()
def with_biases(layers: nn.Sequential, constant: float) -> nn.Sequential:
    """The network with every bias at ``constant``; it is changed."""
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.bias.fill_(constant)
    return layers


@torch.no_grad()
def with_drawn_biases(layers: nn.Sequential, seed: int) -> nn.Sequential:
    """The network with biases as PyTorch draws them, within 1 / √inputs of 0; it is changed."""
    generator = generator_of(seed, "biases")
    for layer in layers:
        if isinstance(layer, nn.Linear):
            edge = 1 / math.sqrt(layer.in_features)
            layer.bias.uniform_(-edge, edge, generator=generator)
    return layers


def generator_of(seed: int, purpose: str) -> torch.Generator:
    """The generator of a network's start."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose))
