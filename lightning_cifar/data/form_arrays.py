"""Images and labels as NumPy arrays: one or several ``.npz``, or pairs of ``.npy``."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lightning_cifar.data.array_files import stored
from lightning_cifar.data.images import LabelledImages, Part, images_in_a_piece
from lightning_cifar.data.pictures import Pixels, fitted, in_colour
from lightning_cifar.data.raw_set import RawSet
from lightning_cifar.data.reading import Files, Reading, read_as
from lightning_cifar.errors import InputError

PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}
IMAGES = {"x", "images", "image", "data", "imgs", "img", "pixels"}
LABELS = {"y", "labels", "label", "targets", "target"}
NAMES = {"classes", "names"}
EXPECTED = (
    "arrays are named x_train and y_train, train_images and train_labels, or images and labels, "
    "and so on for test and val"
)
Key = tuple[Part, str]  # the part, and "images", "labels" or "names"


def array_places(files: Files) -> list[str]:
    """The folders with an ``.npz``, or with ``.npy`` files whose names say what they hold."""
    found = {
        name.rpartition("/")[0]
        for name in files.names
        if name.lower().endswith(".npz")
        or (name.lower().endswith(".npy") and meaning_of(stem(name)) is not None)
    }
    return sorted(place and f"{place}/" for place in found)


def read_arrays(files: Files, place: str, reading: Reading) -> RawSet:
    """The images and labels; arrays of Python objects are never loaded.

    Raises:
        InputError: an array is damaged, missing, there twice, or holds something else.
    """
    arrays: dict[Key, Any] = {}
    origin: dict[Key, str] = {}
    for name in files.names:
        if name.rpartition("/")[0] != place.rstrip("/"):
            continue
        for words, load in arrays_in(files, name):
            key = meaning_of(words)
            if key is None:
                continue
            if key in arrays:
                raise InputError(
                    f"{files.title(name)} and {files.title(origin[key])} both hold the {key[0]} "
                    f"{key[1]}; keep one of them."
                )
            origin[key] = name
            arrays[key] = load()
    if ("train", "images") not in arrays:
        raise InputError(f"{files.title(place)} has no array of training images; {EXPECTED}.")
    found: tuple[Part, ...] = ("train", "test", "validation")
    parts = {
        part: labelled(arrays, part, files, origin, reading)
        for part in found
        if (part, "images") in arrays or (part, "labels") in arrays
    }
    sizes: Counter[str] = Counter()
    for part, data in parts.items():
        sizes[extent_of(arrays[part, "images"])] += len(data)
    return RawSet(class_names(arrays, parts), parts, sizes=dict(sizes))


def arrays_in(files: Files, name: str) -> list[tuple[str, Any]]:
    """What each array of a file is called, and how it is loaded."""
    title = files.title(name)
    if name.lower().endswith(".npy"):
        return [(stem(name), lambda: load_array(files, name))]
    if not name.lower().endswith(".npz"):
        return []
    content = files.content(name)
    packed: Any = read_as(title, "archive of arrays", content, open_npz)
    return [
        (f"{stem(name)}_{key}", lambda key=key: read_as(title, "array", content, packed_array(key)))
        for key in packed
    ]


def open_npz(content: bytes) -> list[str]:
    """The names of the arrays in an ``.npz``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def packed_array(key: str) -> Any:
    """What loads one array of an ``.npz``."""

    def load(content: bytes) -> Any:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return archive[key]

    return load


def load_array(files: Files, name: str) -> Any:
    """The array of an ``.npy``; of images in a folder, one that stays in its file."""
    title, path, key = files.title(name), files.path(name), meaning_of(stem(name))
    if path is not None and key is not None and key[1] == "images":
        return read_as(
            title, "array", b"", lambda _: np.load(path, mmap_mode="r", allow_pickle=False)
        )
    return read_as(
        title,
        "array",
        files.content(name),
        lambda data: np.load(io.BytesIO(data), allow_pickle=False),
    )


def stem(name: str) -> str:
    """A file's name without its folder and its ending."""
    return name.rpartition("/")[2].rpartition(".")[0]


def meaning_of(name: str) -> Key | None:
    """What an array of this name holds; of two words for a part or a kind the last counts."""
    words = re.split(r"[^a-z]+", name.lower())
    part: Part = "train"
    kind = None
    for word in words:
        part = PARTS.get(word, part)
        for meaning, known in (("images", IMAGES), ("labels", LABELS), ("names", NAMES)):
            if word in known:
                kind = meaning
    return None if kind is None else (part, kind)


def labelled(
    arrays: dict[Key, Any], part: Part, files: Files, origin: dict[Key, str], reading: Reading
) -> LabelledImages:
    """The images of a part with their labels.

    Raises:
        InputError: the two do not fit together, or are no images and labels.
    """
    for kind, other in (("images", "labels"), ("labels", "images")):
        if (part, kind) not in arrays:
            raise InputError(
                f"{files.title(origin[part, other])} holds {part} {other}, but there are no {part} "
                f"{kind}; {EXPECTED}."
            )
    title = files.title(origin[part, "images"])
    images = image_array(arrays[part, "images"], title)
    labels = np.asarray(arrays[part, "labels"])
    title = files.title(origin[part, "labels"])
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(
            f"{title} holds {part} labels of type {labels.dtype} and shape {labels.shape}; they "
            "must be whole numbers, one for each image."
        )
    if len(labels) != len(images):
        raise InputError(f"{title} holds {len(labels)} {part} labels for {len(images)} images.")
    numbers = torch.from_numpy(labels.astype(np.int64))
    return stored(pieces(images, numbers, reading.image_size), files.room)


def image_array(array: Any, title: str) -> Pixels:
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


def pieces(values: Pixels, labels: Tensor, size: int) -> Iterator[LabelledImages]:
    """The images of an array in ``size`` x ``size`` pixels, some at a time."""
    step = images_in_a_piece(values.shape)
    for start in range(0, len(values), step):
        piece = values[start : start + step]
        fits = piece.shape[1:] == (3, size, size)
        # A copy, because the array may be one that must not be written to.
        images = np.array(piece) if fits else np.stack([fitted_array(each, size) for each in piece])
        yield LabelledImages(torch.from_numpy(images), labels[start : start + step])


def extent_of(array: Any) -> str:
    """Width and height of the images in an array that ``image_array`` takes, as "32x32"."""
    shape = np.shape(array)
    if len(shape) == 2:
        return "32x32"
    height, width = shape[1:3] if len(shape) == 3 or shape[3] in (1, 3, 4) else shape[2:4]
    return f"{width}x{height}"


def fitted_array(image: Pixels, size: int) -> Pixels:
    """One image (channels, height, width) as ``pictures`` treats it."""
    last = np.ascontiguousarray(image.transpose(1, 2, 0))
    picture = Image.fromarray(last[..., 0] if last.shape[2] == 1 else last)
    return np.ascontiguousarray(fitted(in_colour(picture), size).transpose(2, 0, 1))


def class_names(arrays: dict[Key, Any], parts: dict[Part, LabelledImages]) -> tuple[str, ...]:
    """The names that an array gives; else the numbers up to the highest label."""
    names = np.asarray(arrays.get(("train", "names"), []))
    if names.ndim == 1 and len(names) and names.dtype.kind in "US":
        return tuple(
            each.decode(errors="replace") if isinstance(each, bytes) else str(each)
            for each in names.tolist()
        )
    highest = max(int(data.labels.max()) for data in parts.values() if len(data))
    return tuple(map(str, range(min(highest, 1_000_000) + 1)))
