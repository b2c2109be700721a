"""Batches of images in memory or a file, in an order that is a function of (seed, epoch)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import final

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from lightning_cifar.data.augmentation import Augmentation
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.seeds import derived_seed


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order (count,) in which epoch ``epoch`` visits the indices; made on the CPU."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "order", epoch))
    return torch.randperm(count, generator=generator)


def batch_bounds(
    count: int, batch_size: int, *, rank: int = 0, world_size: int = 1
) -> list[tuple[int, int]]:
    """Start and end, in an epoch's order, of each batch of process ``rank``.

    Every ``world_size * batch_size`` images form a global batch, of which each process takes one
    contiguous share; so all have the same number of batches, and every image is in exactly one.
    The last global batch holds what is left, in shares that differ by one image at most (the
    processes' gradients then weigh as much as each other, their images not quite). If that leaves a
    process fewer than two images, which batch normalisation needs, it joins the batch before.

    Raises:
        InputError: ``batch_size`` is below 1, or there are fewer images than processes.
    """
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; it must be 1 or more.")
    if count < world_size:
        raise InputError(
            f"{count} images cannot be shared by {world_size} processes; use at most {count}."
        )
    step = batch_size * world_size
    batches, rest = divmod(count, step)
    if rest >= 2 * world_size or batches == 0:
        batches += 1
    edges = [*range(0, batches * step, step), count]
    bounds = []
    for start, end in pairwise(edges):
        size = end - start
        bounds.append((start + rank * size // world_size, start + (rank + 1) * size // world_size))
    return bounds


@final
class InOrder(SequentialSampler):
    """What tells Lightning that batches are not shuffled; it passes the epoch on."""

    def __init__(self, batches: "TensorBatches") -> None:
        super().__init__(batches.data)
        self.batches = batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose augmentation is drawn."""
        self.batches.set_epoch(epoch)


@final
class TensorBatches:
    """Iterable over (images uint8, labels) batches of ``data``, which stays where it is.

    Shuffled, each epoch has its own order; otherwise batches are in the order of ``data``, and
    views of images in memory.
    Augmentation is drawn from (seed, epoch, batch, rank). All of it depends on nothing that
    happened before, so a run that resumes, even within an epoch, sees what it would have seen.
    """

    batch_sampler = None  # Lightning asks for it wherever it finds a sampler

    def __init__(
        self,
        data: LabelledImages,
        *,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.data = data
        self.bounds = batch_bounds(len(data), batch_size, rank=rank, world_size=world_size)
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.augmentation = augmentation
        self.epoch = 0
        self.position = 0
        self._resumes_from: dict[str, int] | None = None

    def __len__(self) -> int:
        """The number of batches in an epoch, the same for every process."""
        return len(self.bounds)

    @property
    def sampler(self) -> "TensorBatches | InOrder":
        """Where Lightning looks for ``set_epoch``, and whether the images are shuffled."""
        return self if self.shuffle else InOrder(self)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration shows; a new epoch starts at its beginning."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.position = 0
            self._resumes_from = None

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The epoch's batches; after ``load_state_dict``, once, only those not yet handed out.

        Epoch and position are read when the first batch is asked for: Lightning makes the iterator
        before it sets the epoch.
        """
        start = self._start()
        indices = self.indices(self.epoch)
        epoch = self.epoch
        for number in range(start, len(self)):
            self.position = number + 1
            yield self.augmented(*self.batch(number, indices), epoch, number)

    def indices(self, epoch: int) -> Tensor | None:
        """The order of an epoch on the images' device; None stands for the order of the data."""
        if not self.shuffle:
            return None
        return epoch_order(len(self.data), self.seed, epoch).to(self.data.device)

    def batch(self, number: int, indices: Tensor | None) -> tuple[Tensor, Tensor]:
        """Images and labels of batch ``number``, as they are in the data."""
        start, end = self.bounds[number]
        if indices is None:
            return self.data.between(start, end), self.data.labels[start:end]
        chosen = indices[start:end]
        return self.data.at(chosen), self.data.labels.index_select(0, chosen)

    def augmented(
        self, images: Tensor, labels: Tensor, epoch: int, number: int
    ) -> tuple[Tensor, Tensor]:
        """The batch ``number`` of ``epoch`` after the random changes that belong to it."""
        if self.augmentation is None:
            return images, labels
        seed = derived_seed(self.seed, "augmentation", epoch, number, self.rank)
        generator = torch.Generator().manual_seed(seed)
        return self.augmentation.apply(images, generator), labels

    def state_dict(self) -> dict[str, int]:
        """The epoch and how many of its batches were handed out."""
        return {"epoch": self.epoch, "position": self.position, "batches": len(self)}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continue where ``state_dict`` was taken, unless another epoch is set meanwhile."""
        self.epoch = state_dict["epoch"]
        self.position = state_dict["position"]
        self._resumes_from = dict(state_dict)

    def _start(self) -> int:
        """The first batch to hand out; forgets what was loaded."""
        loaded, self._resumes_from = self._resumes_from, None
        if loaded is None:
            return 0
        if loaded["batches"] != len(self):
            raise InputError(
                f"The checkpoint stands within an epoch of {loaded['batches']} batches, but an "
                f"epoch now has {len(self)}; resume with the same batch size, data and processes."
            )
        return loaded["position"]
