"""Kaggle's layout: pictures in a folder ``train``, and their labels in ``trainLabels.csv``."""

import csv
import io
from collections.abc import Sequence

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.form_folders import EXTENSIONS
from lightning_cifar.data.images import Part
from lightning_cifar.data.picture_files import decoded_set, read_files
from lightning_cifar.data.reading import Files, Reading, parsing
from lightning_cifar.errors import InputError

FILES: dict[Part, str] = {"train": "trainlabels.csv", "test": "testlabels.csv"}
LARGEST_CSV_BYTES = 1 << 28


def is_kaggle(names: Sequence[str]) -> bool:
    """Whether the files of a folder are of this form."""
    return any(name.lower() == FILES["train"] for name in names)


def read_kaggle(files: Files, place: str, reading: Reading) -> DecodedSet:
    """The pictures that the label files name, in the order of their names, numbers by size.

    Pictures without labels, as those of the competition's ``test``, are counted and left out.

    Raises:
        InputError: a label file is damaged or names a picture that is not there.
    """
    labels = {
        part: labels_in(files, name) for part in FILES if (name := label_file(files, place, part))
    }
    classes = tuple(sorted(set(labels["train"].values())))
    given = {}
    notes: list[str] = []
    for part, found in labels.items():
        names = sorted(found, key=in_order)
        if unknown := [name for name in names if found[name] not in classes]:
            raise InputError(
                f"{files.title(place + part)}: the label {found[unknown[0]]!r} of {unknown[0]} is "
                "none of the training labels; add training images of it or leave it out."
            )
        pictures, unlabelled = matched(files, place, part, names)
        if unlabelled:
            notes.append(f"pictures in {part} without a label, left out: {unlabelled}")
        numbers = [classes.index(found[name]) for name in names]
        given[part] = read_files(pictures, files, reading), numbers
    return decoded_set(classes, given, files, reading, notes)


def label_file(files: Files, place: str, part: Part) -> str | None:
    """The label file of a part, however its name is spelled; None if there is none."""
    found = [place + name for name in files.folders[place] if name.lower() == FILES[part]]
    if len(found) > 1:
        raise InputError(f"{files.title(found[0])} and {files.title(found[1])}: keep one of them.")
    return found[0] if found else None


def labels_in(files: Files, name: str) -> dict[str, str]:
    """Picture → label, from a table with a header.

    They are its first two columns; of more than two, those that are called so.

    Raises:
        InputError: a row without a label, a picture that is there twice, or no header.
    """
    title = files.title(name)
    content = files.content(name, LARGEST_CSV_BYTES)
    with parsing(title, "table"):
        table = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True))
    first = table[0][0].strip() if table and table[0] else ""
    if first.isdecimal() or first.lower().endswith(EXTENSIONS):
        raise InputError(
            f"{title} has no header: its first line names the picture {first}, which would be left "
            "out; put id,label above it."
        )
    labels: dict[str, str] = {}
    columns = columns_of(table[0], title) if table else (0, 1)
    for number, row in enumerate(table[1:], start=2):
        if not row:
            continue
        picture, label = (row[at].strip() if at < len(row) else "" for at in columns)
        if not picture or not label:
            raise InputError(f"{title} has no picture and label in line {number}; mend the line.")
        if picture in labels:
            raise InputError(f"{title} names {picture} twice, in line {number}; remove one.")
        labels[picture] = label
    if not labels:
        raise InputError(f"{title} holds no labels; it has a header, then id,label in each line.")
    return labels


def columns_of(header: Sequence[str], title: str) -> tuple[int, int]:
    """Where a table has the pictures and their labels.

    Raises:
        InputError: it has more than two columns, and their names do not say which.
    """
    names = [name.strip().lower() for name in header]
    if "id" in names and "label" in names:
        return names.index("id"), names.index("label")
    if len(names) > 2:
        raise InputError(
            f"{title} has the columns {', '.join(header)}; call that of the pictures id and that "
            "of the labels label."
        )
    return 0, 1


def in_order(name: str) -> tuple[int, str]:
    """A key by which 2 comes before 10, and words after numbers."""
    return (int(name), name) if name.isdecimal() and len(name) < 19 else (1 << 63, name)


def matched(files: Files, place: str, part: Part, names: Sequence[str]) -> tuple[list[str], int]:
    """The file of each picture, by its name with or without the ending; and how many are left.

    Raises:
        InputError: a picture is missing, or there with two endings.
    """
    present = [
        (folder + end, end)
        for folder, ends in files.folders.items()
        if folder.lower() == f"{place}{part}/".lower()
        for end in ends
    ]
    found: dict[str, list[str]] = {}
    for name, end in present:
        for key in {end, end.rpartition(".")[0]} - {""}:
            found.setdefault(key, []).append(name)
    named: dict[str, str] = {}
    for name in names:
        if len(found.get(name, [])) != 1:
            what = "there is no such file" if name not in found else "there are several of them"
            raise InputError(
                f"{files.title(place + part)}/{name}: the labels name this picture, and {what}; "
                "unpack all pictures, or correct the labels."
            )
        if (other := named.setdefault(found[name][0], name)) != name:
            raise InputError(
                f"{files.title(found[name][0])}: the labels name this picture twice, as {other} "
                f"and as {name}; remove one."
            )
    return [found[name][0] for name in names], len(present) - len(names)
