"""Encoded pictures with labels to images in a file: decoded, skipped if allowed, counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from lightning_cifar.data.array_files import stored
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


def read_files(names: Sequence[str], files: Files, reading: Reading) -> Iterator[File]:
    """Title and content of each file; the error of one that cannot be read and may be skipped.

    Raises:
        InputError: a file cannot be read.
    """
    for name in names:
        try:
            content: bytes | InputError = files.content(name, LARGEST_BYTES)
        except InputError as error:
            if not reading.skip_unreadable:
                raise
            content = error
        yield files.title(name), content


def decoded(
    encoded: Iterable[File], labels: Sequence[int], title: str, reading: Reading, room: Path | None
) -> Result:
    """Decode pictures in order, as many as there are labels; a bar shows how far it is.

    room: as in ``Files``.

    Raises:
        InputError: a picture cannot be decoded and may not be skipped.
        OSError: there is no room.
    """
    sizes: Counter[Extent] = Counter()
    skipped: list[str] = []
    bar = tqdm(
        total=len(labels), unit="image", desc=f"decoding {title}",
        disable=None if reading.progress else True,
    )  # fmt: skip

    def chunks() -> Iterator[LabelledImages]:
        done = 0
        for chunk in decode_all(
            encoded, reading.image_size, skip_unreadable=reading.skip_unreadable
        ):
            count = len(chunk.pixels) + len(chunk.problems)
            kept = [
                label
                for number, label in enumerate(labels[done : done + count])
                if number not in chunk.problems
            ]
            yield LabelledImages(torch.from_numpy(chunk.pixels), torch.tensor(kept).long())
            skipped.extend(chunk.problems.values())
            sizes.update(chunk.sizes)
            done += count
            bar.update(count)

    with bar:
        data = stored(chunks(), room)
    return Result(data, sizes, tuple(skipped))


def set_of(
    classes: tuple[str, ...], results: Mapping[Part, Result], notes: Sequence[str] = ()
) -> RawSet:
    """The parts as a set, with what is to be said of them."""
    said = list(notes)
    sizes: Counter[Extent] = Counter()
    for part, result in results.items():
        size = result.data.shape[-1]
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
