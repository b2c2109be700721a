"""Pictures in a folder for each class: ``train/<class>/*``, or the class folders alone."""

from collections.abc import Sequence

from lightning_cifar.data.image_files import holds_classes, list_images
from lightning_cifar.data.picture_files import decoded, read_files, set_of
from lightning_cifar.data.raw_set import RawSet
from lightning_cifar.data.reading import Files, Reading


def folder_places(files: Files) -> list[str]:
    """The top, if class folders are found below it."""
    return [""] if holds_classes(files.entries) else []


def read_folders(files: Files, place: str, reading: Reading) -> RawSet:
    """The pictures of each class in the order of their names; classes in alphabetical order.

    Raises:
        InputError: as ``list_images``; or a picture cannot be decoded and may not be skipped.
    """
    listing = list_images(files.entries, files.source)
    results = {}
    for part, members in listing.files.items():
        encoded = read_files([name for names in members for name in names], files, reading)
        results[part] = decoded(encoded, labels_of(members), part, reading, files.room)
    return set_of(listing.classes, results)


def labels_of(members: Sequence[Sequence[str]]) -> list[int]:
    """The label of each file: the number of its class."""
    return [label for label, names in enumerate(members) for _ in names]
