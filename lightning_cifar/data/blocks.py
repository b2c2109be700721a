"""Several batches handed out at once, for a training that need not look up between them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, final

import torch
from torch import Tensor


@final
class Block(list[tuple[Tensor, Tensor]]):
    """Consecutive batches of an epoch: (images, labels) each."""

    def to(self, device: torch.device, **_: Any) -> "Block":
        """Itself where it is; by this Lightning moves it as a whole, not tensor by tensor."""
        if self[0][0].device == device:
            return self
        return Block((images.to(device), labels.to(device)) for images, labels in self)


def in_blocks(batches: Any, size: int) -> Any:
    """A loader's batches, ``size`` at a time."""
    return Blocks(batches, size) if size > 1 else batches


@final
class Blocks:
    """The batches of a loader, up to ``size`` at a time; Lightning counts each block as a batch.

    Attributes:
        is_counted: whether Lightning has done so; whoever asks later wants to know of batches.
    """

    batch_sampler = None  # Lightning asks for it wherever it finds a sampler

    def __init__(self, batches: Any, size: int) -> None:
        self.batches, self.size = batches, size
        self.is_counted = False

    def __len__(self) -> int:
        """The number of blocks in an epoch; once they are counted, that of batches."""
        return len(self.batches) if self.is_counted else self.count()

    def count(self) -> int:
        """The number of blocks in an epoch."""
        return -(-len(self.batches) // self.size)

    @property
    def sampler(self) -> Any:
        """Where Lightning looks for ``set_epoch``, and whether the images are shuffled."""
        return self.batches.sampler

    def __iter__(self) -> Iterator[Block]:
        """One epoch."""
        batches = iter(self.batches)
        while block := Block(islice(batches, self.size)):
            yield block
