"""Images and labels as NumPy arrays: one or several ``.npz``, or pairs of ``.npy``."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.lib.npyio import NpzFile

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.array_files import pieces_of_size, stored
from lightning_cifar.data.completion import numbers_to
from lightning_cifar.data.images import PART_NAMES, LabelledImages, Part
from lightning_cifar.data.pictures import Pixels
from lightning_cifar.data.reading import About, Files, Reading, parsing
from lightning_cifar.errors import InputError

PARTS: dict[str, Part] = {**PART_NAMES, "training": "train", "testing": "test"}
KINDS = {
    **dict.fromkeys(("x", "images", "image", "data", "imgs", "img", "pixels"), "images"),
    **dict.fromkeys(("y", "labels", "label", "targets", "target"), "labels"),
    **dict.fromkeys(("classes", "names"), "names"),
}
EXPECTED = (
    "arrays are named x_train and y_train, train_images and train_labels, or images and labels, "
    "and so on for test and val"
)
Key = tuple[Part, str]  # the part, and "images", "labels" or "names"
Arrays = dict[Key, tuple[str, Any]]  # the title of the file that holds each, and the array


def are_arrays(names: Sequence[str]) -> bool:
    """Whether a folder has an ``.npz``, or ``.npy`` files whose names say what they hold."""
    return any(
        name.lower().endswith(".npz") or (name.lower().endswith(".npy") and meaning_of(stem(name)))
        for name in names
    )


def read_arrays(files: Files, place: str, reading: Reading) -> DecodedSet:
    """The images and labels; arrays of Python objects are never loaded.

    Raises:
        InputError: an array is damaged, missing, there twice, or holds something else.
    """
    arrays: Arrays = {}
    for name in (place + end for end in files.folders[place]):
        title = files.title(name)
        for words, load in arrays_in(files, name):
            key = meaning_of(words)
            if key is None:
                continue
            if key in arrays:
                raise InputError(
                    f"{title} and {arrays[key][0]} both hold the {key[0]} {key[1]}; keep one of "
                    "them."
                )
            with parsing(title, "array"):
                arrays[key] = title, load()
    if ("train", "images") not in arrays:
        raise InputError(f"{files.title(place)} has no array of training images; {EXPECTED}.")
    found: tuple[Part, ...] = ("train", "test", "validation")
    parts: dict[Part, LabelledImages] = {}
    sizes: Counter[str] = Counter()
    for part in found:
        if (part, "images") in arrays or (part, "labels") in arrays:
            images, labels = labelled(arrays, part)
            parts[part] = stored(pieces_of_size(images, labels, reading.image_size), files.room)
            sizes[f"{images.shape[3]}x{images.shape[2]}"] += len(images)
    highest = max(int(data.labels.max()) for data in parts.values())
    classes = class_names(arrays) or numbers_to(highest)
    return DecodedSet(classes, parts, About(sizes=dict(sizes)))


def arrays_in(files: Files, name: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What each array of a file is called, and what loads it."""
    if name.lower().endswith(".npy"):
        yield stem(name), lambda: load_array(files, name)
    elif name.lower().endswith(".npz"):
        with parsing(files.title(name), "archive of arrays"):
            packed = NpzFile(io.BytesIO(files.content(name)), allow_pickle=False)
        for key in packed:
            yield f"{stem(name)}_{key}", partial(packed.__getitem__, key)


def load_array(files: Files, name: str) -> Any:
    """The array of an ``.npy``; of images in a folder, one that stays in its file."""
    path, key = files.path(name), meaning_of(stem(name))
    if path is not None and key is not None and key[1] == "images":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    return np.load(io.BytesIO(files.content(name)), allow_pickle=False)


def stem(name: str) -> str:
    """A file's name without its folder and its ending."""
    return name.rpartition("/")[2].rpartition(".")[0]


def meaning_of(name: str) -> Key | None:
    """What an array of this name holds; of two words for a part or a kind the last counts."""
    part: Part = "train"
    kind = None
    for word in re.split(r"[^a-z]+", name.lower()):
        part = PARTS.get(word, part)
        kind = KINDS.get(word, kind)
    return None if kind is None else (part, kind)


def labelled(arrays: Arrays, part: Part) -> tuple[Pixels, torch.Tensor]:
    """The images (n, channels, height, width) of a part and their labels (n,).

    Raises:
        InputError: the two do not fit together, or are no images and labels.
    """
    for kind, other in (("images", "labels"), ("labels", "images")):
        if (part, kind) not in arrays:
            raise InputError(
                f"{arrays[part, other][0]} holds {part} {other}, but there are no {part} {kind}; "
                f"{EXPECTED}."
            )
    images = image_array(*arrays[part, "images"])
    title, array = arrays[part, "labels"]
    labels = np.asarray(array)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(
            f"{title} holds {part} labels of type {labels.dtype} and shape {labels.shape}; they "
            "must be whole numbers, one for each image."
        )
    if len(labels) != len(images):
        raise InputError(f"{title} holds {len(labels)} {part} labels for {len(images)} images.")
    return images, torch.from_numpy(labels.astype(np.int64))


def image_array(title: str, array: Any) -> Pixels:
    """Images (n, channels, height, width) of an array in any usual order of dimensions; a view.

    Raises:
        InputError: it has another type or shape.
    """
    values = np.asarray(array)
    shape = values.shape
    if values.dtype != np.uint8:
        raise InputError(
            f"{title} holds images of type {values.dtype}; they must be uint8, grey levels from 0 "
            "to 255."
        )
    if values.ndim == 2 and shape[1] == 3 * 32 * 32:
        values = values.reshape(-1, 3, 32, 32)
    elif values.ndim == 3:
        values = values[:, None]
    elif values.ndim == 4 and shape[3] in (1, 3, 4):
        values = values.transpose(0, 3, 1, 2)
    if values.ndim != 4 or values.shape[1] not in (1, 3, 4) or 0 in shape:
        raise InputError(
            f"{title} holds images of shape {shape}; it must be (n, height, width), (n, height, "
            "width, 3), (n, 3, height, width) or (n, 3072)."
        )
    return values


def class_names(arrays: Arrays) -> tuple[str, ...]:
    """The names that an array gives; none if there is no array of names."""
    names = np.asarray(arrays.get(("train", "names"), ("", []))[1])
    if names.ndim != 1 or names.dtype.kind not in "US":
        return ()
    return tuple(
        each.decode(errors="replace") if isinstance(each, bytes) else each
        for each in names.tolist()
    )
