"""Dense networks with batch normalisation, and what becomes of them after training.

All float64. Random numbers come from a generator that is given.
"""

import copy

import torch
from torch import Tensor, nn

INPUTS, WIDTH, OUTPUTS = 12, 30, 5


def normalised_network(*, layers: int, generator: torch.Generator) -> nn.Sequential:
    """Linear, batch normalisation and ReLU for each of ``layers``, and a linear output.

    Scales, shifts and running statistics are drawn too, as if training had moved them.
    """
    modules: list[nn.Module] = []
    for layer in range(layers):
        norm = nn.BatchNorm1d(WIDTH, dtype=torch.float64)
        linear = drawn_linear(INPUTS if layer == 0 else WIDTH, WIDTH, generator)
        modules += [linear, norm, nn.ReLU()]
        for values, least in ((norm.weight.data, 0.5), (norm.running_var, 0.2)):
            assert values is not None
            values.copy_(least + torch.rand(WIDTH, generator=generator, dtype=torch.float64))
        for values in (norm.bias.data, norm.running_mean):
            assert values is not None
            values.copy_(torch.randn(WIDTH, generator=generator, dtype=torch.float64))
    return nn.Sequential(*modules, drawn_linear(WIDTH, OUTPUTS, generator))


def drawn_linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with He's start and drawn biases."""
    # By way of the meta device, as the usual initialisation draws from the global generator.
    layer = nn.Linear(inputs, outputs, dtype=torch.float64, device="meta").to_empty(device="cpu")
    nn.init.normal_(layer.weight, std=(2.0 / inputs) ** 0.5, generator=generator)
    nn.init.normal_(layer.bias, std=0.5, generator=generator)
    return layer


def fused(network: nn.Sequential) -> nn.Sequential:
    """``network`` in evaluation mode with every normalisation folded into the layer before it.

    With scale g, shift b, running mean m and variance v, the normalised layer g (Wx + c - m) / s
    + b, s the root of v plus a small constant, is the layer with weights gW / s and bias
    g (c - m) / s + b.
    """
    modules: list[nn.Module] = []
    for module in network:
        if isinstance(module, nn.BatchNorm1d):
            modules.append(_folded(modules.pop(), module))
        else:
            modules.append(copy.deepcopy(module))
    return nn.Sequential(*modules).eval()


def _folded(linear: nn.Module, norm: nn.BatchNorm1d) -> nn.Linear:
    assert isinstance(linear, nn.Linear)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight.data / torch.sqrt(norm.running_var + norm.eps)
    linear.weight.data *= factor[:, None]
    linear.bias.data = (linear.bias.data - norm.running_mean) * factor + norm.bias.data
    return linear


def normalise(values: Tensor) -> Tensor:
    """``values`` (examples, units) as batch normalisation in training mode leaves them."""
    return nn.functional.batch_norm(values, None, None, training=True)
