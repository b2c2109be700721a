"""Lightning's hooks around the images: where they come from, which part serves what, on what."""

import warnings
from typing import Any, Literal, TypeVar, final, get_args

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from lightning_cifar.data.batches import Augmentation, TensorBatches
from lightning_cifar.data.data_loader import as_data_loader
from lightning_cifar.data.images import IMAGE_SHAPE, ImageSet, LabelledImages
from lightning_cifar.data.sources import Source, cache_folder, load_images
from lightning_cifar.data.split import Validation, split
from lightning_cifar.data.statistics import Standardisation, StandardisationKind, measure
from lightning_cifar.errors import InputError

Loader = Literal["memory", "stock"]
Value = TypeVar("Value")
Batches = TensorBatches | DataLoader[Any]

EVALUATION_BATCH = 1000  # images; the result does not depend on it, the time does
VALIDATION_SHARE = 10  # one training image in ten validates, as in the published 45,000/5,000


@final
class CIFAR10DataModule(LightningDataModule):
    """Training, validation and test batches of raw uint8 images, on the trainer's device.

    Args:
        source: ``official`` downloads CIFAR-10; ``folder`` reads images; ``synthetic`` draws them.
        path: the folder or zip of images, for ``folder`` only.
        cache: folder for what is downloaded or decoded; by default ``lightning-cifar`` below
            ``$XDG_CACHE_HOME`` or ``~/.cache``.
        batch_size: images per batch and process.
        validation: ``stratified`` takes a share of each class, ``first`` the first images.
        validation_size: images taken from training for validation; by default one in ten.
        split_seed: chooses the stratified split, whatever the seed of the run.
        standardise: over what the statistics of the training part are taken.
        loader: ``memory`` slices batches out of memory, ``stock`` is PyTorch's ``DataLoader``.
        flip: mirror training images at random.
        shift: move training images by up to so many pixels at random.
        seed: of the order of training images and their augmentation.

    Raises:
        InputError: an argument is out of its range.
    """

    def __init__(
        self,
        *,
        source: Source = "official",
        path: str | None = None,
        cache: str | None = None,
        batch_size: int = 128,
        validation: Validation = "stratified",
        validation_size: int | None = None,
        split_seed: int = 0,
        standardise: StandardisationKind = "per_pixel",
        loader: Loader = "memory",
        flip: bool = False,
        shift: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = source
        self.path = path
        self.cache = cache_folder(cache)
        self.batch_size = batch_size
        self.validation = validation
        self.validation_size = validation_size
        self.split_seed = split_seed
        self.standardise = standardise
        self.loader = loader
        self.augmentation = Augmentation(flip, shift) if flip or shift else None
        self.seed = seed
        self._check(shift)
        self._image_set: ImageSet | None = None
        self._train: LabelledImages | None = None
        self._validation: LabelledImages | None = None
        self._test: LabelledImages | None = None
        self._standardisation: Standardisation | None = None

    def _check(self, shift: int) -> None:
        """Refuse arguments that no image set could make right."""
        check_choice("source", self.source, Source)
        check_choice("validation", self.validation, Validation)
        check_choice("standardise", self.standardise, StandardisationKind)
        check_choice("loader", self.loader, Loader)
        check_least("batch_size", self.batch_size, 1)
        check_least("split_seed", self.split_seed, 0)
        check_least("seed", self.seed, 0)
        check_least(
            "validation_size", 1 if self.validation_size is None else self.validation_size, 1
        )
        if not 0 <= shift < IMAGE_SHAPE[1]:
            raise InputError(
                f"shift is {shift}; it must be between 0 and {IMAGE_SHAPE[1] - 1} pixels."
            )
        if (self.source == "folder") != (self.path is not None):
            raise InputError(
                f"source is {self.source} and path is {self.path}; a path to a folder or zip of "
                "images goes with --data.source=folder, and only with it."
            )

    def prepare_data(self) -> None:
        """Download, decode or draw the images into the cache; one process per machine does it."""
        self.image_set()

    def setup(self, stage: str) -> None:
        """Read the test part for ``test``; else read the training part, split and measure it."""
        if stage == "test":
            self._test = self._test or self.image_set().test
        elif self._train is None:
            self._split(self.image_set().train)

    def _split(self, images: LabelledImages) -> None:
        """Divide the training images and take the statistics of those that train."""
        size = self.validation_size or max(1, len(images) // VALIDATION_SHARE)
        train, validation = split(
            images.labels, self.validation, validation_size=size, seed=self.split_seed
        )
        self._train, self._validation = images.select(train), images.select(validation)
        self._standardisation = measure(self._train.images, self.standardise)

    def image_set(self) -> ImageSet:
        """The chosen images, made ready in the cache if they are not."""
        if self._image_set is None:
            self._image_set = load_images(self.source, self.path, self.cache)
        return self._image_set

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels 0 to 9."""
        return self.image_set().classes

    @property
    def fingerprint(self) -> str:
        """A hash of the content of all images, training and test."""
        return self.image_set().fingerprint

    @property
    def settings(self) -> dict[str, object]:
        """What else decides which batches a run sees, apart from its seed; plain values."""
        return {
            "batch_size": self.batch_size,
            "validation": self.validation,
            "validation_size": self.validation_size,
            "split_seed": self.split_seed,
            "standardise": self.standardise,
            "flip": self.augmentation is not None and self.augmentation.flip,
            "shift": 0 if self.augmentation is None else self.augmentation.shift,
        }

    @property
    def standardisation(self) -> Standardisation:
        """Mean and deviation of the training part, on the CPU."""
        return ready(self._standardisation)

    @property
    def train_images(self) -> LabelledImages:
        """The part of the training images that trains."""
        return ready(self._train)

    @property
    def validation_images(self) -> LabelledImages:
        """The part of the training images that validates."""
        return ready(self._validation)

    @property
    def test_images(self) -> LabelledImages:
        """The test images; there only after ``setup("test")``."""
        return ready(self._test)

    def train_dataloader(self) -> Batches:
        """Shuffled, and augmented if asked for."""
        self._train = self._placed(self.train_images)
        return self._batches(self._train, trains=True)

    def val_dataloader(self) -> Batches:
        """The validation images in order."""
        self._validation = self._placed(self.validation_images)
        return self._batches(self._validation, trains=False)

    def test_dataloader(self) -> Batches:
        """The test images in order."""
        self._test = self._placed(self.test_images)
        return self._batches(self._test, trains=False)

    def predict_dataloader(self) -> Batches:
        """The validation images in order: the test images are for ``test`` alone."""
        return self.val_dataloader()

    def _placed(self, data: LabelledImages) -> LabelledImages:
        """The images on the trainer's device, where they stay; on the CPU for stock loaders."""
        if self.trainer is None or self.loader == "stock":
            return data
        return data.to(self.trainer.strategy.root_device)

    def _batches(self, data: LabelledImages, *, trains: bool) -> Batches:
        world_size = 1 if self.trainer is None else self.trainer.world_size
        batches = TensorBatches(
            data,
            batch_size=self.batch_size if trains else EVALUATION_BATCH,
            shuffle=trains,
            seed=self.seed,
            rank=0 if self.trainer is None else self.trainer.global_rank,
            world_size=world_size,
            augmentation=self.augmentation if trains else None,
        )
        return batches if self.loader == "memory" else stock(batches, world_size)


def stock(batches: TensorBatches, world_size: int) -> DataLoader[Any]:
    """The batches from PyTorch's loader, without Lightning's advice to add workers to it."""
    if world_size > 1:
        raise InputError(
            f"loader is stock and there are {world_size} processes, which it cannot serve without "
            "showing images twice; use --data.loader=memory."
        )
    # The images are in memory: a worker would only copy them between processes.
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    return as_data_loader(batches)


def ready(value: "Value | None") -> "Value":
    """The value that ``setup`` has given; asking earlier is an error of the program."""
    if value is None:
        raise RuntimeError("the images are not loaded yet: call setup first")
    return value


def check_choice(name: str, value: str, choices: object) -> None:
    """Refuse a value that is not one of a ``Literal``'s."""
    if value not in get_args(choices):
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(get_args(choices))}.")


def check_least(name: str, value: int, least: int) -> None:
    """Refuse a number below its least value."""
    if value < least:
        raise InputError(f"{name} is {value}; it must be {least} or more.")
