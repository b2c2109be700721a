"""Images laid out ``train/<class>/*`` and ``test/<class>/*`` in a folder or a zip."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lightning_cifar.data.images import CLASSES, Part
from lightning_cifar.errors import InputError
from lightning_cifar.files import sha256_of

LAYOUT = "train/<class>/* and test/<class>/* with jpg or png images of ten classes"
EXTENSIONS = (".jpg", ".jpeg", ".png")
LEFT_BY_SYSTEMS = ("Thumbs.db", "desktop.ini", "__MACOSX")
LARGEST_FILE_BYTES = 1 << 20  # an image of 32x32 pixels is far smaller, whatever its format

ReadFile = Callable[[str], bytes]
ClassFiles = dict[str, list[str]]


@dataclass(frozen=True)
class ImageListing:
    """The classes in alphabetical order, and in each part the files of each class, in order."""

    classes: tuple[str, ...]
    files: dict[Part, list[list[str]]]


def content_key(source: Path) -> str:
    """A hash that changes when the images do, found without decoding any.

    Of a zip all bytes; of a folder the names, sizes and times of change of its files.

    Raises:
        InputError: there is nothing at ``source``.
    """
    if source.is_file():
        return sha256_of(source)
    if not source.is_dir():
        raise InputError(f"{source} does not exist; give a folder or a zip with {LAYOUT}.")
    entries = sorted((name, status.st_size, status.st_mtime_ns) for name, status in walk(source))
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Name below ``folder`` and status of every file, and of every folder with a / at the end."""
    with os.scandir(folder) as entries:  # pathlib would take seconds for 60,000 files
        for entry in entries:
            if entry.is_dir():
                yield f"{prefix}{entry.name}/", entry.stat()
                yield from walk(folder / entry.name, f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name, entry.stat()


@contextmanager
def opened(source: Path) -> Iterator[tuple[list[str], ReadFile]]:
    """All names in a folder or zip (those of folders end in /), and how to read a file.

    No more than one byte above ``LARGEST_FILE_BYTES`` is read of any file.

    Raises:
        InputError: ``source`` is a file but not a whole zip.
    """
    if source.is_dir():
        yield (
            [name for name, _ in walk(source)],
            lambda name: read_start((source / name).open("rb")),
        )
        return
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{source} is not a zip, or a truncated one ({error}); give a folder or a whole zip "
            f"with {LAYOUT}."
        ) from error
    with archive:
        yield archive.namelist(), lambda name: read_start(archive.open(name))


def read_start(file: IO[bytes]) -> bytes:
    """The content of a file, or of its start if it is too large for an image; closes it."""
    with file:
        return file.read(LARGEST_FILE_BYTES + 1)


def list_images(names: list[str], source: Path) -> ImageListing:
    """Sort the names in ``source`` into parts and classes.

    What lies outside ``train`` and ``test`` is ignored, and so are hidden files. The two may lie
    within a folder at the top.

    Raises:
        InputError: a part or a class is missing, empty or extra, or a file is no image.
    """
    paths = [tuple(name.split("/")) for name in names if not is_hidden(name)]
    train, test = (class_files(paths, part, source) for part in ("train", "test"))
    check_classes(train, test, source)
    classes = tuple(sorted(train))
    return ImageListing(
        classes,
        {
            "train": [sorted(train[name]) for name in classes],
            "test": [sorted(test[name]) for name in classes],
        },
    )


def is_hidden(name: str) -> bool:
    """Whether an operating system, not a person, put the file there."""
    return any(part.startswith(".") or part in LEFT_BY_SYSTEMS for part in name.split("/"))


def class_files(paths: list[tuple[str, ...]], part: str, source: Path) -> ClassFiles:
    """The files of each class folder of a part; the list of an empty folder is empty."""
    depth = 0 if any(path[0] == part for path in paths) else 1
    found: ClassFiles = {}
    for path in paths:
        if len(path) > depth + 2 and path[depth] == part:
            files = found.setdefault(path[depth + 1], [])
            if path[-1]:  # the name of a folder ends in /, so its last piece is empty
                check_is_image(path, depth, source)
                files.append("/".join(path))
    if not found:
        raise InputError(f"{source} has no folder {part} with class folders; it needs {LAYOUT}.")
    return found


def check_is_image(path: tuple[str, ...], depth: int, source: Path) -> None:
    """Refuse a file that does not lie directly in its class folder or has another extension."""
    if len(path) != depth + 3 or not path[-1].lower().endswith(EXTENSIONS):
        raise InputError(
            f"{'/'.join(path)} in {source} is out of place: class folders hold only images that "
            f"end in {', '.join(EXTENSIONS)}; move it away."
        )


def check_classes(train: ClassFiles, test: ClassFiles, source: Path) -> None:
    """Refuse parts that do not have the same ten classes, each with images."""
    for part, files in (("train", train), ("test", test)):
        if empty := sorted(name for name in files if not files[name]):
            raise InputError(f"{source} has no images in {part}/{empty[0]}; add some.")
    if missing := sorted(set(train) - set(test)):
        raise InputError(f"{source} has train/{missing[0]} but no test/{missing[0]}; add it.")
    if extra := sorted(set(test) - set(train)):
        raise InputError(f"{source} has test/{extra[0]} but no train/{extra[0]}; add or remove it.")
    if len(train) != CLASSES:
        raise InputError(
            f"{source} has {len(train)} class folders ({', '.join(sorted(train))}); the networks "
            f"tell {CLASSES} classes apart, so there must be exactly {CLASSES}."
        )
