"""Tar archives, packed by gzip, bzip2, xz or not at all, whose files are read in any order."""

import bz2
import gzip
import lzma
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lightning_cifar.errors import InputError
from lightning_cifar.files import CHUNK_BYTES

BLOCK = tarfile.BLOCKSIZE
MOST_BYTES = 1 << 36  # of an unpacked archive: a small file may hold a huge one
# How files begin that are packed by each.
PACKERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
A_LINK, NO_FILE = "is a link without what it leads to", "is neither a file nor a folder"
USTAR = slice(257, 262)  # of the first block: where a tar says what it is


@dataclass(frozen=True)
class Packed:
    """A file or folder in a zip or tar: its name, why it cannot be read, and how it is found."""

    name: str
    is_folder: bool
    problem: str
    handle: Any


ReadPacked = Callable[[Any, int], bytes]


def start_of(path: Path) -> bytes:
    """The first block of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(BLOCK)
    except OSError:
        return b""


def packer_of(start: bytes) -> Callable[[Path], Any] | None:
    """What opens a file that begins so; None if it is not packed."""
    return next((opens for mark, opens in PACKERS.items() if start.startswith(mark)), None)


def is_tar(path: Path) -> bool:
    """Whether a file is a tar or packed, as far as its first bytes tell."""
    start = start_of(path)
    return packer_of(start) is not None or start[USTAR] == b"ustar"


@contextmanager
def opened_tar(source: Path) -> Iterator[tuple[list[Packed], ReadPacked]]:
    """The members of a tar, and how to read one.

    A packed one is unpacked into a temporary file first, because it can be read from its beginning
    only.

    Raises:
        InputError: it is no whole tar.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(unpacked(source))
            archive = stack.enter_context(tarfile.open(fileobj=file, mode="r:"))
            members = archive.getmembers()
            check_end(file, members)
        except Exception as error:  # what a damaged archive raises is not documented
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"{str(source)!r} is not a tar, or a truncated one ({reason}); give a folder or a "
                "whole archive."
            ) from error

        def read(member: tarfile.TarInfo, most: int) -> bytes:
            stream = archive.extractfile(member)
            assert stream is not None  # what is no file has a problem, and is not read
            content = stream.read(min(most, member.size))
            if len(content) < min(most, member.size):
                raise OSError("it ends too early")
            return content

        yield [Packed(each.name, each.isdir(), problem_of(each), each) for each in members], read


@contextmanager
def unpacked(source: Path) -> Iterator[BinaryIO]:
    """The tar itself; of a packed one an unpacked copy.

    Raises:
        OSError: that is longer than an archive may be.
    """
    opens = packer_of(start_of(source))
    if opens is None:
        with source.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy, opens(source) as content:
        while chunk := content.read(CHUNK_BYTES):
            copy.write(chunk)
            if copy.tell() > MOST_BYTES:
                raise OSError(f"it unpacks to more than {MOST_BYTES:,} bytes")
        copy.seek(0)
        yield copy


def check_end(file: BinaryIO, members: list[tarfile.TarInfo]) -> None:
    """Refuse an archive without its end: ``tarfile`` takes what it finds for all there is.

    Raises:
        tarfile.ReadError: the block after the last member is not the empty one that ends a tar.
    """
    if not members:
        raise tarfile.ReadError("it is empty")
    last = members[-1]
    size = last.size if last.isreg() else 0
    file.seek(last.offset_data + -(-size // BLOCK) * BLOCK)
    block = file.read(BLOCK)
    if block != bytes(BLOCK):
        raise tarfile.ReadError(f"it is damaged or ends too early after {last.name!r}")


def problem_of(member: tarfile.TarInfo) -> str:
    """Why a member cannot be read; empty if it can."""
    if member.issym() or member.islnk():
        return A_LINK
    return "" if member.isreg() or member.isdir() else NO_FILE
