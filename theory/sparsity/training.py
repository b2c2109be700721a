"""A small network and an embedding table, trained by SGD, counting how often each weight moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from theory.sparsity.lasso import Array

Loss = Callable[[list[Tensor]], Tensor]


@dataclass(frozen=True)
class Training:
    """What training did to the weights.

    Attributes:
        weights: all weights after training, in one row.
        update_counts: in how many steps each weight changed.
        largest_relative_change: largest change of a weight over the largest weight at the start.
        loss: the loss as a function of all weights in one row.
    """

    weights: Array
    update_counts: Array
    largest_relative_change: float
    loss: Callable[[Array], float]

    def harm_of_zeroing(self, chosen: Sequence[int]) -> float:
        """How much the loss grows when the weights with the indices ``chosen`` become zero."""
        left = self.weights.copy()
        left[list(chosen)] = 0.0
        return self.loss(left) - self.loss(self.weights)


def train_network(
    *, inputs: int, hidden: int, scale: float = 1.0, zeros: float = 0.0, seed: int
) -> Training:
    """Train inputs → hidden → 1 on random targets for 30 steps of SGD, in float64.

    Weights are drawn with standard deviation ``scale`` over the root of the fan-in. A share
    ``zeros`` of them is set to exactly 0 and held there by a mask.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    data, targets = draw(64, inputs), draw(64)
    layers = [draw(hidden, inputs) * scale / inputs**0.5, draw(hidden) * scale / hidden**0.5]
    masks = [
        (torch.rand(layer.shape, generator=generator) >= zeros).to(torch.float64)
        for layer in layers
    ]
    layers = [layer * mask for layer, mask in zip(layers, masks, strict=True)]

    def loss(weights: list[Tensor]) -> Tensor:
        masked = [weight * mask for weight, mask in zip(weights, masks, strict=True)]
        return ((data @ masked[0].T).tanh() @ masked[1] - targets).square().mean()

    return _follow(layers, loss, loss, steps=30)


def train_embedding(*, words: int, width: int, lookups: int | None = 8, seed: int) -> Training:
    """Train a table of one row for each word towards drawn targets, for 30 steps of SGD.

    Each step looks up ``lookups`` words, drawn by Zipf's law: word k with a chance in proportion to
    1 / k; ``None`` stands for every word in every step. The loss is the squared distance of a row
    from its target, weighted by how frequent the word is.
    """
    generator = torch.Generator().manual_seed(seed)
    table, targets = (
        torch.randn(words, width, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    frequencies = 1.0 / torch.arange(1, words + 1, dtype=torch.float64)
    frequencies = frequencies / frequencies.sum()

    def rows() -> Tensor:
        if lookups is None:
            return torch.arange(words)
        return torch.multinomial(frequencies, lookups, replacement=True, generator=generator)

    batches = iter([rows() for _ in range(30)])

    def loss(weights: list[Tensor]) -> Tensor:
        batch = next(batches)
        # With 0.4 no number of lookups in one step lands a row exactly on its target, where its
        # gradient would be zero and later updates would not count.
        return 0.4 * (weights[0][batch] - targets[batch]).square().sum()

    def expected(weights: list[Tensor]) -> Tensor:
        return frequencies @ (weights[0] - targets).square().sum(dim=1)

    return _follow([0.1 * table], loss, expected, steps=30)


def _follow(start: list[Tensor], loss: Loss, final_loss: Loss, *, steps: int) -> Training:
    weights = [layer.clone().requires_grad_() for layer in start]
    counts = [torch.zeros_like(layer) for layer in start]
    optimizer = torch.optim.SGD(weights, lr=0.1)
    for _ in range(steps):
        before = [weight.detach().clone() for weight in weights]
        optimizer.zero_grad()
        loss(weights).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for count, old, new in zip(counts, before, weights, strict=True):
            count += (old != new.detach()).to(count.dtype)
    end, origin = _flat([weight.detach() for weight in weights]), _flat(start)
    change = float(np.abs(end - origin).max() / np.abs(origin).max())

    def of_row(row: Array) -> float:
        parts = torch.split(torch.from_numpy(row), [layer.numel() for layer in start])
        layers = [part.reshape(layer.shape) for part, layer in zip(parts, start, strict=True)]
        return float(final_loss(layers))

    return Training(end, _flat(counts), change, of_row)


def _flat(tensors: list[Tensor]) -> Array:
    return np.concatenate([tensor.flatten().numpy() for tensor in tensors])
