"""The training batches of a fit that is about to begin, whoever made their loader."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Trainer

from lightning_cifar.errors import InputError


def training_batches(trainer: Trainer) -> Any:
    """The loader that the fit will train on, as it was given or as its data module makes it.

    For ``setup`` hooks. Raises: InputError if there is none.
    """
    # Lightning has no public name for it before the fit has begun.
    source = trainer.fit_loop._data_source
    if source.instance is None:
        raise InputError("a fit needs training batches: give it a data module or a loader")
    return source.dataloader()


@contextmanager
def order_kept(loader: Any) -> Iterator[None]:
    """Let a pass over a loader leave no trace in the order of the passes after it.

    A shuffling ``DataLoader`` draws from the global generator or from one of its own.
    """
    holders = (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None))
    generators = {
        id(generator): generator
        for holder in holders
        if isinstance(generator := getattr(holder, "generator", None), torch.Generator)
    }
    states = [(each, each.get_state()) for each in generators.values()]
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        for generator, state in states:
            generator.set_state(state)
