"""Zeroing weights of trained classifiers, layer by layer, and what it costs them in accuracy."""

from collections.abc import Callable

import torch
from torch import Tensor

from theory.classifiers import Examples, Parameters, accuracies, masked, scores, weights_of

MakeMask = Callable[[Tensor, float], Tensor]


def smallest_out(weights: Tensor, share: float) -> Tensor:
    """Mask: 0 for the share of smallest magnitude in each network's layer, 1 elsewhere."""
    return _mask(weights, share, largest=False)


def largest_out(weights: Tensor, share: float) -> Tensor:
    """The same with the largest magnitudes zeroed: what pruning must not do."""
    return _mask(weights, share, largest=True)


def _mask(weights: Tensor, share: float, *, largest: bool) -> Tensor:
    sizes = weights.abs().flatten(1)
    order = sizes.argsort(dim=1, descending=largest, stable=True)
    dropped = order[:, : round(share * sizes.shape[1])]
    return torch.ones_like(sizes).scatter(1, dropped, 0.0).reshape(weights.shape)


def masks_of(parameters: Parameters, share: float, make_mask: MakeMask) -> list[Tensor]:
    """A mask for the weights of every layer."""
    return [make_mask(weights, share) for weights in weights_of(parameters)]


def pruned(parameters: Parameters, share: float) -> Parameters:
    """``parameters`` with the smallest ``share`` of every layer's weights zeroed."""
    return masked(parameters, masks_of(parameters, share, smallest_out))


def share_of_zeros(parameters: Parameters) -> float:
    """Share of the weights of all networks that are exactly zero."""
    weights = torch.cat([weights.flatten() for weights in weights_of(parameters)])
    return float((weights == 0.0).double().mean())


def accuracy(parameters: Parameters, examples: Examples) -> float:
    """Mean accuracy of the networks, in per cent."""
    return 100.0 * float(accuracies(scores(parameters, examples.inputs), examples.classes).mean())
