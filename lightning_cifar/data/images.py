"""Images with their labels, and a set of them in a training and a test part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

IMAGE_SHAPE = (3, 32, 32)
CLASSES = 10

Part = Literal["train", "test"]


@dataclass(frozen=True)
class LabelledImages:
    """Images (n, 3, 32, 32) of uint8 with their labels (n,) of int64, on one device."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        """Check the promise of shapes and types; a violation is an error of the program."""
        if self.images.dtype != torch.uint8 or self.images.shape[1:] != IMAGE_SHAPE:
            raise ValueError(
                f"images must be uint8 of shape (n, 3, 32, 32), "
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


@dataclass(frozen=True)
class ImageSet:
    """A set of images whose two parts are read only when asked for.

    So whoever trains never touches the test images. ``fingerprint`` is a hash of the content of
    both parts; ``classes`` are the names of the labels 0 to 9.
    """

    classes: tuple[str, ...]
    fingerprint: str
    read: Callable[[Part], LabelledImages]

    @property
    def train(self) -> LabelledImages:
        """The training images, read anew at each access."""
        return self.read("train")

    @property
    def test(self) -> LabelledImages:
        """The test images, read anew at each access."""
        return self.read("test")
