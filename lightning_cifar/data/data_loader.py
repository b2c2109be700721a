"""The same batches from PyTorch's own ``DataLoader``: the stock way, one image at a time."""

import warnings
from collections.abc import Iterator
from typing import Any, final

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, default_collate

from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.errors import InputError

Example = tuple[Tensor, Tensor]


@final
class EpochBatchSampler(Sampler[list[int]]):
    """The indices of each batch of ``batches``, one list at a time."""

    def __init__(self, batches: TensorBatches) -> None:
        self.batches = batches
        self.epoch = 0
        self.number = -1

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self.batches)

    @property
    def sampler(self) -> "EpochBatchSampler":
        """Itself: where Lightning looks for ``set_epoch``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration shows."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        """The batches' indices; the epoch is read when the first is asked for."""
        order = self.batches.indices(self.epoch)
        if order is None:
            order = torch.arange(len(self.batches.data))
        for number, (start, end) in enumerate(self.batches.bounds):
            self.number = number
            yield order[start:end].tolist()


def stock(batches: TensorBatches, world_size: int = 1) -> DataLoader[Example]:
    """A stock loader that gives the same batches in the same order as ``batches``.

    It can resume at the start of an epoch only. Without workers, because nothing is left to be
    decoded; so the batch that is collated is the one whose indices were drawn last.

    Raises:
        InputError: there are several processes.
    """
    if world_size > 1:  # Lightning would replace its sampler by one that pads
        raise InputError(
            f"loader is stock and there are {world_size} processes, which it cannot serve without "
            "showing images twice; use --data.loader=memory."
        )
    # Lightning's advice to add workers: they would only copy the images between processes.
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    sampler = EpochBatchSampler(batches)

    def collate(examples: list[Example]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(examples)
        return batches.augmented(images, labels, sampler.epoch, sampler.number)

    images: Any = batches.data
    return DataLoader(images, batch_sampler=sampler, collate_fn=collate)
