"""The images by which the runs of an ensemble are judged: the same test images for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import Config
from lightning_cifar.runs.resuming import saved_settings
from lightning_cifar.uncertainty.judging_images import check_judging_images

# What does not decide which images are held out.
OF_TRAINING = {"batch_size", "loader", "seed", "flip", "shift", "standardise"}


@dataclass(frozen=True)
class SharedImages:
    """Test images, and validation images with which no member has trained.

    Attributes:
        validation: None where the runs had different ones: each has then trained with images that
            another held out, and nothing can be fitted on them.
        fingerprint: of the first run's images, training and test.
        classes: names of the labels.
    """

    test: LabelledImages
    validation: LabelledImages | None
    fingerprint: str
    classes: tuple[str, ...]


def shared_images(runs: Sequence[Path], places: Mapping[str, str]) -> SharedImages:
    """The images of all runs; sets that are alike are read once.

    places: ``path`` and ``cache`` where the images have moved since the runs were trained.

    Raises:
        InputError: the images are missing or have changed, or two runs have different test images.
    """
    first: CIFAR10DataModule | None = None
    validation: LabelledImages | None = None
    seen: list[tuple[Config, CIFAR10DataModule]] = []
    for run in runs:
        settings = {**saved_settings(run)["data"], **places}
        held_out = {key: value for key, value in settings.items() if key not in OF_TRAINING}
        if known := [data for each, data in seen if each == held_out]:
            check_judging_images(run, known[0], "test", "validation")
            continue
        data = images_of(run, settings)
        seen.append((held_out, data))
        check_judging_images(run, data, "test", "validation")
        if first is None:
            first, validation = data, data.validation_images
            continue
        if not same(first.test_images, data.test_images):
            raise InputError(
                f"{runs[0]} and {run} have different test images, so their figures cannot stand "
                "side by side; give runs that were trained on one set of images"
            )
        if validation is not None and not same(validation, data.validation_images):
            validation = None
    assert first is not None
    return SharedImages(first.test_images, validation, first.fingerprint, first.classes)


def images_of(run: Path, settings: Config) -> CIFAR10DataModule:
    """The data module of a run, with its test and its validation images."""
    try:
        data = CIFAR10DataModule(**settings)
    except TypeError as error:
        raise InputError(
            f"the data settings of {run} cannot be used ({error}); test the run alone to see why"
        ) from error
    data.setup("validate")
    data.setup("test")
    return data


def same(one: LabelledImages, two: LabelledImages) -> bool:
    """Whether two sets hold the same images with the same labels in the same order."""
    return torch.equal(one.images, two.images) and torch.equal(one.labels, two.labels)
