"""The layers of the four networks with a leading member dimension: many layers of one kind as one.

Each takes (members, batch, features), or (batch, features) shared by all members, and returns
(members, batch, features).  Parameters and buffers have the names of the ordinary layer and one
more dimension in front, so that member k's are row k.
"""

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

# SELU's negative limit, -scale * alpha: what a dropped unit is set to (Klambauer et al. 2017).
SATURATION = -1.7580993408473766


@final
class StackedLinear(nn.Module):
    """``nn.Linear`` for every member, with weight (members, outputs, inputs)."""

    bias: nn.Parameter | None

    def __init__(self, members: int, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.new_empty((members, *layer.weight.shape)))
        bias = layer.bias
        self.bias = None if bias is None else nn.Parameter(bias.new_empty((members, len(bias))))

    def forward(self, inputs: Tensor) -> Tensor:
        """(members, batch, inputs) or (batch, inputs) -> (members, batch, outputs)."""
        members, outputs, _ = self.weight.shape
        if inputs.ndim == 2:
            # One product with all the members' rows: the images are read once, not once each.
            bias = None if self.bias is None else self.bias.flatten()
            products = functional.linear(inputs, self.weight.flatten(0, 1), bias)
            return products.view(-1, members, outputs).transpose(0, 1)
        if self.bias is None:
            return torch.bmm(inputs, self.weight.mT)
        return torch.baddbmm(self.bias[:, None], inputs, self.weight.mT)


@final
class StackedBatchNorm(nn.Module):
    """``nn.BatchNorm1d`` for every member: the members' features stand side by side as channels."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, members: int, layer: nn.BatchNorm1d) -> None:
        super().__init__()
        if layer.momentum is None or not layer.affine or layer.running_mean is None:
            raise ValueError(
                "only BatchNorm1d with weights, running statistics and a momentum stack"
            )
        self.eps, self.momentum = layer.eps, layer.momentum
        shape = (members, layer.num_features)
        self.weight = nn.Parameter(layer.weight.new_empty(shape))
        self.bias = nn.Parameter(layer.bias.new_empty(shape))
        self.register_buffer("running_mean", layer.weight.new_empty(shape, requires_grad=False))
        self.register_buffer("running_var", layer.weight.new_empty(shape, requires_grad=False))
        self.register_buffer(
            "num_batches_tracked",
            torch.zeros(members, dtype=torch.long, device=layer.weight.device),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(members, batch, features) or (batch, features) -> (members, batch, features)."""
        members, features = self.weight.shape
        if inputs.ndim == 2:
            channels = inputs.repeat(1, members)
        else:
            channels = inputs.transpose(0, 1).flatten(1)
        if self.training:
            self.num_batches_tracked += 1
        normalised = functional.batch_norm(
            channels,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.flatten(),
            self.bias.flatten(),
            self.training,
            self.momentum,
            self.eps,
        )
        return normalised.view(-1, members, features).transpose(0, 1)


@final
class StackedAlphaDropout(nn.Module):
    """``nn.AlphaDropout`` for every member, its masks a pure function of seed, pass and place.

    A member's masks depend on nothing but its own seed: they are the same in any company, on any
    device, and after a resume.  ``place`` tells the dropout layers of a network apart.
    """

    seeds: Tensor
    passes: Tensor

    def __init__(self, seeds: Tensor, layer: nn.AlphaDropout, place: int) -> None:
        super().__init__()
        self.rate, self.place = layer.p, place
        self.register_buffer("seeds", seeds.clone())
        self.register_buffer("passes", torch.zeros_like(seeds))

    def forward(self, inputs: Tensor) -> Tensor:
        """(members, batch, features), the same shape out; the identity in evaluation mode."""
        if not self.training or self.rate == 0:
            return inputs
        shape = torch.Size(inputs.shape[-2:])
        kept = keep_mask(self.seeds, self.passes, self.place, shape, self.rate)
        self.passes += 1
        return alpha_dropout(inputs, kept, self.rate)


def alpha_dropout(inputs: Tensor, kept: Tensor, rate: float) -> Tensor:
    """Set what is not ``kept`` to SELU's limit, then restore mean 0 and variance 1.

    Formula: Klambauer et al. 2017, section "New dropout technique".
    """
    scale = 1 / math.sqrt((1 - rate) * (1 + rate * SATURATION**2))
    return torch.where(kept, inputs, SATURATION) * scale - scale * rate * SATURATION


def keep_mask(seeds: Tensor, passes: Tensor, place: int, shape: torch.Size, rate: float) -> Tensor:
    """Which units stay: (members, *shape), each True with probability 1 - ``rate``.

    seeds, passes: (members,) integers; ``place`` counts layers.  Each unit's number is a hash of
    all of them and of its index, hence no generator's state has to be kept or shared.
    """
    index = torch.arange(shape.numel(), device=seeds.device).view(shape)
    key = hashed(hashed(hashed(seeds) + passes) + place)
    numbers = hashed(key.view(-1, *[1] * len(shape)) + index)
    return torch.ge(shifted(numbers, 11), round(rate * (1 << 53)))


def hashed(numbers: Tensor) -> Tensor:
    """A bijection of 64-bit integers whose values look random (Steele et al. 2014, SplitMix64)."""
    numbers = numbers * -7046029254386353131  # 0x9e3779b97f4a7c15, the golden ratio
    for shift, factor in ((30, -4658895280553007687), (27, -7723592293110705685)):
        numbers = (numbers ^ shifted(numbers, shift)) * factor
    return numbers ^ shifted(numbers, 31)


def shifted(numbers: Tensor, places: int) -> Tensor:
    """Shift to the right and fill with zeros: PyTorch's ``>>`` repeats the sign."""
    return torch.bitwise_and(numbers >> places, (1 << 64 - places) - 1)
