"""Batch normalisation folded away: the same function as a plain network of linear layers."""

import torch
from torch import Tensor, nn

from lightning_cifar.networks import elu_network


@torch.no_grad()
def folded(network: nn.Sequential) -> nn.Sequential:
    """The plain network that computes what ``network`` computes in evaluation mode.

    network: Flatten, then linear layers without bias, each with batch normalisation and ELU behind
    it, and an output layer; a batch normalisation before the first linear layer is folded too.
    Returns: the layers of the variant ``elu``: Flatten, Linear → ELU, …, Linear.
    """
    layers = [layer for layer in network if not isinstance(layer, nn.Flatten | nn.ELU)]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm1d)]
    first = norms.pop(0) if isinstance(layers[0], nn.BatchNorm1d) else None
    width, pixels = linear[0].weight.shape
    classes = linear[-1].out_features
    plain = elu_network(len(norms), width, torch.Generator(), classes, pixels)
    ours = [layer for layer in plain if isinstance(layer, nn.Linear)]
    for mine, theirs, norm in zip(ours, linear, [*norms, None], strict=True):
        mine.weight.copy_(theirs.weight)
        if theirs.bias is not None:
            mine.bias.copy_(theirs.bias)
        if mine is ours[0] and first is not None:
            scale, shift = as_line(first)
            mine.bias.add_(mine.weight @ shift)
            mine.weight.mul_(scale)
        if norm is not None:
            scale, shift = as_line(norm)
            mine.weight.mul_(scale[:, None])
            mine.bias.mul_(scale).add_(shift)
    return plain.eval()


def as_line(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Scale and shift (features,) of what a batch normalisation does in evaluation mode."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - scale * norm.running_mean
