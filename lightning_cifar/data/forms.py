"""The forms in which images lie on disks: how each is recognised, and what reads it."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.containers import opened
from lightning_cifar.data.form_arrays import array_places, read_arrays
from lightning_cifar.data.form_cifar import (
    binary_places,
    python_places,
    read_binary,
    read_python,
)
from lightning_cifar.data.form_folders import folder_places, read_folders
from lightning_cifar.data.form_kaggle import kaggle_places, read_kaggle
from lightning_cifar.data.form_parquet import parquet_places, read_parquet
from lightning_cifar.data.image_files import check_readable
from lightning_cifar.data.raw_set import RawSet, finished
from lightning_cifar.data.reading import Files, Reading
from lightning_cifar.errors import InputError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True)
class Form:
    """One way of keeping images.

    Attributes:
        title: in words.
        places: where in some files it is found, as a prefix of their names.
        read: makes a set of the files at a place.
    """

    title: str
    places: Callable[[Files], list[str]]
    read: Callable[[Files, str, Reading], RawSet]


FORMS = (
    Form("CIFAR's python version", python_places, read_python),
    Form("CIFAR's binary version", binary_places, read_binary),
    Form("parquet files", parquet_places, read_parquet),
    Form("Kaggle's layout", kaggle_places, read_kaggle),
    Form("NumPy arrays", array_places, read_arrays),
    Form("class folders", folder_places, read_folders),
)
CLASS_FOLDERS = FORMS[-1]


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
            with unpacked(files, inner[0]) as (path, title), opened(path) as (entries, read):
                within = Files(path, entries, read, room)
                return read_form(recognised(within), within, reading, title)
        check_readable(entries, source)
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
    form, place = found or (CLASS_FOLDERS, "")
    raw = form.read(files, place, reading)
    return finished(raw, f"{form.title}{title}", files, reading)


def archives_in(files: Files) -> list[str]:
    """Archives that lie within, at the top or one folder below."""
    return [
        name for name in files.names if name.lower().endswith(ARCHIVES) and name.count("/") <= 1
    ]


@contextmanager
def unpacked(files: Files, name: str) -> Iterator[tuple[Path, str]]:
    """An archive within a folder, or a copy of one within another archive."""
    title = f", in {name}"
    if files.source.is_dir():
        yield files.source / name, title
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / os.path.basename(name)
        path.write_bytes(files.content(name))
        yield path, title


def several(files: Files, found: Sequence[tuple[str, str]]) -> InputError:
    """The error for more than one set, by name."""
    listed = ", ".join(f"{title} in {place}" for place, title in found[:6])
    return InputError(
        f"{files.title('').rstrip('/')} holds more than one set of images, which are not put "
        f"together: {listed}; name one of them with --data.path."
    )
