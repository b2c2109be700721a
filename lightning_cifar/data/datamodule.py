"""Lightning's hooks around the images: where they come from, which part serves what, on what."""

from typing import Any, Literal, TypeVar, final

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from lightning_cifar.data.arguments import (
    check_choice,
    check_least,
    check_reading,
    check_shift,
    check_source,
)
from lightning_cifar.data.augmentation import Augmentation
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.blocks import in_blocks
from lightning_cifar.data.copies import copies_in_test, copies_said
from lightning_cifar.data.data_loader import stock
from lightning_cifar.data.found import counts_said, found_said
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.data.notices import say
from lightning_cifar.data.placement import placed_on, placement_said
from lightning_cifar.data.reading import Labels, Reading
from lightning_cifar.data.sources import Source, cache_folder, load_images, resolved_source
from lightning_cifar.data.split import (
    Validation,
    check_validation,
    divided,
    resolved_validation,
    validation_said,
)
from lightning_cifar.data.statistics import Standardisation, StandardisationKind, measure
from lightning_cifar.data.unequal_classes import has_equal_classes
from lightning_cifar.errors import InputError

Loader = Literal["memory", "stock"]
Value = TypeVar("Value")
Batches = TensorBatches | DataLoader[Any]

EVALUATION_BATCH = 1000  # images; the result does not depend on it, the time does


