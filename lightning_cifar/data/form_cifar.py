"""CIFAR-10 and CIFAR-100 as their makers publish them: the python and the binary version."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.array_files import pieces_of_size, stored
from lightning_cifar.data.cifar_format import read_set
from lightning_cifar.data.cifar_layouts import CIFAR10, CIFAR100S, Layout
from lightning_cifar.data.images import LabelledImages, Part
from lightning_cifar.data.pictures import Pixels
from lightning_cifar.data.reading import About, Files, Reading
from lightning_cifar.errors import InputError

PIXELS = 3 * 32 * 32
OFFICIAL_COUNTS = {"train": 50_000, "test": 10_000}
TENS = {*CIFAR10.train_files, *CIFAR10.test_files}
BINARY_TENS = {f"{name}.bin" for name in TENS}
BINARY_HUNDREDS = {"train.bin", "test.bin"}


def is_python(names: Sequence[str]) -> bool:
    """Whether the files of a folder are of the python version."""
    hundreds = "train" in names and ("meta" in names or "test" in names)
    return hundreds or not TENS.isdisjoint(names)


def is_binary(names: Sequence[str]) -> bool:
    """Whether the files of a folder are of the binary version."""
    return not (BINARY_TENS | BINARY_HUNDREDS).isdisjoint(names)


def layout_at(files: Files, place: str, tens: set[str], reading: Reading) -> Layout:
    """The layout of the files at a place, where CIFAR-10 has some of the files ``tens``.

    Raises:
        InputError: coarse labels are asked for and there are none.
    """
    if tens.isdisjoint(files.folders[place]):
        return CIFAR100S[reading.labels]
    if reading.labels == "coarse":
        raise InputError(
            f"{files.title(place)} is CIFAR-10, which has no coarse labels; leave --data.labels out"
        )
    return CIFAR10


def read_python(files: Files, place: str, reading: Reading) -> DecodedSet:
    """The images of the python version; no pickle in it is executed.

    Raises:
        InputError: a file is missing or damaged.
    """
    layout = layout_at(files, place, TENS, reading)
    verified = True

    def content(name: str) -> bytes:
        nonlocal verified
        found = files.content(f"{place}{name}")
        verified = verified and md5_of(io.BytesIO(found)) == layout.md5[name]
        return found

    check_complete(
        (*layout.train_files, *layout.test_files, layout.meta_file), files, place, layout
    )
    found = read_set(
        content,
        layout,
        title=lambda name: files.title(f"{place}{name}"),
        size=reading.image_size,
        room=files.room,
    )
    return described(found, verified)


def read_binary(files: Files, place: str, reading: Reading) -> DecodedSet:
    """The images of the binary version: records of one or two labels and 3072 pixels.

    Raises:
        InputError: a file is missing or damaged.
    """
    layout = layout_at(files, place, BINARY_TENS, reading)
    given: dict[Part, list[str]] = {
        "train": [f"{name}.bin" for name in layout.train_files],
        "test": [f"{name}.bin" for name in layout.test_files],
    }
    check_complete([*given["train"], *given["test"]], files, place, layout)

    def batches(names: Sequence[str]) -> Iterator[LabelledImages]:
        for name in (f"{place}{name}" for name in names):
            pixels, labels = records(files.content(name), files.title(name), layout)
            yield from pieces_of_size(pixels, labels, reading.image_size)

    parts = {part: stored(batches(names), files.room) for part, names in given.items()}
    classes = layout.class_names or tuple(map(str, range(layout.count)))
    if layout.binary_names in files.folders[place]:
        name = f"{place}{layout.binary_names}"
        classes = names_in(files.content(name), files.title(name), layout)
    verified = False
    if files.source.is_file():
        with files.source.open("rb") as archive:
            verified = md5_of(archive) in layout.archives
    return described(DecodedSet(classes, parts), verified)


def md5_of(file: io.BytesIO | io.BufferedReader) -> str:
    """The MD5 that official lists give: it tells the right file, not an honest one."""
    return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def records(content: bytes, name: str, layout: Layout) -> tuple[Pixels, torch.Tensor]:
    """Images (n, 3, 32, 32) and labels (n,) of a binary file; ``name`` is for messages.

    Raises:
        InputError: it does not consist of whole records, or a label is out of range.
    """
    size = layout.label_bytes + PIXELS
    if not content or len(content) % size:
        raise InputError(
            f"{name} has {len(content)} bytes, which are no whole records of {size} bytes; take it "
            f"from {layout.title}'s binary version again."
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = rows[:, layout.label_at].astype(np.int64)
    if labels.max() >= layout.count:
        image = int(np.argmax(labels >= layout.count))
        raise InputError(
            f"{name} gives image {image} the label {labels[image]}; {layout.title} has the labels "
            f"0 to {layout.count - 1}."
        )
    return rows[:, layout.label_bytes :].reshape(-1, 3, 32, 32), torch.from_numpy(labels)


def names_in(content: bytes, name: str, layout: Layout) -> tuple[str, ...]:
    """The class names in a text file, one a line."""
    names = tuple(content.decode("utf-8", errors="replace").split())
    if len(set(names)) != layout.count or len(names) != layout.count:
        raise InputError(
            f"{name} holds {len(names)} class names; {layout.title} has {layout.count}, each on a "
            "line of its own."
        )
    return names


def described(found: DecodedSet, verified: bool) -> DecodedSet:
    """The set, with a note if it has not as many images as the official one."""
    counts = {part: len(data) for part, data in found.parts.items()}
    note = f"there are {counts['train']} training and {counts['test']} test images, not the "
    notes = () if counts == OFFICIAL_COUNTS else (note + "official 50000 and 10000",)
    return replace(found, about=About("", verified, notes, sizes={"32x32": sum(counts.values())}))


def check_complete(names: Sequence[str], files: Files, place: str, layout: Layout) -> None:
    """Refuse a set that lacks one of its files."""
    if missing := [name for name in names if name not in files.folders[place]]:
        raise InputError(
            f"{files.title(place).rstrip('/')} lacks the file {missing[0]} of {layout.title}; "
            "unpack the official archive again."
        )
