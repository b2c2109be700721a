"""Arrays of images in files: written piece by piece, and read where they are asked for.

A file is mapped into memory: the system reads a page of it when somebody looks at it, and forgets
it when the memory is needed. The mapping can only be read, so that it counts as nobody's memory.
"""

import tempfile
import warnings
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lightning_cifar.data.images import IMAGE_SHAPE, LabelledImages, images_in_a_piece
from lightning_cifar.data.pictures import Pixels, fitted, in_colour


def mapped(path: Path) -> Tensor:
    """The array in an ``.npy`` file; writing to it would end the process.

    Raises:
        Exception: the file is damaged or ends too early; of several types.
    """
    return as_tensor(np.load(path, mmap_mode="r", allow_pickle=False))


def as_tensor(values: Any) -> Tensor:
    """A tensor over the memory of an array."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it must not be written to: see ``LabelledImages``
        return torch.from_numpy(values)


def write_images(file: BinaryIO, data: LabelledImages) -> None:
    """Write images in NumPy's format, as ``np.save`` does."""
    header = {"descr": "|u1", "fortran_order": False, "shape": data.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for piece in data.pieces():
        file.write(piece.contiguous().numpy().data)


def stored(pieces: Iterable[LabelledImages], folder: Path | None) -> LabelledImages:
    """Several sets of images, one after the other, in a file without a name.

    It is gone when nobody uses the images any more.

    folder: where there is room for it; None: where the system keeps what is temporary.

    Raises:
        OSError: there is no room.
    """
    shape: tuple[int, ...] = (0, *IMAGE_SHAPE)
    # One growing array: small tensors that stay between large ones that go leave holes in memory.
    labels = array("q")
    with tempfile.TemporaryFile(dir=folder) as file:
        for piece in pieces:
            file.write(piece.images.contiguous().numpy().data)
            labels.frombytes(piece.labels.numpy().tobytes())
            shape = piece.shape
        file.flush()
        numbers = torch.tensor(labels, dtype=torch.int64)
        if not len(numbers):  # an empty file cannot be mapped
            return LabelledImages(torch.empty(0, *shape[1:], dtype=torch.uint8), numbers)
        mapping = np.memmap(file, np.uint8, "r", shape=(len(numbers), *shape[1:]))
    return LabelledImages.in_file(as_tensor(mapping), numbers)


def pieces_of_size(values: Pixels, labels: Tensor, size: int) -> Iterator[LabelledImages]:
    """Images (n, 1, 3 or 4, height, width) in ``size`` x ``size`` pixels, some at a time.

    They are treated as ``pictures`` treats those in files. labels: (n,).
    """
    step = images_in_a_piece(values.shape)
    for start in range(0, len(values), step):
        piece = values[start : start + step]
        fits = piece.shape[1:] == (3, size, size)
        # A copy, because the array may be one that must not be written to.
        images = np.array(piece) if fits else np.stack([fitted_array(each, size) for each in piece])
        yield LabelledImages(torch.from_numpy(images), labels[start : start + step])


def fitted_array(image: Pixels, size: int) -> Pixels:
    """One image (channels, height, width) as (3, size, size)."""
    last = np.ascontiguousarray(image.transpose(1, 2, 0))
    picture = Image.fromarray(last[..., 0] if last.shape[2] == 1 else last)
    return np.ascontiguousarray(fitted(in_colour(picture), size).transpose(2, 0, 1))
