"""Images laid out ``train/<class>/*``, perhaps with ``test`` and ``valid``, or ``<class>/*``.

Without folders of parts every folder is a class, and all images are training images at first.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_cifar.data.containers import Entry, absence, shown, walk
from lightning_cifar.data.images import Part
from lightning_cifar.errors import InputError
from lightning_cifar.files import sha256_of

LAYOUT = "train/<class>/* and test/<class>/* with images of two or more classes, or CIFAR's files"
EXTENSIONS = (*(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"),)
# Which part the images in a folder of this name are, in whatever case it is written.
PART_FOLDERS: dict[str, Part] = {
    "train": "train",
    "test": "test",
    "valid": "validation",
    "val": "validation",
    "validation": "validation",
}

Pieces = tuple[str, ...]
ClassFiles = dict[str, list[str]]


@dataclass(frozen=True)
class ImageListing:
    """The classes in alphabetical order, and in each part the files of each class, in order."""

    classes: tuple[str, ...]
    files: dict[Part, list[list[str]]]


def content_key(source: Path) -> str:
    """A hash that changes when the images do, found without decoding any.

    Of a file all bytes; of a folder the names, sizes and times of change of its files.

    Raises:
        InputError: there is nothing at ``source``, or it cannot be read.
    """
    problem = absence(source)
    if not problem and not source.is_dir() and not source.is_file():
        problem = "is neither a file nor a folder"
    if problem:
        raise InputError(f"{shown(source)} {problem}; give a folder, zip or tar with {LAYOUT}.")
    if source.is_dir():
        entries = sorted((entry.name, entry.size, entry.changed) for entry in walk(source))
        return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
    try:
        return sha256_of(source)
    except OSError as error:
        raise InputError(f"{shown(source)} cannot be read ({error.strerror}).") from error


def list_images(entries: Sequence[Entry], source: Path) -> ImageListing:
    """Sort what is in ``source`` into parts and classes.

    What lies outside the folders of the parts is ignored; those may lie within a folder at the top.

    Raises:
        InputError: the parts lie in several places; a part or a class is missing, empty or extra;
            a file is no image, or it or a link cannot be read.
    """
    check_readable(entries, source)
    flat = class_folders_alone(entries)
    top = top_folder(entries, source) if flat is None else flat
    paths = [entry.path[len(top) :] for entry in entries if entry.path[: len(top)] == top]
    if flat is None:
        folders = part_folders(paths, source)
        files = {part: class_files(paths, folder, top, source) for part, folder in folders.items()}
    else:
        folders = {"train": "/".join(top) or "the top"}
        files = {"train": class_files(paths, None, top, source)}
    check_classes(files, folders, source)
    classes = tuple(sorted(files["train"]))
    return ImageListing(
        classes, {part: [sorted(found[name]) for name in classes] for part, found in files.items()}
    )


def check_readable(entries: Sequence[Entry], source: Path) -> None:
    """Refuse a source in which anything cannot be read, such as a link that points nowhere."""
    for entry in entries:
        if entry.problem:
            name = shown(f"{source}/{entry.name}".rstrip("/"))
            advice = "pack the zip without it" if source.is_file() else "mend or remove it"
            raise InputError(f"{name} {entry.problem}; {advice}.")


def part_of(piece: str) -> Part | None:
    """The part that a folder of this name holds, if it is one of theirs."""
    return PART_FOLDERS.get(piece.lower())


def holds_classes(entries: Sequence[Entry]) -> bool:
    """Whether something here looks like class folders, with folders of parts or without."""
    return has_parts(entries) or class_folders_alone(entries) is not None


def has_parts(entries: Sequence[Entry]) -> bool:
    """Whether a folder named as a part holds folders with something in them."""
    return any(
        len(entry.path) > depth + 2 and part_of(entry.path[depth])
        for entry in entries
        for depth in (0, 1)
        if depth < len(entry.path)
    )


def class_folders_alone(entries: Sequence[Entry]) -> Pieces | None:
    """Where two or more class folders lie without folders of parts: at the top or one below."""
    if has_parts(entries):
        return None
    images = [entry.path for entry in entries if entry.path[-1].lower().endswith(EXTENSIONS)]
    for depth in (0, 1):
        tops = {path[:depth] for path in images if len(path) == depth + 2}
        classes = {path[depth] for path in images if len(path) == depth + 2}
        if len(tops) == 1 and len(classes) > 1 and not any(map(part_of, classes)):
            return tops.pop()
    return None


def top_folder(entries: Sequence[Entry], source: Path) -> Pieces:
    """Where the parts lie: in a folder at the top, or () for the top itself.

    Raises:
        InputError: in several places, and what belongs together would be a guess.
    """
    places: dict[Pieces, set[str]] = {}
    for entry in entries:
        path = entry.path
        depth = 0 if part_of(path[0]) else 1
        if len(path) > depth + 2 and part_of(path[depth]):
            places.setdefault(path[:depth], set()).add(path[depth])
    if () in places and {"train", "test"} <= {part_of(piece) for piece in places[()]}:
        return ()
    if len(places) > 1:
        raise scattered(places, source)
    return next(iter(places), ())


def scattered(places: Mapping[Pieces, set[str]], source: Path) -> InputError:
    """The error for parts in several places, by name."""
    found = ", ".join(
        f"{'/'.join(place) or 'the top'} ({' and '.join(sorted(parts, reverse=True))})"
        for place, parts in sorted(places.items())
    )
    unpacked = "unpack it and " if source.is_file() else ""
    return InputError(
        f"{shown(source)} has images in several places, which are not put together: "
        f"{shown(found)}; {unpacked}choose one that has train and test with --data.path."
    )


def part_folders(paths: Sequence[Pieces], source: Path) -> dict[Part, str]:
    """The folder of each part: training and test, and validation if there is one."""
    found: dict[Part, set[str]] = {"train": set()}
    for path in paths:
        if len(path) > 1 and (part := part_of(path[0])):
            found.setdefault(part, set()).add(path[0])
    for part, names in found.items():
        if len(names) > 1:
            raise InputError(
                f"{shown(source)} has the folders {' and '.join(sorted(names))}, and only one can "
                f"hold the {part} images; rename or remove the others."
            )
    return {part: next(iter(names), part) for part, names in found.items()}


def class_files(
    paths: Sequence[Pieces], folder: str | None, top: Pieces, source: Path
) -> ClassFiles:
    """The files of each class folder of a part; the list of an empty folder is empty.

    folder: of the part; None where the class folders lie at the top.
    """
    found: ClassFiles = {}
    seen: dict[str, str] = {}
    depth = 0 if folder is None else 1
    for path in paths:
        if len(path) > depth + 1 and (folder is None or path[0] == folder):
            files = found.setdefault(path[depth], [])
            if path[-1]:  # the name of a folder ends in /, so its last piece is empty
                name = "/".join((*top, *path))
                check_is_image(path[depth:], name, source)
                other = seen.setdefault(f"{path[depth]}/{path[-1].lower()}", name)
                if other != name:
                    raise InputError(
                        f"{shown(name)} and {shown(other)} in {shown(source)} differ in case "
                        "alone, and many systems take them for one file; rename or remove one."
                    )
                files.append(name)
    if not found:
        raise InputError(
            f"{shown(source)} has no folder {folder} with class folders; it needs {LAYOUT}, and "
            "may have a folder valid like them."
        )
    return found


def check_is_image(path: Pieces, name: str, source: Path) -> None:
    """Refuse a file that does not lie directly in its class folder or has another extension."""
    if len(path) != 2 or not path[-1].lower().endswith(EXTENSIONS):
        raise InputError(
            f"{shown(name)} in {shown(source)} is out of place: class folders hold only images "
            f"that end in {', '.join(EXTENSIONS)}; move it away."
        )


def check_classes(
    files: Mapping[Part, ClassFiles], folders: Mapping[Part, str], source: Path
) -> None:
    """Refuse parts that do not have the same classes, two or more, each with images."""
    for part, found in files.items():
        if empty := sorted(name for name in found if not found[name]):
            place = shown(f"{folders[part]}/{empty[0]}")
            raise InputError(f"{shown(source)} has no images in {place}; add some.")
    train = files["train"]
    for part, found in files.items():
        if missing := sorted(set(train) - set(found)):
            raise unmatched(folders["train"], folders[part], missing[0], "add it", source)
        if extra := sorted(set(found) - set(train)):
            raise unmatched(folders[part], folders["train"], extra[0], "add or remove it", source)
    if len(train) < 2:
        raise InputError(
            f"{shown(source)} has {len(train)} class folder ({shown(', '.join(sorted(train)))}); "
            "a classifier needs two or more."
        )


def unmatched(here: str, there: str, name: str, advice: str, source: Path) -> InputError:
    """The error for a class that the part ``here`` has and the part ``there`` has not."""
    present, absent = shown(f"{here}/{name}"), shown(f"{there}/{name}")
    return InputError(f"{shown(source)} has {present} but no {absent}; {advice}.")
