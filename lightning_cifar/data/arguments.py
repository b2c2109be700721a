"""Arguments of the data module that no image set could make right."""

from typing import get_args

from lightning_cifar.data.reading import Reading
from lightning_cifar.data.sources import Source, check_not_blank
from lightning_cifar.data.split import Validation
from lightning_cifar.errors import InputError

LEAST_SIZE = 8  # pixels of a side of an image; below, nothing is to be seen


def check_choice(name: str, value: str, choices: object) -> None:
    """Refuse a value that is not one of a ``Literal``'s."""
    if value not in get_args(choices):
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(get_args(choices))}.")


def check_least(name: str, value: int, least: int) -> None:
    """Refuse a number below its least value."""
    if value < least:
        raise InputError(f"{name} is {value}; it must be {least} or more.")


def check_shift(shift: int, image_size: int) -> None:
    """Refuse to move images by more pixels than they have."""
    if not 0 <= shift < image_size:
        raise InputError(f"shift is {shift}; it must be between 0 and {image_size - 1} pixels.")


def check_reading(source: Source, reading: Reading) -> None:
    """Refuse ways of reading that a source does not know."""
    check_least("image_size", reading.image_size, LEAST_SIZE)
    if source == "folder":
        return
    if reading.image_size != 32 or reading.skip_unreadable:
        option = "skip_unreadable" if reading.skip_unreadable else "image_size"
        raise InputError(
            f"{option} goes with images of your own (--data.path), and source is {source}; leave "
            "it out."
        )
    if reading.labels == "coarse" and source != "cifar100":
        raise InputError(
            f"labels is coarse, which CIFAR-100 alone has, and source is {source}; use "
            "--data.source=cifar100."
        )


def check_source(source: Source, path: str | None, validation: Validation | None) -> None:
    """Refuse a folder where none is read, and the lack of one."""
    if (source == "folder") != (path is not None):
        raise InputError(
            f"source is {source} and path is {path if path is None else repr(path)}; a path to a "
            "folder, zip or tar of images goes with --data.source=folder, and only with it."
        )
    if path is not None:
        check_not_blank("path", path)
    if validation == "folder" and source != "folder":
        raise InputError(
            f"validation is folder and source is {source}; validation images of their own go with "
            "--data.source=folder."
        )
