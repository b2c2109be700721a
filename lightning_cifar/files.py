"""Files that are complete or absent: written next to their target, flushed, moved into place."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Give ``path`` the content that ``write`` puts into an open binary file.

    Readers see the old file or the new one, never a part; a failure leaves the old file and no
    temporary one. The temporary file is in the same folder: moving across file systems is a copy.
    A pipe or a device is written as it stands: a file in its place would take it from others.

    Raises:
        OSError: the folder is missing, full or read-only.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        with path.open("wb") as file:
            write(file)
        return
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:  # nobody knows the name of the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise disk_full(error, path) from error
        raise
    flush_folder(path.parent)


def disk_full(error: OSError, path: Path) -> OSError:
    """The error with the file it is about and a way out of it."""
    advice = f"{error.strerror}; free some space on the disk of this folder (nothing old is lost)"
    return OSError(error.errno, advice, str(path))


def write_text_atomically(path: Path, text: str) -> None:
    """Give ``path`` the content ``text``; see ``write_atomically``."""
    write_atomically(path, lambda file: file.write(text.encode()))


def flush_folder(folder: Path) -> None:
    """Flush the folder's entries, so that a move survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; a second process waits for the first.

    The system releases the lock of a process that dies, so a leftover file does no harm.
    """
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def user_cache() -> Path:
    """Where systems keep what a program can make again; may begin with ~."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "lightning-cifar"
