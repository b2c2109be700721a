"""Encoded pictures with labels to images in memory: decoded, skipped if allowed, counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from lightning_cifar.data.decoding import File, decode_all
from lightning_cifar.data.images import LabelledImages, Part
from lightning_cifar.data.pictures import Extent
from lightning_cifar.data.raw_set import RawSet
from lightning_cifar.data.reading import LARGEST_BYTES, Files, Reading
from lightning_cifar.errors import InputError


@dataclass(frozen=True)
class Result:
    """The images, the sizes they had, and a line for each that was left out."""

    data: LabelledImages
    sizes: Counter[Extent]
    skipped: tuple[str, ...]


def read_files(names: Sequence[str], files: Files, reading: Reading) -> list[File]:
    """Title and content of each file; the error of one that cannot be read and may be skipped.

    Raises:
        InputError: a file cannot be read.
    """
    found: list[File] = []
    for name in names:
        try:
            found.append((files.title(name), files.content(name, LARGEST_BYTES)))
        except InputError as error:
            if not reading.skip_unreadable:
                raise
            found.append((files.title(name), error))
    return found


def decoded(encoded: Sequence[File], labels: Sequence[int], title: str, reading: Reading) -> Result:
    """Decode pictures in order; a bar shows how far it is.

    Raises:
        InputError: a picture cannot be decoded and may not be skipped.
    """
    size = reading.image_size
    images = np.empty((len(encoded), 3, size, size), dtype=np.uint8)
    kept = np.ones(len(encoded), dtype=bool)
    done = good = 0
    sizes: Counter[Extent] = Counter()
    skipped: list[str] = []
    bar = tqdm(
        total=len(encoded), unit="image", desc=f"decoding {title}",
        disable=None if reading.progress else True,
    )  # fmt: skip
    with bar:
        for chunk in decode_all(encoded, size, skip_unreadable=reading.skip_unreadable):
            images[good : good + len(chunk.pixels)] = chunk.pixels
            kept[[done + number for number in chunk.problems]] = False
            skipped += chunk.problems.values()
            good += len(chunk.pixels)
            done += len(chunk.pixels) + len(chunk.problems)
            sizes += chunk.sizes
            bar.update(len(chunk.pixels) + len(chunk.problems))
    chosen = torch.tensor(labels, dtype=torch.int64)[torch.from_numpy(kept)]
    return Result(LabelledImages(torch.from_numpy(images[:good]), chosen), sizes, tuple(skipped))


def set_of(
    classes: tuple[str, ...], results: Mapping[Part, Result], notes: Sequence[str] = ()
) -> RawSet:
    """The parts as a set, with what is to be said of them."""
    said = list(notes)
    sizes: Counter[Extent] = Counter()
    for part, result in results.items():
        size = result.data.images.shape[-1]
        others = sum(result.sizes.values()) - result.sizes[size, size]
        if others:
            said.append(
                f"{others} of {len(result.data)} {part} images were resized to {size}x{size}, "
                "the centre of each"
            )
        sizes += result.sizes
    return RawSet(
        classes,
        {part: result.data for part, result in results.items()},
        notes=tuple(said),
        skipped=tuple(line for result in results.values() for line in result.skipped),
        sizes={f"{width}x{height}": count for (width, height), count in sizes.items()},
    )
