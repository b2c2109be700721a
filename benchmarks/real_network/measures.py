"""What is measured inside a stack: moments, gradients, silent and distinct units, zeros."""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_cifar.backprop.stacked_layers import StackedLinear
from lightning_cifar.stack.network import ELEMENTWISE, StackedNetwork, member_losses

ALIKE = 1e-3  # of a layer's root mean square: units that differ by less count as one


@torch.no_grad()
def hidden(stack: StackedNetwork, inputs: Tensor) -> Iterator[Tensor]:
    """After each activation function its outputs, (members, images, units)."""
    outputs = inputs
    for layer in stack.layers:
        outputs = layer(outputs)
        if isinstance(layer, ELEMENTWISE):
            yield outputs


def moments(stack: StackedNetwork, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each hidden layer over images and units, (members, layers)."""
    pairs = [torch.var_mean(each, dim=(1, 2), correction=0) for each in hidden(stack, inputs)]
    variances, means = zip(*pairs, strict=True)
    return torch.stack(means, 1), torch.stack(variances, 1)


def zero_share(stack: StackedNetwork, inputs: Tensor) -> Tensor:
    """Share of the hidden activations that are exactly 0, (members,)."""
    shares = [(each == 0).float().mean((1, 2)) for each in hidden(stack, inputs)]
    return torch.stack(shares).mean(0)


def silent_share(stack: StackedNetwork, inputs: Tensor) -> Tensor:
    """Share of the hidden units that give the same output for every image, (members,)."""
    shares = [
        (each.amax(1) == each.amin(1)).float().mean(1).nan_to_num(1)
        for each in hidden(stack, inputs)
    ]
    return torch.stack(shares).mean(0)


def distinct_units(stack: StackedNetwork, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """How many different units each hidden layer has, and how many bitwise, (members, layers).

    A unit is new if its outputs differ from those of every unit before it, for one image at least
    by more than ``ALIKE`` times the layer's root mean square; bitwise, if they differ at all.
    """
    counts = []
    for outputs in hidden(stack, inputs):
        units = outputs.mT.contiguous()
        apart = torch.cdist(units, units, p=torch.inf)
        least = ALIKE * outputs.square().mean((1, 2)).sqrt()
        counts.append(
            torch.stack(
                [
                    (~(apart <= bound).tril(-1).any(-1)).sum(-1)
                    for bound in (least[:, None, None], torch.zeros(()))
                ]
            )
        )
    return tuple(torch.stack(counts, -1))


def gradient_norms(stack: StackedNetwork, inputs: Tensor, labels: Tensor) -> Tensor:
    """Norm of the loss's gradient in the weights of each layer, the output's last.

    Shape (members, layers + 1).
    """
    weights = [layer.weight for layer in linear_layers(stack)]
    with torch.enable_grad():
        losses = member_losses(stack.layers(inputs), labels)
        gradients = torch.autograd.grad(losses.sum(), weights)
    return torch.stack([each.flatten(1).norm(dim=1) for each in gradients], 1)


def linear_layers(stack: StackedNetwork) -> list[StackedLinear]:
    """The dense layers, in order."""
    return [layer for layer in stack.layers if isinstance(layer, StackedLinear)]


def zeros_of(stack: StackedNetwork) -> Tensor:
    """Share of the weights (biases not counted) that are exactly 0, (members,)."""
    weights = [layer.weight.detach().flatten(1) for layer in linear_layers(stack)]
    return torch.cat([each == 0 for each in weights], 1).double().mean(1)
