"""Encoded pictures with labels to images in memory: decoded, skipped if allowed, counted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from lightning_cifar.data.decoding import File, decode_all
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.reading import LARGEST_BYTES, Files, Reading
from lightning_cifar.errors import InputError


@dataclass(frozen=True)
class Result:
    """The images, how many had another size, and a line for each that was left out."""

    data: LabelledImages
    resized: int
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
    done = good = resized = 0
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
            resized += chunk.resized
            bar.update(len(chunk.pixels) + len(chunk.problems))
    chosen = torch.tensor(labels, dtype=torch.int64)[torch.from_numpy(kept)]
    return Result(LabelledImages(torch.from_numpy(images[:good]), chosen), resized, tuple(skipped))


def with_notes(notes: list[str], skipped: list[str], result: Result, part: str) -> None:
    """Add what is to be said of a part to the lists."""
    if result.resized:
        size = result.data.images.shape[-1]
        notes.append(
            f"{result.resized} of {len(result.data)} {part} images were resized to {size}x{size}, "
            "the centre of each"
        )
    skipped += result.skipped
