"""Batches for a stack: member k sees those of its own seed, as it would if it trained alone."""

from collections.abc import Iterator, Sequence
from typing import final

import torch
from torch import Tensor

from lightning_cifar.data.augmentation import Augmentation
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.images import LabelledImages


@final
class StackedBatches:
    """Iterable over (images, labels) of all members that are still in the stack.

    images: (members, batch, 3, size, size) of uint8, labels: (members, batch); without the leading
    dimension when all members have the same seed, so that the stack reads one batch for all.
    """

    batch_sampler = None  # Lightning asks for it wherever it finds a sampler

    def __init__(
        self,
        data: LabelledImages,
        *,
        batch_size: int,
        seeds: Sequence[int],
        augmentation: Augmentation | None = None,
    ) -> None:
        self.members = [
            TensorBatches(data, batch_size=batch_size, seed=seed, augmentation=augmentation)
            for seed in seeds
        ]
        self.present = list(range(len(seeds)))
        self.epoch = 0

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self.members[0])

    @property
    def sampler(self) -> "StackedBatches":
        """Itself: where Lightning looks for ``set_epoch``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration shows."""
        self.epoch = epoch

    def keep(self, present: Sequence[int]) -> None:
        """Serve these members from the next epoch on; indices into those it was made for."""
        self.present = list(present)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch; what it shows is read when the first batch is asked for."""
        members = [self.members[index] for index in self.present]
        if len({member.seed for member in members}) == 1:
            members[0].set_epoch(self.epoch)
            yield from members[0]
            return
        orders = torch.stack([shuffled(member.indices(self.epoch)) for member in members])
        for number, (start, end) in enumerate(members[0].bounds):
            yield together(members, orders[:, start:end], self.epoch, number)


def shuffled(order: Tensor | None) -> Tensor:
    """The order of a member, which always has one."""
    assert order is not None, "training batches are shuffled"
    return order


def together(
    members: Sequence[TensorBatches], chosen: Tensor, epoch: int, number: int
) -> tuple[Tensor, Tensor]:
    """Batch ``number`` of each member in one tensor, gathered at once; chosen: (members, batch)."""
    data = members[0].data
    images = data.at(chosen.flatten()).view(*chosen.shape, *data.shape[1:])
    labels = data.labels.index_select(0, chosen.flatten()).view(chosen.shape)
    if members[0].augmentation is None:
        return images, labels
    changed = [
        member.augmented(own, labels, epoch, number)[0]
        for member, own in zip(members, images, strict=True)
    ]
    return torch.stack(changed), labels
