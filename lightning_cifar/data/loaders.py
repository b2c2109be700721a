"""The loaders of a fit, whoever made them: found before it begins, left as they were after it."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from lightning_cifar.errors import InputError

# Loader, batch sampler, sampler, generator, the dicts of their attributes, and some more.
DEPTH = 12
LONG = 1000  # parts: what has more of them is data
CLOSED = (type, ModuleType, nn.Module, Trainer)


def training_batches(trainer: Trainer) -> Any:
    """The loader that a fit will train on, as it was given or as its data module makes it.

    For ``setup`` hooks.

    Raises:
        InputError: there is none.
    """
    # Lightning has no public name for it before the fit has begun.
    source = trainer.fit_loop._data_source
    if source.instance is None:
        raise InputError("a fit needs training batches: give it a data module or a loader")
    return source.dataloader()


class Transferred:
    """A loader's pairs as a network gets them: after the hooks around their way to a device.

    module: a LightningModule with a trainer, which knows whose hooks these are.
    """

    def __init__(self, batches: Any, module: Any) -> None:
        self.batches, self.module = batches, module

    def __len__(self) -> int:
        """The loader's."""
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        """One pass; what is no pair of tensors is left as it is."""
        for batch in self.batches:
            is_pair = isinstance(batch, tuple | list) and isinstance(batch[0], Tensor)
            yield self.transferred(batch) if is_pair else batch

    def transferred(self, batch: Any) -> Any:
        """What all hooks make of a batch."""
        before = self.module._on_before_batch_transfer(batch)
        return self.module._apply_batch_transfer_handler(before)


def put(found: list[Any], items: list[Any]) -> None:
    """Write the items of a list back."""
    found[:] = items


def refill(found: dict[Any, Any], entries: dict[Any, Any]) -> None:
    """Let a dict, which may be the attributes of an object, hold these entries and no others."""
    found.clear()
    found.update(entries)


def set_bits(generator: np.random.Generator, state: Any) -> None:
    """Give one of NumPy's generators a state."""
    generator.bit_generator.state = state


# How the state of each kind is read and given back.
KINDS: tuple[tuple[type, Any, Any], ...] = (
    (torch.Generator, lambda found: found.get_state(), torch.Generator.set_state),
    (random.Random, random.Random.getstate, random.Random.setstate),
    (np.random.Generator, lambda found: found.bit_generator.state, set_bits),
    (np.random.RandomState, lambda found: found.get_state(), np.random.RandomState.set_state),
    (list, list.copy, put),
    (dict, dict.copy, refill),
)


@contextmanager
def left_as_found(*roots: Any) -> Iterator[None]:
    """Give the attributes, lists and generators that loaders are made of the state they have now.

    The images themselves are neither copied nor looked at.
    """
    noted: list[tuple[Any, Callable[[Any, Any], None], Any]] = []
    seen: set[int] = set()
    waiting = [(root, DEPTH) for root in roots]
    while waiting:
        found, depth = waiting.pop()
        if id(found) in seen or isinstance(found, CLOSED):
            continue
        seen.add(id(found))
        noted += [
            (found, write, read(found)) for kind, read, write in KINDS if isinstance(found, kind)
        ]
        waiting += [(part, depth - 1) for part in parts_of(found) if depth]
    try:
        yield
    finally:
        for found, write, state in noted:
            write(found, state)


def parts_of(found: Any) -> list[Any]:
    """What a thing consists of, as far as it can hold a state."""
    parts = [vars(found)] if hasattr(found, "__dict__") else []
    if isinstance(found, dict | list | tuple) and len(found) <= LONG:
        parts += found.values() if isinstance(found, dict) else found
    return parts
