"""A folder or zip of images: decoded once, in parallel, and kept as arrays in the cache."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.image_files import (
    LARGEST_FILE_BYTES,
    ReadFile,
    content_key,
    list_images,
    opened,
)
from lightning_cifar.data.images import IMAGE_SHAPE, ImageSet, LabelledImages
from lightning_cifar.errors import InputError

FILES_PER_TASK = 256
COLOURS = {1: "grey", 2: "grey with transparency", 4: "CMYK or with transparency"}


def load_folder(source: Path, cache: Path, *, progress: bool = True) -> ImageSet:
    """The images in ``source``, a folder or a zip of ``train/<class>/*`` and ``test/<class>/*``.

    Labels follow the alphabetical order of the ten classes, which is CIFAR-10's own.

    Raises:
        InputError: ``source`` is missing, no whole zip, laid out otherwise, or holds a file that
            is not an RGB image of 32x32 pixels.
        OSError: the cache cannot be written.
    """

    def build() -> DecodedSet:
        with opened(source) as (names, read):
            listing = list_images(names, source)
            train, test = (
                decode_classes(listing.files[part], read, source, f"decoding {part}", progress)
                for part in ("train", "test")
            )
        return DecodedSet(listing.classes, train, test)

    return cached_set(cache / "folder" / content_key(source)[:32], build)


def decode_classes(
    files: Sequence[Sequence[str]], read: ReadFile, source: Path, title: str, progress: bool
) -> LabelledImages:
    """Decode the files of each class, in order, on all cores; a bar shows how far it is."""
    names = [name for members in files for name in members]
    sizes = torch.tensor([len(members) for members in files])
    labels = torch.repeat_interleave(torch.arange(len(files)), sizes)
    images = torch.empty((len(names), *IMAGE_SHAPE), dtype=torch.uint8)

    def decode_from(start: int) -> int:
        chunk = names[start : start + FILES_PER_TASK]
        for offset, name in enumerate(chunk):
            images[start + offset] = decode(name, read, source)
        return len(chunk)

    bar = tqdm(total=len(names), unit="image", desc=title, disable=None if progress else True)
    # Threads suffice: torchvision decodes without holding the interpreter's lock.
    with bar, ThreadPoolExecutor() as pool:
        for count in pool.map(decode_from, range(0, len(names), FILES_PER_TASK)):
            bar.update(count)
    return LabelledImages(images, labels)


def decode(name: str, read: ReadFile, source: Path) -> Tensor:
    """One image (3, 32, 32) of uint8.

    Raises:
        InputError: the file cannot be read, is no image, or has another size or other colours.
    """
    # torchvision takes a second to import, and a second start decodes nothing.
    from torchvision.io import ImageReadMode, decode_image

    try:
        content = read(name)
        if len(content) > LARGEST_FILE_BYTES:
            raise ValueError(f"it has more than {LARGEST_FILE_BYTES} bytes")
        encoded = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        image: Tensor = decode_image(encoded, ImageReadMode.UNCHANGED)
    except Exception as error:  # each format fails in its own way
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{name} in {source} cannot be read as an image ({reason}); replace or remove it."
        ) from error
    check_image(image, name, source)
    return image


def check_image(image: Tensor, name: str, source: Path) -> None:
    """Refuse an image that is not 32x32 pixels of red, green and blue with 8 bits each."""
    channels, height, width = image.shape
    if (height, width) != IMAGE_SHAPE[1:]:
        raise InputError(f"{name} in {source} has {width}x{height} pixels; it must have 32x32.")
    if channels != IMAGE_SHAPE[0] or image.dtype != torch.uint8:
        colours = COLOURS.get(channels, f"RGB with {8 * image.element_size()} bits")
        raise InputError(
            f"{name} in {source} is {colours}; it must be RGB with 8 bits per colour: convert it."
        )
