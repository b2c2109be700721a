"""CIFAR-10 and CIFAR-100 as their makers publish them: the python and the binary version."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from lightning_cifar.data.array_files import stored
from lightning_cifar.data.cifar_format import read_batch, read_classes
from lightning_cifar.data.cifar_layouts import CIFAR10, CIFAR100, CIFAR100_COARSE, Layout
from lightning_cifar.data.images import IMAGE_SHAPE, LabelledImages
from lightning_cifar.data.raw_set import RawSet
from lightning_cifar.data.reading import Files, Reading, md5_of, md5_of_file
from lightning_cifar.errors import InputError

PIXELS = 3 * 32 * 32
OFFICIAL_COUNTS = {"train": 50_000, "test": 10_000}


def python_places(files: Files) -> list[str]:
    """The folders that hold files of the python version."""
    tens = [(name,) for name in (*CIFAR10.train_files, *CIFAR10.test_files)]
    return places(files, [*tens, ("train", "meta"), ("train", "test")])


def binary_places(files: Files) -> list[str]:
    """The folders that hold files of the binary version."""
    tens = (*CIFAR10.binary_train, *CIFAR10.binary_test)
    hundreds = (*CIFAR100.binary_train, *CIFAR100.binary_test)
    return places(files, [(name,) for name in (*tens, *hundreds)])


def places(files: Files, marks: Sequence[Sequence[str]]) -> list[str]:
    """The folders in which all files of one of the ``marks`` lie; "" is the top."""
    names = set(files.names)
    folders = {name.rpartition("/")[0] for name in names}
    prefixes = {folder and f"{folder}/" for folder in folders}
    return sorted(
        prefix
        for prefix in prefixes
        if any(names.issuperset(prefix + name for name in mark) for mark in marks)
    )


def layout_at(files: Files, place: str, tens: Sequence[str], reading: Reading) -> Layout:
    """The layout of the files at a place, where CIFAR-10 has some of the files ``tens``.

    Raises:
        InputError: coarse labels are asked for and there are none.
    """
    if not any(f"{place}{name}" in files.names for name in tens):
        return CIFAR100_COARSE if reading.labels == "coarse" else CIFAR100
    if reading.labels == "coarse":
        raise InputError(
            f"{files.title(place)} is CIFAR-10, which has no coarse labels; leave --data.labels out"
        )
    return CIFAR10


def read_python(files: Files, place: str, reading: Reading) -> RawSet:
    """The images of the python version; no pickle in it is executed.

    Raises:
        InputError: a file is missing or damaged.
    """
    layout = layout_at(files, place, (*CIFAR10.train_files, *CIFAR10.test_files), reading)
    verified = True

    def content(name: str) -> bytes:
        nonlocal verified
        found = files.content(f"{place}{name}")
        verified = verified and md5_of(found) == layout.md5[name]
        return found

    def part(names: Sequence[str]) -> LabelledImages:
        batches = (
            read_batch(content(name), files.title(f"{place}{name}"), layout) for name in names
        )
        return stored(batches, files.room)

    for name in (*layout.train_files, *layout.test_files, layout.meta_file):
        if f"{place}{name}" not in files.names:
            raise missing(files, place, name, layout)
    title = files.title(f"{place}{layout.meta_file}")
    classes = read_classes(content(layout.meta_file), title, layout)
    parts = {"train": part(layout.train_files), "test": part(layout.test_files)}
    return described(classes, parts, verified)


def read_binary(files: Files, place: str, reading: Reading) -> RawSet:
    """The images of the binary version: records of one or two labels and 3072 pixels.

    Raises:
        InputError: a file is missing or damaged.
    """
    layout = layout_at(files, place, (*CIFAR10.binary_train, *CIFAR10.binary_test), reading)

    def batches(names: Sequence[str]) -> Iterator[LabelledImages]:
        for name in names:
            if f"{place}{name}" not in files.names:
                raise missing(files, place, name, layout)
            content = files.content(f"{place}{name}")
            yield records(content, files.title(f"{place}{name}"), layout)

    parts = {
        "train": stored(batches(layout.binary_train), files.room),
        "test": stored(batches(layout.binary_test), files.room),
    }
    classes = layout.class_names or tuple(map(str, range(layout.count)))
    if (name := f"{place}{layout.binary_names}") in files.names:
        classes = names_in(files.content(name), files.title(name), layout)
    verified = files.source.is_file() and md5_of_file(files.source) in layout.archives
    return described(classes, parts, verified)


def records(content: bytes, name: str, layout: Layout) -> LabelledImages:
    """The images of a binary file; ``name`` is for messages.

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
    pixels = rows[:, layout.label_bytes :].reshape(-1, *IMAGE_SHAPE)
    return LabelledImages(torch.from_numpy(pixels.copy()), torch.from_numpy(labels))


def names_in(content: bytes, name: str, layout: Layout) -> tuple[str, ...]:
    """The class names in a text file, one a line."""
    names = tuple(content.decode("utf-8", errors="replace").split())
    if len(set(names)) != layout.count or len(names) != layout.count:
        raise InputError(
            f"{name} holds {len(names)} class names; {layout.title} has {layout.count}, each on a "
            "line of its own."
        )
    return names


def described(classes: tuple[str, ...], parts: dict[str, LabelledImages], verified: bool) -> RawSet:
    """The set, with a note if it has not as many images as the official one."""
    counts = {part: len(data) for part, data in parts.items()}
    note = f"there are {counts['train']} training and {counts['test']} test images, not the "
    notes = () if counts == OFFICIAL_COUNTS else (note + "official 50000 and 10000",)
    return RawSet(classes, parts, verified, notes)  # type: ignore[arg-type]


def missing(files: Files, place: str, name: str, layout: Layout) -> InputError:
    """The error for a set that lacks one of its files."""
    return InputError(
        f"{files.title(place).rstrip('/')} lacks the file {name} of {layout.title}; unpack the "
        "official archive again."
    )
