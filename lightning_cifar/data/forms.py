"""The forms in which images lie on disks: how each is recognised, and what reads it."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.completion import completed
from lightning_cifar.data.containers import absence, check_readable, opened, shown, walk
from lightning_cifar.data.form_arrays import are_arrays, read_arrays
from lightning_cifar.data.form_cifar import is_binary, is_python, read_binary, read_python
from lightning_cifar.data.form_folders import LAYOUT, folder_places, read_folders
from lightning_cifar.data.form_kaggle import is_kaggle, read_kaggle
from lightning_cifar.data.form_parquet import is_parquet, read_parquet
from lightning_cifar.data.images import ImageSet
from lightning_cifar.data.reading import Files, Reading
from lightning_cifar.data.tars import NO_FILE
from lightning_cifar.errors import InputError
from lightning_cifar.files import sha256_of

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# What is neither archive nor picture in the forms: few files, each of many images or labels.
ARRAYS = (".npy", ".npz", ".csv", ".parquet", ".bin")
VERSION = 4  # part of the cache's name: raise it with anything that changes which images are read
DEFAULT = Reading()


@dataclass(frozen=True)
class Form:
    """One way of keeping images.

    Attributes:
        title: in words.
        places: where in some files it is found, as the beginning of their names.
        read: makes a set of the files at a place.
        has_coarse_labels: whether it may; its reader refuses those that have none.
    """

    title: str
    places: Callable[[Files], list[str]]
    read: Callable[[Files, str, Reading], DecodedSet]
    has_coarse_labels: bool = False


def folders_of(is_of_form: Callable[[list[str]], object]) -> Callable[[Files], list[str]]:
    """What finds the folders whose files, by their names, are of a form."""
    return lambda files: sorted(
        folder for folder, names in files.folders.items() if is_of_form(names)
    )


FORMS = (
    Form("CIFAR's python version", folders_of(is_python), read_python, has_coarse_labels=True),
    Form("CIFAR's binary version", folders_of(is_binary), read_binary, has_coarse_labels=True),
    Form("parquet files", folders_of(is_parquet), read_parquet, has_coarse_labels=True),
    Form("Kaggle's layout", folders_of(is_kaggle), read_kaggle),
    Form("NumPy arrays", folders_of(are_arrays), read_arrays),
    Form("class folders", folder_places, read_folders),
)
CLASS_FOLDERS = FORMS[-1]


def load_folder(source: Path, cache: Path, reading: Reading = DEFAULT) -> ImageSet:
    """The images in a folder, zip or tar: read once, and kept as arrays in the cache.

    Raises:
        InputError: ``source`` is missing, or nothing in it can be used.
        OSError: the cache cannot be written.
    """
    name = f"version{VERSION}-{content_key(source)[:32]}{reading.key}"
    folder = cache / "folder" / name
    return cached_set(folder, partial(read_source, source, reading, folder))


def content_key(source: Path) -> str:
    """A hash that changes when the images do, found without decoding any.

    Of a file all bytes; of a folder the names, sizes and times of change of its files, and all
    bytes of those that are no pictures: with other labels an array has the same size, and a program
    that unpacks or copies it may set the same time.

    Raises:
        InputError: there is nothing at ``source``, or it cannot be read.
    """
    problem = absence(source)
    if not problem and not source.is_dir() and not source.is_file():
        problem = NO_FILE
    if problem:
        raise InputError(f"{shown(source)} {problem}; give a folder, zip or tar with {LAYOUT}.")
    if source.is_dir():
        entries = sorted(
            (entry.name, entry.size, entry.changed, bytes_key(source / entry.name))
            for entry in walk(source)
        )
        return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
    try:
        return sha256_of(source)
    except OSError as error:
        raise InputError(f"{shown(source)} cannot be read ({error.strerror}).") from error


def bytes_key(path: Path) -> str:
    """A hash of all bytes of a file, if it is of a kind that holds many images or labels."""
    if path.suffix and not path.name.lower().endswith((*ARRAYS, *ARCHIVES)):
        return ""
    try:
        return sha256_of(path) if path.is_file() else ""
    except OSError:  # whoever reads it will say so
        return ""


def read_source(source: Path, reading: Reading, room: Path | None = None) -> DecodedSet:
    """The images in a folder, zip or tar, in whatever form they are there.

    room: a folder for them until they are in the cache; None: the system's for what is temporary.

    Raises:
        InputError: nothing is recognised, or more than one set; or what is there is damaged.
    """
    with opened(source) as (entries, read):
        files = Files(source, entries, read, room)
        found = recognised(files)
        if found is None and (inner := archives_in(files)):
            if len(inner) > 1:
                raise several(files, [(name, "an archive") for name in inner])
            with unpacked(files, inner[0]) as path, opened(path) as (entries, read):
                within = Files(path, entries, read, room)
                return read_form(recognised(within), within, reading, f", in {inner[0]}")
        return read_form(found, files, reading)


def recognised(files: Files) -> tuple[Form, str] | None:
    """The one form in which images are there, and where; None if there is none.

    Raises:
        InputError: there are several.
    """
    found = [(form, place) for form in FORMS for place in form.places(files)]
    if len(found) > 1:
        raise several(
            files, [(place.rstrip("/") or "the top", each.title) for each, place in found]
        )
    return found[0] if found else None


def read_form(
    found: tuple[Form, str] | None, files: Files, reading: Reading, title: str = ""
) -> DecodedSet:
    """The set in the form that was found; without one the layout of folders is asked for."""
    check_readable(files.entries, files.source)
    form, place = found or (CLASS_FOLDERS, "")
    if reading.labels == "coarse" and not form.has_coarse_labels:
        raise InputError(
            f"{files.title(place).rstrip('/')} is {form.title}, without coarse labels; leave "
            "--data.labels out"
        )
    return completed(form.read(files, place, reading), f"{form.title}{title}", files)


def archives_in(files: Files) -> list[str]:
    """Archives that lie within, at the top or one folder below."""
    return [
        name for name in files.names if name.lower().endswith(ARCHIVES) and name.count("/") <= 1
    ]


@contextmanager
def unpacked(files: Files, name: str) -> Iterator[Path]:
    """An archive within a folder, or a copy of one within another archive."""
    if (path := files.path(name)) is not None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / os.path.basename(name)
        path.write_bytes(files.content(name))
        yield path


def several(files: Files, found: Sequence[tuple[str, str]]) -> InputError:
    """The error for more than one set, by name."""
    listed = ", ".join(f"{title} in {place}" for place, title in found[:6])
    return InputError(
        f"{files.title('').rstrip('/')} holds more than one set of images, which are not put "
        f"together: {listed}; name one of them with --data.path."
    )
