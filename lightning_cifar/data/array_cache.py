"""Decoded image sets kept as arrays under the cache folder, with checksums, rebuilt if damaged.

The images of a part are not loaded: they are gone through once for the checksum, and read from the
file where they are asked for.
"""

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lightning_cifar.data.array_files import mapped, write_images
from lightning_cifar.data.images import Hashes, ImageSet, LabelledImages, Part, image_hashes
from lightning_cifar.data.reading import UNKNOWN, About
from lightning_cifar.files import exclusive, write_atomically, write_text_atomically

logger = logging.getLogger(__name__)

PARTS: tuple[Part, ...] = ("train", "test", "validation")  # the last is not in every set
MANIFEST = "manifest.json"
HASHES = "hashes.npz"


class DamagedCacheError(Exception):
    """The kept arrays are absent, incomplete or not what was written."""


@dataclass(frozen=True)
class DecodedSet:
    """The parts of an image set, in memory or in files without names.

    Before it is completed the test images may be missing.
    """

    classes: tuple[str, ...]
    parts: Mapping[Part, LabelledImages]
    about: About = UNKNOWN


@dataclass(frozen=True)
class Manifest:
    """What the arrays in a folder must be: class names, and the SHA-256 of each part there is.

    Manifests of earlier versions say nothing about where the images were found.
    """

    classes: tuple[str, ...]
    checksums: dict[Part, str]
    about: About = UNKNOWN


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
        manifest = build_into(folder, build)
    # No function within this one: a set can be pickled, and a data module with it.
    read = partial(read_or_rebuild, folder, build, manifest.checksums)
    hashes = kept_hashes(folder, manifest.checksums, read)
    parts = tuple(manifest.checksums)
    return ImageSet(manifest.classes, fingerprint_of(manifest), read, parts, hashes, manifest.about)


def read_or_rebuild(
    folder: Path, build: Callable[[], DecodedSet], checksums: Mapping[Part, str], part: Part
) -> LabelledImages:
    """A part of the set in ``folder``; made anew if it is damaged."""
    try:
        return read_part(folder, part, checksums[part])
    except DamagedCacheError:
        rebuilt = build_into(folder, build, part)
        return read_part(folder, part, rebuilt.checksums[part])


def build_into(
    folder: Path, build: Callable[[], DecodedSet], needed: Part | None = None
) -> Manifest:
    """Fill ``folder`` under a lock, unless another process has just made it readable.

    needed: the part that was not; None: the manifest.
    """
    with exclusive(folder / "lock"):
        try:
            manifest = read_manifest(folder)
            if needed is not None:
                read_part(folder, needed, manifest.checksums[needed])
            return manifest
        except DamagedCacheError as damage:
            if any(folder.glob("*.npy")):
                logger.warning("The decoded images in %s are rebuilt: %s.", folder, damage)
        return write_set(folder, build())


def write_set(folder: Path, decoded: DecodedSet) -> Manifest:
    """Write the parts, and last the manifest that vouches for them."""
    checksums: dict[Part, str] = {}
    for part in (part for part in PARTS if part in decoded.parts):
        write_part(folder, part, decoded.parts[part])
        checksums[part] = checksum(decoded.parts[part])
    content = {"classes": decoded.classes, "sha256": checksums, "about": asdict(decoded.about)}
    write_text_atomically(folder / MANIFEST, json.dumps(content, indent=2) + "\n")
    return Manifest(decoded.classes, checksums, decoded.about)


def write_part(folder: Path, part: Part, data: LabelledImages) -> None:
    """Write images and labels in NumPy's format, each file whole or not at all."""
    write_atomically(folder / f"{part}_images.npy", lambda file: write_images(file, data))
    labels = data.labels.numpy()
    write_atomically(
        folder / f"{part}_labels.npy", lambda file: np.save(file, labels, allow_pickle=False)
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of ``folder``."""
    try:
        content = json.loads((folder / MANIFEST).read_text())
        found = content["sha256"]
        checksums: dict[Part, str] = {
            part: str(found[part]) for part in PARTS if part != "validation" or part in found
        }
        about: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in content.get("about", {}).items()
        }
        return Manifest(tuple(map(str, content["classes"])), checksums, About(**about))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCacheError(f"{MANIFEST} cannot be read ({error})") from error


def read_part(folder: Path, part: Part, expected: str) -> LabelledImages:
    """One part, if its content has the SHA-256 ``expected``; its images stay in the file."""
    try:
        labels = torch.from_numpy(np.load(folder / f"{part}_labels.npy", allow_pickle=False))
        data = LabelledImages.in_file(mapped(folder / f"{part}_images.npy"), labels)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise DamagedCacheError(f"the {part} images cannot be read ({error})") from error
    if checksum(data) != expected:
        raise DamagedCacheError(f"the {part} images do not have their checksum")
    return data


def kept_hashes(
    folder: Path, checksums: Mapping[Part, str], read: Callable[[Part], LabelledImages]
) -> dict[Part, Hashes]:
    """The hash of each image, kept beside the arrays so that nobody reads a part to know it.

    Each part's are kept under the part's checksum, so those of other images are never taken for
    them. They are made where they are absent, as in the folders of earlier versions, or damaged.
    """
    try:
        with (folder / HASHES).open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return {part: kept[checksum] for part, checksum in checksums.items()}
    except Exception:  # damaged zips fail in every possible way
        hashes = {part: image_hashes(read(part)) for part in checksums}
    named: dict[str, Any] = {checksum: hashes[part] for part, checksum in checksums.items()}
    with contextlib.suppress(OSError):  # a folder that can only be read serves as well
        write_atomically(folder / HASHES, lambda file: np.savez(file, **named))
    return hashes


def checksum(data: LabelledImages) -> str:
    """The SHA-256 of the labels and pixels themselves."""
    digest = hashlib.sha256(data.labels.numpy().tobytes())
    for piece in data.pieces():
        digest.update(piece.contiguous().numpy().data)
    return digest.hexdigest()


def fingerprint_of(manifest: Manifest) -> str:
    """A hash of the content of the whole set."""
    content = [manifest.classes, list(manifest.checksums.values())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