@final
class CIFAR10DataModule(LightningDataModule):
    """Training, validation and test batches of raw uint8 images, on the trainer's device.

    Args:
        source: ``official`` downloads CIFAR-10 and ``cifar100`` CIFAR-100; ``folder`` reads images;
            ``synthetic`` draws them. By default ``folder`` where there is a path, else
            ``official``.
        path: folder, zip or tar of images in any form that is recognised, for ``folder`` only.
        cache: folder for what is downloaded or decoded; by default ``lightning-cifar`` below
            ``$XDG_CACHE_HOME`` or ``~/.cache``.
        image_size: height and width in pixels that images of your own are brought to.
        labels: of CIFAR-100 the 100 ``fine`` or the 20 ``coarse`` ones.
        skip_unreadable: leave out, and count, images of your own that cannot be decoded.
        batch_size: images per batch and process.
        validation: ``stratified`` takes a share of each class of the training images, ``first``
            the first of them, ``folder`` those in a folder ``valid`` beside ``train`` and
            ``test``; by default the last where there is such a folder, else the first.
        validation_size: images taken from training for validation; by default one in ten.
        split_seed: chooses the stratified split, whatever the seed of the run.
        standardise: over what the statistics of the training part are taken.
        loader: ``memory`` takes batches from memory, from the device's if they fit there, else
            from the cache; ``stock`` is PyTorch's ``DataLoader``.
        flip: mirror training images at random.
        shift: move training images by up to so many pixels at random.
        seed: of the order of training images and their augmentation.

    Raises:
        InputError: an argument is out of its range.
    """

    def __init__(
        self,
        *,
        source: "Source | None" = None,
        path: str | None = None,
        cache: str | None = None,
        image_size: int = 32,
        labels: Labels = "fine",
        skip_unreadable: bool = False,
        batch_size: int = 128,
        validation: "Validation | None" = None,
        validation_size: int | None = None,
        split_seed: int = 0,
        standardise: StandardisationKind = "per_pixel",
        loader: Loader = "memory",
        flip: bool = False,
        shift: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source: Source = source or resolved_source(path)
        self.path = path
        self.cache = cache_folder(cache)
        self.reading = Reading(image_size, labels, skip_unreadable)
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
        self._copies: dict[str, int] = {}
        self._said: set[str] = set()

    def _check(self, shift: int) -> None:
        """Refuse arguments that no image set could make right."""
        check_choice("source", self.source, Source)
        if self.validation is not None:
            check_choice("validation", self.validation, Validation)
        check_choice("standardise", self.standardise, StandardisationKind)
        check_choice("loader", self.loader, Loader)
        check_choice("labels", self.reading.labels, Labels)
        check_least("batch_size", self.batch_size, 1)
        check_least("split_seed", self.split_seed, 0)
        check_least("seed", self.seed, 0)
        if self.validation_size is not None:
            check_least("validation_size", self.validation_size, 1)
        check_reading(self.source, self.reading)
        check_shift(shift, self.image_size)
        check_validation(self.validation, self.validation_size, self.split_seed)
        check_source(self.source, self.path, self.validation)

    def prepare_data(self) -> None:
        """Download, decode or draw the images into the cache; one process per machine does it."""
        self.image_set()

    def setup(self, stage: str) -> None:
        """Read the test part for ``test``; else read the training part, split and measure it."""
        if stage == "test":
            self._test = self._test or self.image_set().test
        elif self._train is None:
            self._divide()
        self._count_copies()

    def _divide(self) -> None:
        """Set validation images apart, and take the statistics of those that train."""
        images = self.image_set()
        say(validation_said(self.validation, images))
        self._train, self._validation, copies = divided(
            images, self._resolved(images), self.validation_size, self.split_seed
        )
        self._copies["validation in training"] = copies
        self._standardisation = measure(self._train, self.standardise)
        say(counts_said(self._train.labels, self.classes))

    def _count_copies(self) -> None:
        """Count what each stage needs, from hashes alone, and say what has not been said yet."""
        self._copies["test in training or validation"] = copies_in_test(self.image_set())
        new = {kind: count for kind, count in self._copies.items() if kind not in self._said}
        self._said |= set(new)
        say(copies_said(new))

    def image_set(self) -> ImageSet:
        """The chosen images, made ready in the cache if they are not."""
        if self._image_set is None:
            images = load_images(self.source, self.path, self.cache, self.reading)
            self._resolved(images)  # refuses before anything is made of the images
            self._image_set = images
            for line in found_said(images, self.source, self.path):
                say(line)
        return self._image_set

    def _resolved(self, images: ImageSet) -> Validation:
        return resolved_validation(self.validation, self.validation_size, self.split_seed, images)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels 0, 1, 2, …."""
        return self.image_set().classes

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def image_size(self) -> int:
        """Height and width of an image in pixels."""
        return self.reading.image_size

    def check_network(self, classes: int, image_size: int) -> None:
        """Refuse a network that was not made for these images.

        Raises:
            InputError: naming both.
        """
        theirs, size = self.class_count, self.image_size
        if (classes, image_size) != (theirs, size):
            raise InputError(
                f"the network tells {classes} classes of {image_size}x{image_size} pixels apart, "
                f"the images are {theirs} classes of {size}x{size}; give the classifier "
                f"classes={theirs} and image_size={size}"
            )

    def has_equal_classes(self, stage: Literal["fit", "test"]) -> bool:
        """Whether all classes have as many images as each other where a stage is judged.

        That is in the validation images, or for ``test`` in the test images.
        """
        judged = self.test_images if stage == "test" else self.validation_images
        return has_equal_classes(judged.labels, self.class_count)

    @property
    def found(self) -> dict[str, Any]:
        """What the images are, for the record of a run; plain values."""
        about = self.image_set().about
        return {
            "classes": self.class_count,
            "image_size": self.image_size,
            "form": about.form,
            "verified": about.verified,
            "notes": list(about.notes),
            "skipped": list(about.skipped),
        }

    @property
    def fingerprint(self) -> str:
        """A hash of the content of all images, training and test."""
        return self.image_set().fingerprint

    @property
    def settings(self) -> dict[str, object]:
        """What else decides which batches a run sees, apart from its seed; plain values."""
        return {
            "batch_size": self.batch_size,
            "validation": self._resolved(self.image_set()),
            "validation_size": self.validation_size,
            "split_seed": self.split_seed,
            "standardise": self.standardise,
            "flip": self.augmentation is not None and self.augmentation.flip,
            "shift": 0 if self.augmentation is None else self.augmentation.shift,
        }

    @property
    def copies(self) -> dict[str, int]:
        """How many images of one part are, pixel by pixel, in another; counted by ``setup``.

        "validation in training", where the stage needs validation images, and "test in training or
        validation".
        """
        return dict(self._copies)

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
        """Shuffled, and augmented if asked for; in blocks for a module that takes several."""
        self._train = self._placed(self.train_images)
        batches = self._batches(self._train, trains=True)
        module = getattr(self.trainer, "lightning_module", None)
        # A subclass that makes loaders of this one's knows of single batches.
        own = type(self).train_dataloader is CIFAR10DataModule.train_dataloader
        at_once = getattr(module, "steps_at_once", 1) if own and self.loader == "memory" else 1
        loader: Batches = in_blocks(batches, at_once)
        return loader

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
        """The images where the trainer's device has them at hand; as they are for stock loaders."""
        if self.trainer is None or self.loader == "stock":
            return data
        device = self.trainer.strategy.root_device
        found = placed_on(data, device)
        line = placement_said(found, device)
        if line not in self._said:
            self._said.add(line)
            say(line)
        return found

    def _batches(self, data: LabelledImages, *, trains: bool) -> Batches:
        world_size = 1 if self.trainer is None else self.trainer.world_size
        # Whoever wants to overfit wants the same batches in each epoch.
        overfits = self.trainer is not None and self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        batches = TensorBatches(
            data,
            batch_size=self.batch_size if trains else EVALUATION_BATCH,
            shuffle=trains and not overfits,
            seed=self.seed,
            rank=0 if self.trainer is None else self.trainer.global_rank,
            world_size=world_size,
            augmentation=self.augmentation if trains else None,
        )
        return batches if self.loader == "memory" else stock(batches, world_size)


def ready(value: "Value | None") -> "Value":
    """The value that ``setup`` has given; asking earlier is an error of the program."""
    if value is None:
        raise RuntimeError("the images are not loaded yet: call setup first")
    return value
