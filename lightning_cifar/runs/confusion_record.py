"""What ``test`` found of a run: figures and confusion matrix, as a file and as a picture."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lightning_cifar.files import write_text_atomically

TEST_FILE = "test.json"
CONFUSION_FILE = "confusion.png"
MOST_NUMBERS = 20  # classes; with more the fields are too small for numbers
MOST_NAMES = 60


@dataclass(frozen=True)
class ConfusionRecord:
    """One test of a run's weights.

    Attributes:
        figures: name → value, as they were printed.
        classes: names of the labels.
        confusion: row by row for each class, how many of its images were taken for each class.
        data_fingerprint: of the images.
        weights: the checkpoint that was tested.
    """

    figures: dict[str, float]
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    data_fingerprint: str
    weights: str


def write_confusion(
    record: ConfusionRecord, folder: Path, more: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write ``test.json`` and ``confusion.png`` into ``folder``; returns the two.

    more: further fields of ``test.json``, as plain values.
    """
    files = [folder / TEST_FILE, folder / CONFUSION_FILE]
    fields = dataclasses.asdict(record) | dict(more or {})
    write_text_atomically(files[0], json.dumps(fields, indent=1) + "\n")
    draw_confusion(record).savefig(files[1], dpi=120)
    return files


def draw_confusion(record: ConfusionRecord) -> Figure:
    """The matrix with a class's own images in a row, shaded by their share."""
    count = len(record.classes)
    side = min(max(0.45 * count + 2, 4), 14)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = [[each / max(sum(row), 1) for each in row] for row in record.confusion]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if count <= MOST_NUMBERS:
        for row, values in enumerate(record.confusion):
            for column, value in enumerate(values):
                colour = "white" if shares[row][column] > 0.5 else "black"
                axes.text(column, row, str(value), color=colour, ha="center", va="center", size=7)
    names = [name[:20] for name in record.classes]
    ticks = range(count) if count <= MOST_NAMES else range(0, count, 10)
    size = 8 if count <= MOST_NUMBERS else 6
    axes.set_xticks(ticks, [names[each] for each in ticks], rotation=90, size=size)
    axes.set_yticks(ticks, [names[each] for each in ticks], size=size)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    axes.set_xlabel("taken for")
    axes.set_ylabel("class")
    return figure
