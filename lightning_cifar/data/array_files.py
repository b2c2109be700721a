"""Arrays of images in files: written piece by piece, and read where they are asked for.

A file is mapped into memory: the system reads a page of it when somebody looks at it, and forgets
it when the memory is needed. The mapping can only be read, so that it counts as nobody's memory.
"""

import tempfile
import warnings
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from lightning_cifar.data.images import IMAGE_SHAPE, LabelledImages


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
