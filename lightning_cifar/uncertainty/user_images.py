"""A user's own pictures: files, folders and zips of any size and colour, made 32 by 32."""

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

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

    Folders are searched deeply; hidden files are left out. Pictures are turned as their camera
    says, laid on white if transparent, repeated over three channels if grey, and resized.

    Raises:
        InputError: a path is missing, there is no file at all, or none can be decoded.
    """
    decoded: list[tuple[str, Tensor, str]] = []
    skipped: list[str] = []
    for name, data in files_at(paths):
        try:
            decoded.append((name, *decode(data)))
        except Exception as error:  # decoders of fifty formats fail in every possible way
            skipped.append(f"{name}: cannot be read as an image ({reason(error)})")
    if not decoded:
        found = "; ".join(skipped[:3]) or "no files found in " + ", ".join(map(str, paths))
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
        if not path.exists():
            raise InputError(f"{path} does not exist; give image files, folders or zips")
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not hidden(file.relative_to(path)):
                    yield str(file), read_limited(file)
        elif zipfile.is_zipfile(path):
            yield from zip_members(path)
        else:
            yield str(path), read_limited(path)


def hidden(path: Path) -> bool:
    """Whether the path is one of the hidden files that desktops leave everywhere."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def read_limited(path: Path) -> bytes | Exception:
    """The file's content, or the error that prevents reading it."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            return too_large(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        return error


def zip_members(path: Path) -> Iterator[tuple[str, bytes | Exception]]:
    """Name and content of the files in a zip, in the order of their names."""
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in sorted(members, key=lambda member: member.filename):
            if hidden(Path(member.filename)):
                continue
            name = f"{path}/{member.filename}"
            if member.file_size > MAXIMUM_BYTES:
                yield name, too_large(member.file_size)
                continue
            try:
                yield name, archive.read(member)
            except Exception as error:  # a damaged or encrypted member; the others may be whole
                yield name, error


def too_large(size: int) -> InputError:
    """The error for a file that no picture of reasonable size has."""
    return InputError(f"{size:,} bytes are more than the {MAXIMUM_BYTES:,} allowed")


def decode(data: bytes | Exception) -> tuple[Tensor, str]:
    """A (3, 32, 32) uint8 image and a note on how it was made to fit."""
    if isinstance(data, Exception):
        raise data
    with warnings.catch_warnings():
        # A picture so large that Pillow suspects an attack counts as undecodable.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as opened:
            picture = ImageOps.exif_transpose(opened)
            colour = in_colour(picture)
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
