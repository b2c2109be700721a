"""Images with their labels, and a set of them in a training, a test and a validation part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_cifar.data.reading import UNKNOWN, About

IMAGE_SHAPE = (3, 32, 32)
HASH_BYTES = 8  # two different ones of a million images share a hash with a probability of 3e-8

Part = Literal["train", "test", "validation"]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class LabelledImages:
    """Images (n, 3, size, size) of uint8 with their labels (n,) of int64, on one device."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        """Check the promise of shapes and types; a violation is an error of the program."""
        size = self.images.shape[-1]
        if self.images.dtype != torch.uint8 or self.images.shape[1:] != (3, size, size):
            raise ValueError(
                f"images must be uint8 of shape (n, 3, size, size), "
                f"got {self.images.dtype} of shape {tuple(self.images.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels must be int64 of shape ({len(self.images)},), "
                f"got {self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def select(self, indices: Tensor) -> "LabelledImages":
        """The images with the given indices (int64), in that order."""
        return LabelledImages(self.images[indices], self.labels[indices])

    def to(self, device: torch.device | str) -> "LabelledImages":
        """The same images on ``device``; nothing is copied if they are there already."""
        return LabelledImages(self.images.to(device), self.labels.to(device))


def together(parts: Sequence[LabelledImages]) -> LabelledImages:
    """Several images sets, one after the other."""
    return LabelledImages(
        torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts])
    )


def image_hashes(images: Tensor) -> Hashes:
    """A hash (n,) of the pixels of each image (n, 3, size, size), which copies share."""
    rows = images.flatten(1).numpy()
    digests = b"".join(blake2b(row, digest_size=HASH_BYTES).digest() for row in rows)
    return np.frombuffer(digests, dtype=np.uint64)


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
        return image_hashes(self.read(part).images) if known is None else known
