"""Parquet files as Hugging Face keeps data sets: encoded pictures beside their labels."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.completion import numbers_to
from lightning_cifar.data.decoding import File
from lightning_cifar.data.images import PART_NAMES, Part
from lightning_cifar.data.picture_files import decoded_set
from lightning_cifar.data.reading import Files, Reading, parsing
from lightning_cifar.errors import InputError
from lightning_cifar.files import CHUNK_BYTES

IMAGES = ("img", "image")
LABELS = {"fine": ("label", "fine_label", "labels"), "coarse": ("coarse_label",)}
ROWS = 500  # that are in memory as encoded pictures
NAME = re.compile(r"([a-z]+)([-._].*)?\.parquet", re.IGNORECASE)  # train-00000-of-00001.parquet


@dataclass(frozen=True)
class Table:
    """What a file holds beside pictures.

    Attributes:
        name, title: of the file; the second is for messages.
        image: the column of the pictures.
        labels: numbers or words, row by row.
        names: of the classes, if the file has them.
    """

    name: str
    title: str
    image: str
    labels: list[Any]
    names: tuple[str, ...] | None


def is_parquet(names: Sequence[str]) -> bool:
    """Whether the files of a folder are of this form."""
    return any(name.lower().endswith(".parquet") for name in names)


def read_parquet(files: Files, place: str, reading: Reading) -> DecodedSet:
    """The images of all parts, file by file in the order of their names.

    Raises:
        InputError: pyarrow is not installed; a file is damaged, or has no images and labels.
    """
    by_part: dict[Part, list[str]] = {}
    for name in files.folders[place]:
        if is_parquet([name]):
            by_part.setdefault(part_of(files, place + name), []).append(place + name)
    if "train" not in by_part:
        raise InputError(f"{files.title(place)} has no train-*.parquet; add it.")
    tables = {
        part: [table_of(files, name, reading) for name in names] for part, names in by_part.items()
    }
    classes = classes_of([each for found in tables.values() for each in found])
    given = {}
    for part, found in tables.items():
        encoded = (file for table in found for file in pictures_of(files, table))
        given[part] = encoded, [label for table in found for label in numbered(table, classes)]
    return decoded_set(classes, given, files, reading)


def part_of(files: Files, name: str) -> Part:
    """The part that a file's name says."""
    found = NAME.fullmatch(name.rpartition("/")[2])
    part = PART_NAMES.get(found[1].lower()) if found else None
    if part is None:
        raise InputError(
            f"{files.title(name)} is of no part that is known; parquet files are named "
            "train-….parquet, test-….parquet and validation-….parquet."
        )
    return part


def table_of(files: Files, name: str, reading: Reading) -> Table:
    """The table in a file, without the pictures.

    Raises:
        InputError: it is damaged, or lacks the columns.
    """
    title = files.title(name)
    with parsing(title, "parquet file"):
        file = opened_parquet(files, name)
    columns = file.schema_arrow.names
    image = next((each for each in IMAGES if each in columns), None)
    label = next((each for each in LABELS[reading.labels] if each in columns), None)
    if image is None or label is None:
        wanted = " or ".join(LABELS[reading.labels])
        raise InputError(
            f"{title} has the columns {', '.join(columns)}; it must have {' or '.join(IMAGES)}, "
            f"and {wanted}."
        )
    with parsing(title, "parquet file"):
        labels = file.read([label]).column(label).to_pylist()
    if not all(isinstance(each, int | str) and not isinstance(each, bool) for each in labels):
        raise InputError(f"{title} has labels in {label} that are neither numbers nor text.")
    return Table(name, title, image, labels, names_of(file.schema_arrow.metadata, label))


def opened_parquet(files: Files, name: str) -> Any:
    """A file as pyarrow reads it: from the disk, or from memory if it is packed."""
    path = files.path(name)
    source = io.BytesIO(files.content(name)) if path is None else str(path)
    return pyarrow_parquet().ParquetFile(
        source, buffer_size=CHUNK_BYTES, page_checksum_verification=True
    )


def pictures_of(files: Files, table: Table) -> Iterator[File]:
    """The encoded pictures of a file, some of which are in memory at a time.

    Raises:
        InputError: a row has none, or the file is damaged.
    """
    row, count = 0, len(table.labels)
    uneven = f"{table.title} has not as many pictures as labels, {count}; replace it."
    with parsing(table.title, "parquet file"):
        file = opened_parquet(files, table.name)
        for batch in file.iter_batches(ROWS, columns=[table.image], use_threads=False):
            if row + len(batch) > count:
                raise InputError(uneven)
            for picture in batch.column(0).to_pylist():
                content = picture.get("bytes") if isinstance(picture, dict) else picture
                if not isinstance(content, bytes):
                    raise InputError(
                        f"{table.title} holds no encoded picture in row {row} of its column "
                        f"{table.image}."
                    )
                yield f"{table.title}, row {row}", content
                row += 1
    if row < count:
        raise InputError(uneven)


def names_of(metadata: Any, column: str) -> tuple[str, ...] | None:
    """The class names that Hugging Face writes into a file; None if it did not."""
    try:
        info = json.loads(metadata[b"huggingface"])["info"]
        names = info["features"][column]["names"]
        return tuple(map(str, names)) if isinstance(names, list) else None
    except (KeyError, TypeError, ValueError):
        return None


def classes_of(tables: Sequence[Table]) -> tuple[str, ...]:
    """The names in the files; else the labels themselves.

    Raises:
        InputError: files that do not agree, or have numbers and words for labels.
    """
    named = {table.names for table in tables if table.names}
    if len(named) > 1:
        raise InputError(f"{tables[0].title} and the files beside it name other classes.")
    if named:
        return named.pop()
    labels = {label for table in tables for label in table.labels}
    if all(isinstance(label, int) for label in labels):
        if labels and min(labels) < 0:
            raise InputError(f"{tables[0].title} or a file beside it has the label -1.")
        return numbers_to(max(labels, default=0))
    if any(isinstance(label, int) for label in labels):
        raise InputError(
            f"{tables[0].title} and the files beside it have both numbers and words for labels; "
            "use one of the two."
        )
    return tuple(sorted(map(str, labels)))


def numbered(table: Table, classes: tuple[str, ...]) -> list[int]:
    """The labels as numbers of classes.

    Raises:
        InputError: a label that is no class.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    found = []
    for row, label in enumerate(table.labels):
        number = label if isinstance(label, int) else numbers.get(label)
        if number is None or not 0 <= number < len(classes):
            raise InputError(
                f"{table.title} has the label {label!r} in row {row}; its {len(classes)} "
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
