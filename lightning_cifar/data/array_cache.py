"""Decoded image sets kept as arrays under the cache folder, with checksums, rebuilt if damaged."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lightning_cifar.data.images import ImageSet, LabelledImages, Part
from lightning_cifar.files import exclusive, write_atomically, write_text_atomically

logger = logging.getLogger(__name__)

PARTS: tuple[Part, ...] = ("train", "test")
MANIFEST = "manifest.json"


class DamagedCacheError(Exception):
    """The kept arrays are absent, incomplete or not what was written."""


@dataclass(frozen=True)
class DecodedSet:
    """Both parts of an image set in memory."""

    classes: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages


@dataclass(frozen=True)
class Manifest:
    """What the arrays in a folder must be: class names, and the SHA-256 of each part."""

    classes: tuple[str, ...]
    checksums: dict[Part, str]


def cached_set(folder: Path, build: Callable[[], DecodedSet]) -> ImageSet:
    """The image set kept in ``folder``; made by ``build`` if it is absent or damaged.

    A part's checksum is verified whenever it is read. Two processes that start together build
    once: the second waits and finds what the first has written.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        manifest = read_manifest(folder)
    except DamagedCacheError:
        manifest = build_into(folder, build, MANIFEST)

    def read(part: Part) -> LabelledImages:
        try:
            return read_part(folder, part, manifest.checksums[part])
        except DamagedCacheError:
            rebuilt = build_into(folder, build, part)
            return read_part(folder, part, rebuilt.checksums[part])

    return ImageSet(manifest.classes, fingerprint_of(manifest), read)


def build_into(folder: Path, build: Callable[[], DecodedSet], needed: Part | str) -> Manifest:
    """Fill ``folder`` under a lock, unless another process has just made ``needed`` readable."""
    with exclusive(folder / "lock"):
        try:
            manifest = read_manifest(folder)
            for part in PARTS:
                if part == needed:
                    read_part(folder, part, manifest.checksums[part])
            return manifest
        except DamagedCacheError as damage:
            if any(folder.glob("*.npy")):
                logger.warning("The decoded images in %s are rebuilt: %s.", folder, damage)
        return write_set(folder, build())


def write_set(folder: Path, decoded: DecodedSet) -> Manifest:
    """Write both parts, and last the manifest that vouches for them."""
    checksums: dict[Part, str] = {}
    for part in PARTS:
        data = decoded.train if part == "train" else decoded.test
        write_array(folder / f"{part}_images.npy", data.images)
        write_array(folder / f"{part}_labels.npy", data.labels)
        checksums[part] = checksum(data)
    content = {"classes": decoded.classes, "sha256": checksums}
    write_text_atomically(folder / MANIFEST, json.dumps(content, indent=2) + "\n")
    return Manifest(decoded.classes, checksums)


def write_array(path: Path, values: Tensor) -> None:
    """Write one array in NumPy's format, whole or not at all."""
    write_atomically(path, lambda file: np.save(file, values.numpy(), allow_pickle=False))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of ``folder``."""
    try:
        content = json.loads((folder / MANIFEST).read_text())
        checksums: dict[Part, str] = {part: str(content["sha256"][part]) for part in PARTS}
        return Manifest(tuple(map(str, content["classes"])), checksums)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedCacheError(f"{MANIFEST} cannot be read ({error})") from error


def read_part(folder: Path, part: Part, expected: str) -> LabelledImages:
    """One part, if its content has the SHA-256 ``expected``."""
    try:
        images, labels = (
            torch.from_numpy(np.load(folder / f"{part}_{name}.npy", allow_pickle=False))
            for name in ("images", "labels")
        )
        data = LabelledImages(images, labels)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise DamagedCacheError(f"the {part} images cannot be read ({error})") from error
    if checksum(data) != expected:
        raise DamagedCacheError(f"the {part} images do not have their checksum")
    return data


def checksum(data: LabelledImages) -> str:
    """The SHA-256 of the labels and pixels themselves."""
    digest = hashlib.sha256(data.labels.numpy().tobytes())
    digest.update(data.images.contiguous().numpy().data)
    return digest.hexdigest()


def fingerprint_of(manifest: Manifest) -> str:
    """A hash of the content of the whole set."""
    content = [manifest.classes, [manifest.checksums[part] for part in PARTS]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
