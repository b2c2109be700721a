"""The training batches of a fit that is about to begin, whoever made their loader."""

from typing import Any

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
