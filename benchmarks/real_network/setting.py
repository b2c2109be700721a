"""What every experiment is given: images, seeds, sizes."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.seeds import derived_seed
from lightning_cifar.standardise import Standardise

SEARCH_SEEDS = (1000, 1001, 1002)  # of the networks that choose a rate; none of them is judged
PROBES = 500  # validation images on which activations and gradients are measured
VALIDATION = 2500  # images on which a trained network is judged
CHECKED = 1000  # validation images by which a curve is drawn and a rate is chosen


@dataclass(frozen=True)
class Setting:
    """Images and sizes.

    Attributes:
        train, validation: shuffled, so that the first ones are of all classes.
        seeds: of the networks that are judged; seed k decides start, order and masks.
        epochs: of a run.
        depth, width: of the network; the exercise's by default.
    """

    train: LabelledImages
    validation: LabelledImages
    standardise: Standardise
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int = 32
    depth: int = 20
    width: int = 100

    @property
    def probes(self) -> torch.Tensor:
        """Standardised validation images (images, pixels)."""
        return self.standardise(self.validation.images[:PROBES]).flatten(1)

    def described(self) -> dict[str, Any]:
        """What decides the figures, as plain values."""
        return {
            "images": len(self.train),
            "validation_images": len(self.validation),
            "seeds": list(self.seeds),
            "search_seeds": list(SEARCH_SEEDS),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "depth": self.depth,
            "width": self.width,
        }

    def with_images(self, count: int) -> "Setting":
        """The same with the first ``count`` training images, if there are as many."""
        return replace(self, train=first(self.train, count))


def setting_of(data: CIFAR10DataModule, images: int, seeds: int, epochs: int) -> Setting:
    """The setting for a data module.

    images: how many training images to use. seeds: how many, from 0.
    Raises: InputError for numbers that cannot be.
    """
    if seeds < 2 or epochs < 1:
        raise InputError(f"at least 2 seeds and 1 epoch are needed, got {seeds} and {epochs}")
    data.prepare_data()
    data.setup("fit")
    if not 1 <= images <= len(data.train_images):
        raise InputError(
            f"--images must be from 1 to {len(data.train_images)}, the training images, got "
            f"{images}"
        )
    standardise = Standardise()
    standardise.adopt(data.standardisation.mean, data.standardisation.deviation)
    return Setting(
        first(shuffled(data.train_images), images),
        first(shuffled(data.validation_images), VALIDATION),
        standardise,
        tuple(range(seeds)),
        epochs,
    )


def shuffled(data: LabelledImages) -> LabelledImages:
    """In an order that is always the same."""
    generator = torch.Generator().manual_seed(derived_seed("real network", len(data)))
    return data.select(torch.randperm(len(data), generator=generator))


def first(data: LabelledImages, count: int) -> LabelledImages:
    """The first ``count``."""
    return LabelledImages(data.images[:count], data.labels[:count])
