"""Parquet files as Hugging Face keeps data sets: encoded pictures beside their labels."""

import io
import json
import re
from collections.abc import Sequence
from typing import Any

from lightning_cifar.data.images import Part
from lightning_cifar.data.picture_files import decoded, set_of
from lightning_cifar.data.raw_set import RawSet
from lightning_cifar.data.reading import Files, Reading, read_as
from lightning_cifar.errors import InputError

PARTS: dict[str, Part] = {
    "train": "train",
    "test": "test",
    **dict.fromkeys(("valid", "validation", "val"), "validation"),
}
IMAGES = ("img", "image")
LABELS = {"fine": ("label", "fine_label", "labels"), "coarse": ("coarse_label",)}
NAME = re.compile(r"([a-z]+)([-._].*)?\.parquet", re.IGNORECASE)  # train-00000-of-00001.parquet


def parquet_places(files: Files) -> list[str]:
    """The folders with ``.parquet`` files."""
    found = {name.rpartition("/")[0] for name in files.names if name.lower().endswith(".parquet")}
    return sorted(place and f"{place}/" for place in found)


def read_parquet(files: Files, place: str, reading: Reading) -> RawSet:
    """The images of all parts, file by file in the order of their names.

    Raises:
        InputError: pyarrow is not installed; a file is damaged, or has no images and labels.
    """
    by_part: dict[Part, list[str]] = {}
    for name in files.names:
        if name.rpartition("/")[0] == place.rstrip("/") and name.lower().endswith(".parquet"):
            by_part.setdefault(part_of(files, name), []).append(name)
    if "train" not in by_part:
        raise InputError(f"{files.title(place)} has no train-*.parquet; add it.")
    tables = {
        part: [table_of(files, name, reading) for name in names] for part, names in by_part.items()
    }
    classes = classes_of([each for found in tables.values() for each in found])
    results = {}
    for part, found in tables.items():
        encoded = [file for table in found for file in table["files"]]
        labels = [label for table in found for label in numbered(table, classes)]
        results[part] = decoded(encoded, labels, part, reading)
    return set_of(classes, results)


def part_of(files: Files, name: str) -> Part:
    """The part that a file's name says."""
    found = NAME.fullmatch(name.rpartition("/")[2])
    part = PARTS.get(found[1].lower()) if found else None
    if part is None:
        raise InputError(
            f"{files.title(name)} is of no part that is known; parquet files are named "
            "train-….parquet, test-….parquet and validation-….parquet."
        )
    return part


def table_of(files: Files, name: str, reading: Reading) -> dict[str, Any]:
    """Pictures and labels of one file: ``files``, ``labels``, ``names`` (or None), ``title``.

    Raises:
        InputError: it is damaged, or lacks the columns.
    """
    title = files.title(name)
    parquet = pyarrow_parquet()

    def parse(content: bytes) -> Any:
        file = parquet.ParquetFile(io.BytesIO(content), page_checksum_verification=True)
        return file.read()

    table: Any = read_as(title, "parquet file", files.content(name), parse)
    columns = table.column_names
    image = next((each for each in IMAGES if each in columns), None)
    label = next((each for each in LABELS[reading.labels] if each in columns), None)
    if image is None or label is None:
        wanted = " or ".join(LABELS[reading.labels])
        raise InputError(
            f"{title} has the columns {', '.join(columns)}; it must have {' or '.join(IMAGES)}, "
            f"and {wanted}."
        )

    def rows(_: bytes) -> tuple[list[Any], list[Any]]:
        return table.column(image).to_pylist(), table.column(label).to_pylist()

    pictures, labels = read_as(title, "parquet file", b"", rows)
    encoded = []
    for number, picture in enumerate(pictures):
        content = picture.get("bytes") if isinstance(picture, dict) else picture
        if not isinstance(content, bytes):
            raise InputError(
                f"{title} holds no encoded picture in row {number} of its column {image}."
            )
        encoded.append((f"{title}, row {number}", content))
    if not all(isinstance(each, int | str) and not isinstance(each, bool) for each in labels):
        raise InputError(f"{title} has labels in {label} that are neither numbers nor text.")
    return {
        "files": encoded,
        "labels": labels,
        "names": names_of(table.schema.metadata, label),
        "title": title,
    }


def names_of(metadata: Any, column: str) -> tuple[str, ...] | None:
    """The class names that Hugging Face writes into a file; None if it did not."""
    try:
        info = json.loads(metadata[b"huggingface"])["info"]
        names = info["features"][column]["names"]
        return tuple(map(str, names)) if isinstance(names, list) else None
    except (KeyError, TypeError, ValueError):
        return None


def classes_of(tables: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """The names in the files; else the labels themselves.

    Raises:
        InputError: files that do not agree, or have numbers and words for labels.
    """
    named = {table["names"] for table in tables if table["names"]}
    if len(named) > 1:
        raise InputError(f"{tables[0]['title']} and the files beside it name other classes.")
    if named:
        return tuple(named.pop())
    labels = {label for table in tables for label in table["labels"]}
    if all(isinstance(label, int) for label in labels):
        if labels and min(labels) < 0:
            raise InputError(f"{tables[0]['title']} or a file beside it has the label -1.")
        return tuple(map(str, range(min(max(labels, default=0), 1_000_000) + 1)))
    return tuple(sorted(map(str, labels)))


def numbered(table: dict[str, Any], classes: tuple[str, ...]) -> list[int]:
    """The labels as numbers of classes.

    Raises:
        InputError: a label that is no class.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    found = []
    for row, label in enumerate(table["labels"]):
        number = label if isinstance(label, int) else numbers.get(label)
        if number is None or not 0 <= number < len(classes):
            raise InputError(
                f"{table['title']} has the label {label!r} in row {row}; its {len(classes)} "
                f"classes are numbered from 0 to {len(classes) - 1}."
            )
        found.append(number)
    return found


def pyarrow_parquet() -> Any:
    """The package that reads parquet files.

    Raises:
        InputError: it is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            "parquet files are read by the package pyarrow, which is not installed; install it "
            "with: pip install 'lightning-cifar[parquet]'"
        ) from error
    return parquet
