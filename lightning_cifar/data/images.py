"""Images with their labels, and a set of them in a training, a test and a validation part."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_cifar.data.reading import UNKNOWN, About

IMAGE_SHAPE = (3, 32, 32)
PIECE_BYTES = 1 << 24  # of images that are in memory at once where all are gone through
HASH_BYTES = 8  # two different ones of a million images share a hash with a probability of 3e-8

Part = Literal["train", "test", "validation"]
# What folders and files of each part are called, in lower case.
PART_NAMES: dict[str, Part] = {
    "train": "train",
    "test": "test",
    **dict.fromkeys(("valid", "val", "validation"), "validation"),
}
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class LabelledImages:
    """Images (n, 3, size, size) of uint8 with their labels (n,) of int64, on one device.

    Attributes:
        stored: the images; of images in a file all that it holds, which are read where they are
            asked for and must not be written to.
        labels: of the images, in memory.
        rows: of images in a file, which of the stored ones these are, (n,); None in memory.
    """

    stored: Tensor
    labels: Tensor
    rows: Tensor | None = None

    def __post_init__(self) -> None:
        """Check the promise of shapes and types; a violation is an error of the program."""
        size = self.stored.shape[-1]
        if self.stored.dtype != torch.uint8 or self.stored.shape[1:] != (3, size, size):
            raise ValueError(
                f"images must be uint8 of shape (n, 3, size, size), "
                f"got {self.stored.dtype} of shape {tuple(self.stored.shape)}"
            )
        count = len(self.stored if self.rows is None else self.rows)
        if self.labels.dtype != torch.int64 or self.labels.shape != (count,):
            raise ValueError(
                f"labels must be int64 of shape ({count},), "
                f"got {self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )

    @classmethod
    def in_file(cls, stored: Tensor, labels: Tensor) -> "LabelledImages":
        """All images of an array that lies in a file."""
        return cls(stored, labels, torch.arange(len(stored)))

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """An image and its label, as PyTorch's loaders ask for them."""
        return self.between(index, index + 1)[0], self.labels[index]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the images: (n, 3, size, size)."""
        return (len(self), *self.stored.shape[1:])

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.stored.device

    @property
    def images(self) -> Tensor:
        """The images in memory; those in a file are all read for it, at each call."""
        return self.stored if self.rows is None else self.between(0, len(self))

    def at(self, indices: Tensor) -> Tensor:
        """A copy of the images with the given indices (int64), in that order."""
        rows = indices if self.rows is None else self.rows.index_select(0, indices)
        return self.stored.index_select(0, rows)

    def between(self, start: int, end: int) -> Tensor:
        """The images from index ``start`` up to ``end``; of images in a file a copy."""
        if self.rows is None:
            return self.stored[start:end]
        return self.stored.index_select(0, self.rows[start:end])

    def split(self, size: int) -> Iterator[Tensor]:
        """The images, ``size`` at a time, as ``Tensor.split`` gives them."""
        return (self.between(start, start + size) for start in range(0, len(self), size))

    def pieces(self) -> Iterator[Tensor]:
        """The images in order, about ``PIECE_BYTES`` at a time."""
        return self.split(images_in_a_piece(self.stored.shape))

    def select(self, indices: Tensor) -> "LabelledImages":
        """The images with the given indices (int64), in that order; in a file they stay there."""
        if self.rows is None:
            return LabelledImages(self.stored[indices], self.labels[indices])
        return LabelledImages(self.stored, self.labels[indices], self.rows[indices])

    def to(self, device: torch.device | str) -> "LabelledImages":
        """The same images on ``device``; nothing is copied if they are there already."""
        if self.rows is None:
            return LabelledImages(self.stored.to(device), self.labels.to(device))
        if torch.device(device).type == "cpu":
            return self
        images = torch.empty(self.shape, dtype=torch.uint8, device=device)
        done = 0
        for piece in self.pieces():
            images[done : done + len(piece)] = piece
            done += len(piece)
        return LabelledImages(images, self.labels.to(device))


def images_in_a_piece(shape: Sequence[int]) -> int:
    """How many images of an array (n, 3, size, size) are held in memory at once; at least one."""
    return max(1, PIECE_BYTES // max(1, math.prod(shape[1:])))


def image_hashes(images: Tensor | LabelledImages) -> Hashes:
    """A hash (n,) of the pixels of each image (n, 3, size, size), which copies share."""
    hashes = [
        np.frombuffer(
            b"".join(
                blake2b(row, digest_size=HASH_BYTES).digest() for row in piece.flatten(1).numpy()
            ),
            dtype=np.uint64,
        )
        for piece in images.split(images_in_a_piece(images.shape))
    ]
    return np.concatenate(hashes)


@dataclass(frozen=True)
class ImageSet:
    """A set of images whose parts are read only when asked for.

    So whoever trains never touches the test images.

    Attributes:
        classes: names of the labels 0, 1, 2, ….
        fingerprint: a hash of the content of all parts.
        read: gives a part, read anew at each call.
        parts: those that there are; few sets have validation images of their own.
        known_hashes: of the images of each part, where they are kept.
        about: the form in which the images were found, and what was done with them.
    """

    classes: tuple[str, ...]
    fingerprint: str
    read: Callable[[Part], LabelledImages]
    parts: tuple[Part, ...] = ("train", "test")
    known_hashes: Mapping[Part, Hashes] = field(default_factory=dict)
    about: About = UNKNOWN

    @property
    def train(self) -> LabelledImages:
        """The training images."""
        return self.read("train")

    @property
    def test(self) -> LabelledImages:
        """The test images."""
        return self.read("test")

    def hashes(self, part: Part) -> Hashes:
        """``image_hashes`` of a part, which is not read for them if they are kept."""
        known = self.known_hashes.get(part)
        return image_hashes(self.read(part)) if known is None else known
