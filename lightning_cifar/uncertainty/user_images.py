"""A user's own pictures: files, folders, zips and tars of any size and colour, made to fit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from lightning_cifar.data.containers import (
    IN_A_CIRCLE,
    absence,
    is_archive,
    opened,
    read_start,
    shown,
)
from lightning_cifar.data.pictures import decode, reason, resize_note
from lightning_cifar.data.reading import LARGEST_BYTES
from lightning_cifar.errors import InputError


@dataclass(frozen=True)
class UserImages:
    """Decoded pictures and what was done to them.

    images: (images, 3, size, size), uint8. names and notes: one per image, a note may be empty.
    skipped: one line for each file that could not be decoded.
    """

    images: Tensor
    names: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


Read = Callable[[int], bytes]  # the content of a file, so many bytes of it at most


def load_images(paths: Sequence[Path], size: int = 32) -> UserImages:
    """Decode every picture at the given files, in the given folders, zips and tars.

    Folders are searched deeply, also behind links; what is hidden or left by a system is passed
    over. Pictures are treated as training treats them (``data.pictures``).

    size: height and width of the images that the network takes.

    Raises:
        InputError: a path is missing, there is no file at all, or none can be decoded.
    """
    decoded: list[tuple[str, Tensor, str]] = []
    skipped: list[str] = []
    for name, read in files_at(paths):
        try:
            # What cannot be written as UTF-8 is an escape in the name.
            said = name.encode(errors="backslashreplace").decode()
            decoded.append((said, *picture(whole(read), size)))
        except Exception as error:  # zips and fifty formats fail in every possible way
            skipped.append(f"{shown(name)}: cannot be read as an image ({reason(error)})")
    if not decoded:
        found = "; ".join(skipped[:3]) or "no files found in " + ", ".join(map(shown, paths))
        raise InputError(f"there is no image to predict: {found}; give PNG, JPEG or similar files")
    names, images, notes = zip(*decoded, strict=True)
    return UserImages(torch.stack(images), names, notes, tuple(skipped))


def whole(read: Read) -> bytes:
    """The content of a file, unless it is too large."""
    content = read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise InputError(f"its bytes are more than the {LARGEST_BYTES:,} allowed")
    return content


def picture(content: bytes, size: int) -> tuple[Tensor, str]:
    """A (3, size, size) uint8 image and a note on how it was made to fit."""
    pixels, extent = decode(content, size)
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()
    return image, resize_note(extent, size)


def files_at(paths: Sequence[Path]) -> Iterator[tuple[str, Read]]:
    """Name of each file, and what reads so many of its bytes."""
    for path in paths:
        if problem := absence(path):
            raise InputError(f"{shown(path)} {problem}; give image files, folders, zips or tars")
    for path in paths:
        if path.is_dir() or is_archive(path):
            yield from files_within(path)
        else:
            yield str(path), partial(read_start, path)


def files_within(source: Path) -> Iterator[tuple[str, Read]]:
    """The files in a folder, zip or tar, in the order of their names."""

    def refuse(problem: str, _: int) -> bytes:
        raise InputError(f"it {problem}")

    with opened(source) as (entries, read):
        for entry in sorted(entries, key=lambda entry: entry.path):
            # A folder that is entered a second time holds no picture that is not found.
            if entry.is_folder and entry.problem in ("", IN_A_CIRCLE):
                continue
            content = partial(refuse, entry.problem) if entry.problem else partial(read, entry.name)
            yield str(source / entry.name), content
