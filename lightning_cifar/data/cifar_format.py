"""CIFAR's python batch format: pickled dictionaries of pixels and labels, read without trust.

A batch holds ``data``, uint8 (n, 3072), each row an image as its red, green and blue plane, and
``labels`` (CIFAR-100: ``fine_labels`` and ``coarse_labels``), lists of n integers
(https://www.cs.toronto.edu/~kriz/cifar.html).
"""

import io
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.array_files import pieces_of_size, stored
from lightning_cifar.data.cifar_layouts import CIFAR10, Layout
from lightning_cifar.data.images import IMAGE_SHAPE, LabelledImages, Part
from lightning_cifar.errors import InputError

# Old pickles name the module by its former path; all of them mean NumPy's own rebuilder.
REBUILD_ARRAY = np.empty(0).__reduce__()[0]
ADMITTED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): REBUILD_ARRAY,
    ("numpy._core.multiarray", "_reconstruct"): REBUILD_ARRAY,
}


class ArraysOnly(pickle.Unpickler):
    """An unpickler that knows NumPy arrays and plain builtin values, and nothing that acts."""

    def find_class(self, module: str, name: str) -> object:
        """The object a pickle asks for, if it is one of the few admitted."""
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not admitted")
        return ADMITTED[module, name]


def unpickle(content: bytes, name: str) -> dict[str, object]:
    """The dictionary in a batch file; ``name`` is for messages.

    Raises:
        InputError: the content is damaged, is no dictionary, or asks for anything but arrays.
    """
    try:
        # Latin-1 because the official files were written by Python 2: arrays are byte strings.
        value = ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # damaged pickles raise almost any type
        raise unusable(name, str(error) or type(error).__name__) from error
    if not isinstance(value, dict):
        raise unusable(name, f"it holds a {type(value).__name__} instead of a dictionary")
    return value


def read_batch(content: bytes, name: str, layout: Layout = CIFAR10) -> LabelledImages:
    """The images in a batch file; ``name`` is for messages.

    Raises:
        InputError: as ``unpickle``; or shape, type or labels are not those of the format.
    """
    batch = unpickle(content, name)
    key, classes = layout.labels_key, layout.count
    data, labels = batch.get("data"), batch.get(key)
    pixels = int(np.prod(IMAGE_SHAPE))
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (pixels,):
        raise unusable(name, f"its 'data' is not an array of uint8 with {pixels} columns")
    if not isinstance(labels, list) or len(labels) != len(data):
        raise unusable(name, f"its {key!r} are not a list of {len(data)}, one for each image")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise unusable(name, f"its {key!r} are not all integers from 0 to {classes - 1}")
    images = torch.from_numpy(np.array(data).reshape(-1, *IMAGE_SHAPE))
    return LabelledImages(images, torch.tensor(labels, dtype=torch.int64))


def read_set(
    read: Callable[[str], bytes],
    layout: Layout = CIFAR10,
    *,
    title: Callable[[str], str] = str,
    size: int = 32,
    room: Path | None = None,
) -> DecodedSet:
    """The training and test images and the classes' names in the files of a layout.

    read: gives the content of a file. title: what messages call it. size: height and width that
    the images are brought to. room: a folder for them until they are in the cache; None: the
    system's.

    Raises:
        InputError: as ``unpickle``; or the content is not what the format says.
    """

    def batches(names: Sequence[str]) -> Iterator[LabelledImages]:
        for name in names:
            batch = read_batch(read(name), title(name), layout)
            yield from pieces_of_size(batch.images.numpy(), batch.labels, size)

    classes = read_classes(read(layout.meta_file), title(layout.meta_file), layout)
    files: dict[Part, Sequence[str]] = {"train": layout.train_files, "test": layout.test_files}
    return DecodedSet(classes, {part: stored(batches(files[part]), room) for part in files})


def read_classes(
    content: bytes, name: str = CIFAR10.meta_file, layout: Layout = CIFAR10
) -> tuple[str, ...]:
    """The class names in a meta file.

    Raises:
        InputError: as ``unpickle``; or there are not as many different names as classes.
    """
    names = unpickle(content, name).get(layout.names_key)
    if not isinstance(names, list) or len({str(each) for each in names}) != layout.count:
        raise unusable(name, f"its {layout.names_key!r} are not a list of {layout.count} names")
    return tuple(str(each) for each in names)


def write_batch(file: BinaryIO, data: LabelledImages, label: str) -> None:
    """Write images as a batch file; ``label`` says which, as the official files do."""
    rows: npt.NDArray[np.uint8] = data.images.reshape(len(data), -1).numpy()
    batch = {"batch_label": label, "labels": data.labels.tolist(), "data": rows}
    pickle.dump(batch, file, protocol=4)


def write_classes(file: BinaryIO, classes: Sequence[str], images_per_batch: int) -> None:
    """Write the meta file, which names the classes."""
    meta = {
        "label_names": list(classes),
        "num_cases_per_batch": images_per_batch,
        "num_vis": int(np.prod(IMAGE_SHAPE)),
    }
    pickle.dump(meta, file, protocol=4)


def unusable(name: str, reason: str) -> InputError:
    """The error for a file that is not what its name promises."""
    return InputError(
        f"{name} is not a usable CIFAR batch file: {reason}; take it from the official archive."
    )
