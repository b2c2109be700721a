"""Pictures in a folder for each class: ``train/<class>/*`` and so on, or the class folders alone.

Without folders of parts every folder is a class, and all images are training images at first.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.containers import Entry, shown
from lightning_cifar.data.images import PART_NAMES, Part
from lightning_cifar.data.picture_files import decoded_set, read_files
from lightning_cifar.data.reading import Files, Reading
from lightning_cifar.errors import InputError

LAYOUT = "train/<class>/* and test/<class>/* with images of two or more classes, or CIFAR's files"
EXTENSIONS = (*(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"),)

Pieces = tuple[str, ...]
ClassFiles = dict[str, list[str]]


def folder_places(files: Files) -> list[str]:
    """The top, if something looks like class folders, with folders of parts or without."""
    return [""] if part_places(files.entries) or class_folders_alone(files.entries) else []


def read_folders(files: Files, place: str, reading: Reading) -> DecodedSet:
    """The pictures of each class in the order of their names; classes in alphabetical order.

    Raises:
        InputError: as ``class_files_by_part``; or a picture cannot be decoded and may not be
            skipped.
    """
    parts = class_files_by_part(files.entries, files.source)
    classes = tuple(sorted(parts["train"]))
    given = {}
    for part, found in parts.items():
        names = [name for each in classes for name in sorted(found[each])]
        labels = [label for label, each in enumerate(classes) for _ in found[each]]
        given[part] = read_files(names, files, reading), labels
    return decoded_set(classes, given, files, reading)


def class_files_by_part(entries: Sequence[Entry], source: Path) -> dict[Part, ClassFiles]:
    """Sort what is in ``source`` into parts and classes.

    What lies outside the folders of the parts is ignored; those may lie within a folder at the top.

    Raises:
        InputError: the parts lie in several places; a part or a class is missing, empty or extra;
            a file is no image.
    """
    places = part_places(entries)
    flat = [] if places else class_folders_alone(entries)
    top = flat[0] if flat else top_folder(places, source)
    paths = [entry.path[len(top) :] for entry in entries if entry.path[: len(top)] == top]
    if not flat:
        folders = part_folders(paths, source)
        files = {part: class_files(paths, folder, top, source) for part, folder in folders.items()}
    else:
        folders = {"train": "/".join(top) or "the top"}
        files = {"train": class_files(paths, None, top, source)}
    check_classes(files, folders, source)
    return files


def part_of(piece: str) -> Part | None:
    """The part that a folder of this name holds, if it is one of theirs."""
    return PART_NAMES.get(piece.lower())


def part_places(entries: Sequence[Entry]) -> dict[Pieces, set[str]]:
    """Where folders named as parts hold folders: at the top, (), or in a folder there → names."""
    places: dict[Pieces, set[str]] = {}
    for entry in entries:
        path = entry.path
        depth = 0 if part_of(path[0]) else 1
        if len(path) > depth + 2 and part_of(path[depth]):
            places.setdefault(path[:depth], set()).add(path[depth])
    return places


def class_folders_alone(entries: Sequence[Entry]) -> list[Pieces]:
    """Where two or more class folders lie, none of a part: the top, or a folder there; or nowhere.

    So the list has one element or none.
    """
    images = [entry.path for entry in entries if entry.path[-1].lower().endswith(EXTENSIONS)]
    for depth in (0, 1):
        tops = {path[:depth] for path in images if len(path) == depth + 2}
        classes = {path[depth] for path in images if len(path) == depth + 2}
        if len(tops) == 1 and len(classes) > 1 and not any(map(part_of, classes)):
            return list(tops)
    return []


def top_folder(places: Mapping[Pieces, set[str]], source: Path) -> Pieces:
    """The one of the ``part_places`` that is meant; without any the top.

    Raises:
        InputError: there are several, and what belongs together would be a guess.
    """
    if () in places and {"train", "test"} <= {part_of(piece) for piece in places[()]}:
        return ()
    if len(places) > 1:
        found = ", ".join(
            f"{'/'.join(place) or 'the top'} ({' and '.join(sorted(parts, reverse=True))})"
            for place, parts in sorted(places.items())
        )
        unpacked = "unpack it and " if source.is_file() else ""
        raise InputError(
            f"{shown(source)} has images in several places, which are not put together: "
            f"{shown(found)}; {unpacked}choose one that has train and test with --data.path."
        )
    return next(iter(places), ())


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
    for path in paths:
        below = path if folder is None else path[1:]  # the class folder and what is in it
        if len(below) < 2 or folder not in (None, path[0]):
            continue
        files = found.setdefault(below[0], [])
        if not below[-1]:  # the name of a folder ends in /, so its last piece is empty
            continue
        name = "/".join((*top, *path))
        if len(below) != 2 or not below[-1].lower().endswith(EXTENSIONS):
            raise InputError(
                f"{shown(name)} in {shown(source)} is out of place: class folders hold only images "
                f"that end in {', '.join(EXTENSIONS)}; move it away."
            )
        other = seen.setdefault(f"{below[0]}/{below[1].lower()}", name)
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
