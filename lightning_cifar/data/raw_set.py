"""A set as a form's reader gives it, checked and completed: classes, sizes, a test part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.array_files import stored
from lightning_cifar.data.images import LabelledImages, Part
from lightning_cifar.data.pictures import fitted
from lightning_cifar.data.reading import About, Files, Reading
from lightning_cifar.data.split import stratified_split
from lightning_cifar.errors import InputError

TEST_SHARE = 6  # one image in six is a test image where none are given, as in CIFAR
TEST_SEED = 0


@dataclass(frozen=True)
class RawSet:
    """What was read.

    Attributes:
        classes: names of the labels.
        parts: the training images, and those of the other parts that were found.
        verified: whether the content has the official hashes.
        notes, skipped, sizes: as in ``About``; sizes left out are those of the arrays.
    """

    classes: tuple[str, ...]
    parts: Mapping[Part, LabelledImages]
    verified: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


def finished(raw: RawSet, title: str, files: Files, reading: Reading) -> DecodedSet:
    """The set, with a test part in any case and images of the size that is asked for.

    Raises:
        InputError: fewer than two classes, or a class without training images.
    """
    parts = {
        part: resized(data, reading.image_size, files.room) for part, data in raw.parts.items()
    }
    check_classes(raw.classes, parts, files)
    notes = list(raw.notes)
    if "test" not in parts:
        train = parts["train"]
        size = max(len(train) // TEST_SHARE, 1)
        kept, set_apart = stratified_split(train.labels, validation_size=size, seed=TEST_SEED)
        parts["train"], parts["test"] = train.select(kept), train.select(set_apart)
        notes.append(
            f"there are no test images: {size} of the {len(train)} images, of each class its "
            "share, are set apart for test"
        )
        check_classes(raw.classes, parts, files)
    sizes = raw.sizes or sizes_of(raw.parts)
    about = About(title, raw.verified, tuple(notes), raw.skipped, sizes)
    return DecodedSet(
        raw.classes, parts["train"], parts["test"], parts.get("validation"), about=about
    )


def check_classes(
    classes: tuple[str, ...], parts: Mapping[Part, LabelledImages], files: Files
) -> None:
    """Refuse a set in which some class cannot be learned."""
    source = files.title("").rstrip("/")
    if len(classes) < 2:
        raise InputError(
            f"{source} has {len(classes)} class ({', '.join(classes)}); a classifier needs two or "
            "more."
        )
    for part, data in parts.items():
        if not len(data):
            raise InputError(f"{source} has no {part} images; add some.")
        if data.labels.min() < 0 or data.labels.max() >= len(classes):
            raise InputError(
                f"{source} has labels from {int(data.labels.min())} to {int(data.labels.max())} in "
                f"its {part} part; for its {len(classes)} classes they are 0 to "
                f"{len(classes) - 1}."
            )
    trained = set(torch.unique(parts["train"].labels).tolist())
    if missing := [name for number, name in enumerate(classes) if number not in trained]:
        raise InputError(
            f"{source} has no training images of the class {missing[0]!r}; add some, or remove "
            "the class from the other parts."
        )


def sizes_of(parts: Mapping[Part, LabelledImages]) -> dict[str, int]:
    """Size of the images as they are → how many."""
    found: dict[str, int] = {}
    for data in parts.values():
        height, width = data.shape[-2:]
        found[f"{width}x{height}"] = found.get(f"{width}x{height}", 0) + len(data)
    return found


def resized(data: LabelledImages, size: int, room: Path | None) -> LabelledImages:
    """The images in ``size`` x ``size`` pixels, as ``pictures`` treats those in files."""
    if data.shape[-1] == size:
        return data

    def pieces() -> Iterator[LabelledImages]:
        done = 0
        for piece in data.pieces():
            last = piece.permute(0, 2, 3, 1).contiguous().numpy()
            pixels = np.stack([fitted(Image.fromarray(image), size) for image in last])
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
            yield LabelledImages(images, data.labels[done : done + len(piece)])
            done += len(piece)

    return stored(pieces(), room)
