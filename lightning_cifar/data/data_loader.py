"""The same batches from PyTorch's own ``DataLoader``: the stock way, one image at a time."""

import warnings
from collections.abc import Iterator
from typing import Any, final

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError

Example = tuple[Tensor, ...]


@final
class Examples(Dataset[Example]):
    """Images with their labels, one by one."""

    def __init__(self, data: LabelledImages) -> None:
        self.data = data

    def __len__(self) -> int:
        """The number of images."""
        return len(self.data)

    def __getitem__(self, index: int) -> Example:
        """An image and its label."""
        return self.data.between(index, index + 1)[0], self.data.labels[index]


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


def as_data_loader(batches: TensorBatches) -> DataLoader[Example]:
    """A stock loader that gives the same batches in the same order as ``batches``.

    It can resume at the start of an epoch only, and serves one process: Lightning would replace
    its sampler by one that pads. Without workers, because nothing is left to be decoded; so
    the batch that is collated is the one whose indices were drawn last.
    """
    sampler = EpochBatchSampler(batches)

    def collate(examples: list[Example]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(examples)
        return batches.augmented(images, labels, sampler.epoch, sampler.number)

    return DataLoader(Examples(batches.data), batch_sampler=sampler, collate_fn=collate)


def stock(batches: TensorBatches, world_size: int) -> DataLoader[Any]:
    """The batches from PyTorch's loader, without Lightning's advice to add workers to it."""
    if world_size > 1:
        raise InputError(
            f"loader is stock and there are {world_size} processes, which it cannot serve without "
            "showing images twice; use --data.loader=memory."
        )
    # The images are arrays already: a worker would only copy them between processes.
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    return as_data_loader(batches)
