"""Calls on buffers that never move: what a step does, written down once and run many times."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor

from lightning_cifar.native.library import kernels

Call = Callable[[], Any]


class ByImage(partial):  # type: ignore[type-arg]
    """A call that makes what belongs to an image from that image's numbers, and from weights."""


class OfWeights(partial):  # type: ignore[type-arg]
    """A call that makes one of the weights' gradients, and needs none of the others."""


ROOM = 1 << 22  # elements allocated at once; memory that is never touched costs nothing
ALIGNMENT = 16  # elements, as vectorised kernels prefer


@dataclass(frozen=True)
class Signal:
    """What flows between two layers.

    value: (members, batch, features), or (batch, features) shared by all members of a stack.
    gradient: of the losses' sum with respect to the value, same shape; None if nobody needs it.
    is_read_back: a backward pass reads the value, so no later layer may write into it.
    """

    value: Tensor
    gradient: Tensor | None
    is_read_back: bool = False


@dataclass(frozen=True)
class WeightGradient:
    """A product still to be made: weight (outputs, inputs) = of_outputs' inputs, both by batch.

    bias: where the sum of ``of_outputs`` over the batch goes. All may have a leading dimension.
    """

    of_outputs: Tensor
    inputs: Tensor
    weight: Tensor
    bias: Tensor | None


@final
class Tape:
    """The forward and backward calls of a network, over buffers that are allocated once.

    members, batch: sizes of every buffer.
    like: a tensor of the type and on the device of all buffers.
    interleaved: batch before members in memory, as batch normalisation needs it.
    """

    def __init__(self, members: int, batch: int, like: Tensor, interleaved: bool) -> None:
        self.members, self.batch, self.like, self.interleaved = members, batch, like, interleaved
        # PyTorch's product of so few rows keeps one thread busy, two halves of it keep two.
        halves = like.device.type == "cpu" and kernels(like) is None
        threads = torch.get_num_threads() if halves else 1
        self.parts = threads if batch % threads == 0 else 1
        self.mask_calls: list[Call] = []
        self.forward_calls: list[Call] = []
        self.backward_calls: list[Call] = []
        self.products: list[WeightGradient] = []
        self.after_products: list[Call] = []
        self.is_replayable = True
        self._room = like.new_empty(0)
        self._spare: dict[int, Tensor] = {}

    def buffer(self, *shape: int) -> Tensor:
        """A new buffer. Those of layers of one shape lie at equal distances."""
        size = -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
        if size > len(self._room):
            self._room = self.like.new_empty(max(size, ROOM))
        taken, self._room = self._room[:size], self._room[size:]
        return taken[: math.prod(shape)].view(shape)

    def activations(self, features: int) -> Tensor:
        """A new buffer (members, batch, features)."""
        if self.interleaved:
            return self.buffer(self.batch, self.members, features).transpose(0, 1)
        return self.buffer(self.members, self.batch, features)

    def spare(self, features: int) -> Tensor:
        """A buffer (members, batch, features) for the time of one call, shared by all layers."""
        if features not in self._spare:
            self._spare[features] = self.activations(features)
        return self._spare[features]

    def then(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """Add a call to the forward pass."""
        self.forward_calls.append(partial(function, *arguments, **named))

    def back(self, *calls: Call) -> None:
        """Put calls before all others of the backward pass, in the given order."""
        self.backward_calls[:0] = calls

    def product(
        self, inputs: Tensor, weight: Tensor, out: Tensor, bias: Tensor | None
    ) -> list[Call]:
        """Out = inputs weight + bias, for each member: (members, rows, inputs) and so on.

        bias: (members, outputs).
        """
        offset = None if bias is None else bias[:, None]
        if self.members == 1 and self.parts > 1:
            inputs, out = (each.view(self.parts, -1, each.shape[-1]) for each in (inputs, out))
            weight = weight.expand(self.parts, *weight.shape[1:])
            offset = None if offset is None else offset.expand(self.parts, 1, -1)
        if offset is not None and self.like.device.type != "cpu":
            return [partial(torch.baddbmm, offset, inputs, weight, out=out)]  # one launch
        product = ByImage(torch.bmm, inputs, weight, out=out)
        return [product] if offset is None else [product, ByImage(out.add_, offset)]

    def wide_product(
        self, inputs: Tensor, weight: Tensor, out: Tensor, bias: Tensor | None
    ) -> list[Call]:
        """The same for many inputs, which all members may share: (batch, inputs).

        Made as the transpose of weight' inputs': for a batch of 32, MKL takes half the time.
        """
        turned = self.buffer(len(weight), weight.shape[2], self.batch)
        if inputs.ndim == 2:
            product = partial(torch.mm, weight.mT.flatten(0, 1), inputs.T, out=turned.flatten(0, 1))
        else:
            product = partial(torch.bmm, weight.mT, inputs.mT, out=turned)
        if bias is None:
            return [product, ByImage(out.copy_, turned.mT)]
        return [product, ByImage(torch.add, turned.mT, bias[:, None], out=out)]

    def calls(self) -> list[Call]:
        """Everything after the masks, in its order."""
        weights = [call for run in runs(self.products) for call in self._weight_calls(run)]
        return [*self.forward_calls, *self.backward_calls, *weights, *self.after_products]

    def _weight_calls(self, one: WeightGradient) -> list[Call]:
        sums: list[Call] = []
        if one.bias is not None:
            sums.append(OfWeights(torch.sum, one.of_outputs, -2, out=one.bias))
        gradient, inputs, weight = one.of_outputs.mT, one.inputs, one.weight
        multiply = torch.mm if inputs.ndim == 2 else torch.bmm
        return [OfWeights(multiply, gradient, inputs, out=weight), *sums]


def runs(products: list[WeightGradient]) -> list[WeightGradient]:
    """The same products in as few as possible: a run of layers of one shape becomes one.

    A network has as many of them as it is deep, and each alone is too small for all threads.
    """
    joined: list[WeightGradient] = []
    start = 0
    while start < len(products):
        end = start + 1
        one = products[start]
        while end < len(products) and (longer := as_one(products[start : end + 1])) is not None:
            one, end = longer, end + 1
        joined.append(one)
        start = end
    return joined


def as_one(run: list[WeightGradient]) -> WeightGradient | None:
    """Products of matrices as one with a leading dimension; None if the buffers do not allow it."""
    if any(each.inputs.ndim > 2 for each in run):
        return None
    parts = [
        at_equal_distances([getattr(each, name) for each in run])
        for name in ("of_outputs", "inputs", "weight", "bias")
    ]
    has_biases = any(each.bias is not None for each in run)
    if any(each is None for each in parts[:3]) or (parts[3] is None and has_biases):
        return None
    return WeightGradient(*parts)  # type: ignore[arg-type]


def at_equal_distances(tensors: list[Tensor | None]) -> Tensor | None:
    """Tensors at equal distances in one storage as one view; None if they are anything else."""
    places = {
        (each.untyped_storage().data_ptr(), each.shape, each.stride())
        for each in tensors
        if each is not None
    }
    offsets = [each.storage_offset() for each in tensors if each is not None]
    steps = {after - before for before, after in pairwise(offsets)}
    first = tensors[0]
    if first is None or len(offsets) < len(tensors) or len(places) > 1 or len(steps) > 1:
        return None
    (step,) = steps
    if step <= 0:
        return None
    return first.as_strided((len(tensors), *first.shape), (step, *first.stride()))
