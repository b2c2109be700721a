"""Encoded pictures with labels to images in a file: decoded, skipped if allowed, counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import torch
from tqdm import tqdm

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.array_files import stored
from lightning_cifar.data.decoding import File, decode_all
from lightning_cifar.data.images import LabelledImages, Part
from lightning_cifar.data.pictures import Extent
from lightning_cifar.data.reading import LARGEST_BYTES, About, Files, Reading
from lightning_cifar.errors import InputError


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


def decoded_set(
    classes: tuple[str, ...],
    pictures: Mapping[Part, tuple[Iterable[File], Sequence[int]]],
    files: Files,
    reading: Reading,
    notes: Sequence[str] = (),
) -> DecodedSet:
    """Encoded pictures and as many labels, by part, as a set, with what is to be said of them.

    Raises:
        InputError: a picture cannot be decoded and may not be skipped.
        OSError: there is no room.
    """
    parts: dict[Part, LabelledImages] = {}
    extents: Counter[Extent] = Counter()
    skipped: list[str] = []
    said = list(notes)
    size = reading.image_size
    for part, (encoded, labels) in pictures.items():
        found: Counter[Extent] = Counter()
        chunks = decoded(encoded, labels, part, reading, found, skipped)
        parts[part] = stored(chunks, files.room)
        if others := found.total() - found[size, size]:
            said.append(
                f"{others} of {len(parts[part])} {part} images were resized to {size}x{size}, "
                "the centre of each"
            )
        extents += found
    sizes = {f"{width}x{height}": count for (width, height), count in extents.items()}
    about = About(notes=tuple(said), skipped=tuple(skipped), sizes=sizes)
    return DecodedSet(classes, parts, about)


def decoded(
    encoded: Iterable[File],
    labels: Sequence[int],
    part: Part,
    reading: Reading,
    extents: Counter[Extent],
    skipped: list[str],
) -> Iterator[LabelledImages]:
    """Decode pictures in order, some at a time; a bar shows how far it is.

    extents, skipped: take the sizes that were found, and a line for each picture left out.
    """
    rest = iter(labels)
    with tqdm(total=len(labels), unit="image", desc=f"decoding {part}", disable=None) as bar:
        for chunk in decode_all(
            encoded, reading.image_size, skip_unreadable=reading.skip_unreadable
        ):
            count = len(chunk.pixels) + len(chunk.problems)
            given = enumerate(islice(rest, count))
            kept = [label for number, label in given if number not in chunk.problems]
            yield LabelledImages(torch.from_numpy(chunk.pixels), torch.tensor(kept).long())
            skipped.extend(chunk.problems.values())
            extents.update(chunk.sizes)
            bar.update(count)
