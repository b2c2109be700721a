"""A user's own pictures: files, folders and zips of any size and colour, made 32 by 32."""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_cifar.data.containers import IN_A_CIRCLE, absence, opened, read_start, shown
from lightning_cifar.data.decoding import upright
from lightning_cifar.errors import InputError

SIDE = 32
MAXIMUM_BYTES = 200 << 20


@dataclass(frozen=True)
class UserImages:
    """Decoded pictures and what was done to them.

    images: (images, 3, 32, 32), uint8. names and notes: one per image, a note may be empty.
    skipped: one line for each file that could not be decoded.
    """

    images: Tensor
    names: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


def load_images(paths: Sequence[Path]) -> UserImages:
    """Decode every picture at the given files, in the given folders and in the given zips.

    Folders are searched deeply, also behind links; what is hidden or left by a system is passed
    over. Pictures are turned as their camera says, laid on white if transparent, repeated over
    three channels if grey, and resized.

    Raises:
        InputError: a path is missing, there is no file at all, or none can be decoded.
    """
    decoded: list[tuple[str, Tensor, str]] = []
    skipped: list[str] = []
    for name, data in files_at(paths):
        try:
            # What cannot be written as UTF-8 is an escape in the name.
            decoded.append((name.encode(errors="backslashreplace").decode(), *decode(data)))
        except Exception as error:  # decoders of fifty formats fail in every possible way
            skipped.append(f"{shown(name)}: cannot be read as an image ({reason(error)})")
    if not decoded:
        found = "; ".join(skipped[:3]) or "no files found in " + ", ".join(map(shown, paths))
        raise InputError(f"there is no image to predict: {found}; give PNG, JPEG or similar files")
    names, images, notes = zip(*decoded, strict=True)
    return UserImages(torch.stack(images), names, notes, tuple(skipped))


def reason(error: Exception) -> str:
    """An error on one line, without the address of the buffer that Pillow mentions."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "unknown format" if text.startswith("cannot identify image file") else text


def files_at(paths: Sequence[Path]) -> Iterator[tuple[str, bytes | Exception]]:
    """Name and content of each file; an error in place of the content of an unreadable one."""
    for path in paths:
        if problem := absence(path):
            raise InputError(f"{shown(path)} {problem}; give image files, folders or zips")
    for path in paths:
        if path.is_dir() or zipfile.is_zipfile(path):
            yield from files_within(path)
        else:
            yield str(path), content(partial(read_start, path))


def files_within(source: Path) -> Iterator[tuple[str, bytes | Exception]]:
    """Name and content of the files in a folder or zip, in the order of their names."""
    with opened(source) as (entries, read):
        for entry in sorted(entries, key=lambda entry: entry.path):
            name = str(source / entry.name)
            if entry.problem:
                # A folder that is entered a second time holds no picture that is not found.
                if not (entry.is_folder and entry.problem == IN_A_CIRCLE):
                    yield name, InputError(f"it {entry.problem}")
            elif not entry.is_folder:
                yield name, content(partial(read, entry.name))


def content(read: Callable[[int], bytes]) -> bytes | Exception:
    """What ``read`` gives, or the error that prevents it; the other files may be whole."""
    try:
        data = read(MAXIMUM_BYTES + 1)
    except Exception as error:  # a damaged or encrypted zip fails in every possible way
        return error
    if len(data) > MAXIMUM_BYTES:
        return InputError(f"its bytes are more than the {MAXIMUM_BYTES:,} allowed")
    return data


def decode(data: bytes | Exception) -> tuple[Tensor, str]:
    """A (3, 32, 32) uint8 image and a note on how it was made to fit."""
    if isinstance(data, Exception):
        raise data
    with warnings.catch_warnings():
        # A picture so large that Pillow suspects an attack counts as undecodable.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as image:
            colour = in_colour(upright(image))
    width, height = colour.size
    small = colour.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous()
    return pixels, resize_note(width, height)


def in_colour(picture: Image.Image) -> Image.Image:
    """The picture in 8-bit RGB."""
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, np.float64)
        deep = picture.mode.startswith("I;16") or values.max() > 255
        grey = scaled_to_bytes(values, highest=65535.0 if deep else 255.0)
        return Image.fromarray(grey).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        layers = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
    return picture.convert("RGB")


def scaled_to_bytes(values: NDArray[np.float64], *, highest: float) -> NDArray[np.uint8]:
    """Grey values of more than 8 bits as 8 bits; Pillow would cut them off at 255."""
    return np.clip(values / highest * 255, 0, 255).round().astype(np.uint8)


def resize_note(width: int, height: int) -> str:
    """What resizing did, empty where nothing was needed."""
    if (width, height) == (SIDE, SIDE):
        return ""
    shape = "" if width == height else ", proportions changed"
    return f"resized from {width} x {height} to {SIDE} x {SIDE}{shape}"
