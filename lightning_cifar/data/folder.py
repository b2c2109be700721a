"""A folder or zip of images: decoded once, and kept as arrays in the cache."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.containers import Read, opened, shown
from lightning_cifar.data.decoding import File, decode_all
from lightning_cifar.data.image_files import content_key, list_images
from lightning_cifar.data.images import IMAGE_SHAPE, ImageSet, LabelledImages
from lightning_cifar.errors import InputError

VERSION = 2  # part of the cache's name: raise it with anything that changes which images are read
LARGEST_FILE_BYTES = 1 << 20  # an image of 32x32 pixels is far smaller, whatever its format


def load_folder(source: Path, cache: Path, *, progress: bool = True) -> ImageSet:
    """The images in ``source``, a folder or a zip of ``train/<class>/*`` and ``test/<class>/*``.

    Those in ``valid/<class>/*`` (or ``val``, ``validation``) are the set's own validation part.
    Labels follow the alphabetical order of the ten classes, which is CIFAR-10's own.

    Raises:
        InputError: ``source`` is missing, no whole zip, laid out otherwise, or holds a file that
            is not an RGB image of 32x32 pixels.
        OSError: the cache cannot be written.
    """

    def build() -> DecodedSet:
        with opened(source) as (entries, read):
            listing = list_images(entries, source)
            parts = {
                str(part): decode_classes(files, read, source, f"decoding {part}", progress)
                for part, files in listing.files.items()
            }
        return DecodedSet(listing.classes, **parts)

    return cached_set(cache / "folder" / f"version{VERSION}-{content_key(source)[:32]}", build)


def decode_classes(
    files: Sequence[Sequence[str]], read: Read, source: Path, title: str, progress: bool
) -> LabelledImages:
    """Decode the files of each class, in order; a bar shows how far it is."""
    encoded = [read_file(name, read, source) for members in files for name in members]
    sizes = torch.tensor([len(members) for members in files])
    labels = torch.repeat_interleave(torch.arange(len(files)), sizes)
    images = np.empty((len(encoded), *IMAGE_SHAPE), dtype=np.uint8)
    done = 0
    bar = tqdm(total=len(encoded), unit="image", desc=title, disable=None if progress else True)
    with bar:
        for chunk in decode_all(encoded):
            images[done : done + len(chunk)] = chunk
            done += len(chunk)
            bar.update(len(chunk))
    return LabelledImages(torch.from_numpy(images), labels)


def read_file(name: str, read: Read, source: Path) -> File:
    """Full name and content of an image file.

    Raises:
        InputError: the file cannot be read, or is too large for an image of 32x32 pixels.
    """
    full_name = shown(f"{source}/{name}")
    try:
        content = read(name, LARGEST_FILE_BYTES + 1)
    except Exception as error:  # a damaged or encrypted zip fails in every possible way
        reason = str(error) or type(error).__name__
        raise InputError(f"{full_name} cannot be read ({reason}); replace or remove it.") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise InputError(
            f"{full_name} has more than {LARGEST_FILE_BYTES} bytes, too many for an image of 32x32 "
            "pixels; replace or remove it."
        )
    return full_name, content
