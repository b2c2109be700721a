"""The files of a folder, zip or tar under one kind of name, without what systems leave in them."""

import errno
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_cifar.data.tars import A_LINK, NO_FILE, Packed, ReadPacked, is_tar, opened_tar
from lightning_cifar.errors import InputError

# Of Windows, macOS and the makers of network storage; compared without regard to case.
LEFT_BY_SYSTEMS = {
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin"),
    *("system volume information", "__macosx", "icon\r", "network trash folder"),
    *("temporary items", "@eadir", "@tmp", "@recycle", "#recycle", "#snapshot", "lost+found"),
}
LEFT_ENDINGS = (":zone.identifier", ":encryptable", "@synoeastream", "@synoresource")
# What would break a line of a message, turns its direction, or cannot be written as UTF-8.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
IN_A_CIRCLE = "is a link that leads in a circle"

Read = Callable[[str, int], bytes]
Identity = tuple[int, int]  # device and number of a folder, the same by whatever path it is reached


@dataclass(frozen=True)
class Entry:
    """A file or folder within a folder, zip or tar.

    Attributes:
        name: its path there, with / between the pieces, and at the end if it is a folder.
        problem: why it cannot be read, to follow its name in a sentence; empty if it can.
        size: in bytes, of a file in a folder.
        changed: time of its last change in nanoseconds, of a file in a folder.
    """

    name: str
    problem: str = ""
    size: int = 0
    changed: int = 0

    @property
    def path(self) -> tuple[str, ...]:
        """The pieces of the name; the last is empty for a folder."""
        return tuple(self.name.split("/"))

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")


def is_left_by_system(piece: str) -> bool:
    """Whether a file or folder of this name was put there by a system, or is hidden."""
    name = piece.lower()
    return name.startswith(".") or name in LEFT_BY_SYSTEMS or name.endswith(LEFT_ENDINGS)


def shown(name: object) -> str:
    """A name or path as it can stand in one line of a message."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(name))


def absence(path: Path) -> str:
    """Why nothing is to be read at ``path``, to follow its name; empty if something is there."""
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return IN_A_CIRCLE
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            return f"cannot be read ({error.strerror})"
        if path.is_symlink():
            return f"is a link that points nowhere (to {shown(os.readlink(path))})"
        return "does not exist"
    return ""


def walk(folder: Path, prefix: str = "", above: tuple[Identity, ...] = ()) -> Iterator[Entry]:
    """Everything below ``folder``, also behind links; not a second time what a link leads back to.

    prefix, above: name of ``folder`` below the first one, and the folders on the way to it.
    """
    try:
        with os.scandir(folder) as found:  # pathlib would take seconds for 60,000 files
            entries = [entry for entry in found if not is_left_by_system(entry.name)]
        status = os.stat(folder)
    except OSError as error:
        yield Entry(prefix, f"cannot be searched ({error.strerror})")
        return
    above = (*above, (status.st_dev, status.st_ino))
    for entry in entries:
        name = prefix + entry.name
        try:
            status = entry.stat()
        except OSError:
            yield Entry(name, absence(folder / entry.name))
            continue
        if not stat.S_ISDIR(status.st_mode):
            problem = "" if stat.S_ISREG(status.st_mode) else NO_FILE
            yield Entry(name, problem, status.st_size, status.st_mtime_ns)
        elif (status.st_dev, status.st_ino) in above:
            yield Entry(f"{name}/", IN_A_CIRCLE)
        else:
            yield Entry(f"{name}/")
            yield from walk(folder / entry.name, f"{name}/", above)


def check_readable(entries: Sequence[Entry], source: Path) -> None:
    """Refuse a source in which anything cannot be read, such as a link that points nowhere."""
    for entry in entries:
        if entry.problem:
            name = shown(f"{source}/{entry.name}".rstrip("/"))
            advice = "pack the zip without it" if source.is_file() else "mend or remove it"
            raise InputError(f"{name} {entry.problem}; {advice}.")


@contextmanager
def opened(source: Path) -> Iterator[tuple[list[Entry], Read]]:
    """Everything in a folder, zip or tar, and how to read a file: by its name, so many bytes.

    Raises:
        InputError: ``source`` is a file but neither a whole zip nor a whole tar.
    """
    if source.is_dir():
        yield list(walk(source)), lambda name, most: read_start(source / name, most)
        return
    with opened_tar(source) if is_tar(source) else opened_zip(source) as (members, read_member):
        entries, files = packed_entries(members)
        yield entries, lambda name, most: read_member(files[name], most)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or a tar."""
    return zipfile.is_zipfile(path) or is_tar(path)


@contextmanager
def opened_zip(source: Path) -> Iterator[tuple[list[Packed], ReadPacked]]:
    """The members of a zip, and how to read one.

    Raises:
        InputError: it is no whole zip.
    """
    try:
        archive = zipfile.ZipFile(source)
    except OSError as error:
        raise InputError(f"{shown(source)} cannot be read ({error.strerror or error}).") from error
    # What else a damaged directory of a zip raises is not documented.
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError(
            f"{shown(source)} is not a zip, or a truncated one ({error}); give a folder or a whole "
            "zip."
        ) from error

    def read(info: Any, most: int) -> bytes:
        with archive.open(info) as file:
            return file.read(most)

    members = []
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        problem = A_LINK if stat.S_ISLNK(info.external_attr >> 16) else ""
        members.append(Packed(name, name.endswith(("/", "/.")), problem, info))
    with archive:
        yield members, read


def read_start(path: Path, most: int) -> bytes:
    """The content of a file, or its first ``most`` bytes if it has more."""
    with path.open("rb") as file:
        # Python sets aside what it is asked for before it reads.
        return file.read(min(most, os.fstat(file.fileno()).st_size + 1))


def packed_entries(members: Sequence[Packed]) -> tuple[list[Entry], dict[str, Any]]:
    r"""Everything in a zip or tar, and how its files are called there, by name.

    Whether a program has packed ``a\b``, ``./a/b`` or ``/a/b``, the name is ``a/b``. A name that
    leads out of the archive, or that two files have, is a problem, and so is a link.
    """
    entries: dict[str, Entry] = {}
    files: dict[str, Any] = {}
    for member in members:
        pieces = [piece for piece in member.name.split("/") if piece not in ("", ".")]
        if not pieces or any(piece != ".." and is_left_by_system(piece) for piece in pieces):
            continue
        name = "/".join(pieces) + ("/" if member.is_folder else "")
        problem = "is there twice" if name in files else member.problem
        if ".." in pieces:
            problem = "leads out of the archive"
        entries[name] = Entry(name, problem)
        if not member.is_folder:
            files[name] = member.handle
    return list(entries.values()), files
