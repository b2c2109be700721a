"""The official CIFAR-10 archive: downloaded on demand, verified before anything in it is read."""

import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO, NamedTuple, Never

from tqdm import tqdm

from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.cifar_format import (
    META_FILE,
    TEST_FILES,
    TRAIN_FILES,
    read_batches,
    read_classes,
)
from lightning_cifar.data.images import ImageSet
from lightning_cifar.errors import InputError
from lightning_cifar.files import CHUNK_BYTES, exclusive, write_atomically

TIMEOUT_SECONDS = 60


class Archive(NamedTuple):
    """Where an archive comes from and what proves that it is the right one."""

    url: str
    filename: str
    folder: str
    size_bytes: int
    sha256: str


def official_archive() -> Archive:
    """CIFAR-10 as torchvision knows it; size and SHA-256 are those that Keras pins."""
    # torchvision takes a second to import, and only this source needs it.
    from torchvision.datasets import CIFAR10

    return Archive(
        url=CIFAR10.url,
        filename=CIFAR10.filename,
        folder=CIFAR10.base_folder,
        size_bytes=170_498_071,
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    )


def load_official(
    cache: Path, *, progress: bool = True, archive: Archive | None = None
) -> ImageSet:
    """The 50,000 training and 10,000 test images, in the order of the official batches.

    Looks for decoded arrays, then for the archive in ``cache``/official, then downloads it.

    Raises:
        InputError: the download fails, or size or SHA-256 of the archive are wrong.
        OSError: the cache cannot be written.
    """
    folder = cache / "official"

    def build() -> DecodedSet:
        wanted = archive or official_archive()
        path = folder / wanted.filename
        with exclusive(folder / "download.lock"):
            if not path.exists():
                download(wanted, path, progress)
        return read_archive(wanted, path)

    return cached_set(folder, build)


def download(archive: Archive, path: Path, progress: bool) -> None:
    """Fetch and verify the archive; a file with another content never appears under ``path``."""
    bar = tqdm(
        total=archive.size_bytes, unit="B", unit_scale=True, desc=archive.filename,
        disable=None if progress else True,
    )  # fmt: skip
    try:
        with bar, urllib.request.urlopen(archive.url, timeout=TIMEOUT_SECONDS) as response:
            write_atomically(path, lambda file: copy_verified(response, file, archive, bar))
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{archive.url} cannot be downloaded ({reason}). Put {archive.filename} into "
            f"{path.parent} yourself, or use --data.source=folder or --data.source=synthetic."
        ) from error


def copy_verified(source: BinaryIO, target: BinaryIO, archive: Archive, bar: "tqdm[Never]") -> None:
    """Copy the download, and refuse it at the end (or when it grows too large)."""
    digest, size = hashlib.sha256(), 0
    while size <= archive.size_bytes and (chunk := source.read(CHUNK_BYTES)):
        digest.update(chunk)
        target.write(chunk)
        size += len(chunk)
        bar.update(len(chunk))
    problem = mismatch(archive, size, digest.hexdigest())
    if problem:
        raise InputError(
            f"What {archive.url} sent is not the official archive: {problem}. Nothing was kept; "
            "try again later, or use --data.source=folder or --data.source=synthetic."
        )


def read_archive(archive: Archive, path: Path) -> DecodedSet:
    """The images in a verified archive, read in place: nothing is extracted to disk.

    Raises:
        InputError: size or SHA-256 are wrong; or the content is not what the format says.
    """
    with path.open("rb") as file:
        content = file.read(archive.size_bytes + 1)  # hashed and read from memory: no gap between
    problem = mismatch(archive, path.stat().st_size, hashlib.sha256(content).hexdigest())
    if problem:
        raise InputError(
            f"{path} is not the official archive: {problem}. Delete it to download it again, "
            "or replace it by the right one."
        )
    wanted = (*TRAIN_FILES, *TEST_FILES, META_FILE)
    contents = members(content, {f"{archive.folder}/{name}": name for name in wanted})
    return DecodedSet(
        classes=read_classes(contents[META_FILE]),
        train=read_batches(TRAIN_FILES, contents.__getitem__),
        test=read_batches(TEST_FILES, contents.__getitem__),
    )


def mismatch(archive: Archive, size_bytes: int, sha256: str) -> str:
    """What is wrong with an archive of this size and hash; empty if nothing is."""
    if size_bytes != archive.size_bytes:
        return f"it has {size_bytes} bytes instead of {archive.size_bytes}"
    if sha256 != archive.sha256:
        return f"its SHA-256 is {sha256} instead of {archive.sha256}"
    return ""


def members(archive: bytes, names: dict[str, str]) -> dict[str, bytes]:
    """The content of the members of a tar file that ``names`` maps to their short names."""
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.name in names and (stream := tar.extractfile(member)) is not None:
                contents[names[member.name]] = stream.read()
    missing = sorted(set(names.values()) - set(contents))
    if missing:
        raise InputError(f"The archive lacks {', '.join(missing)}; it is not CIFAR-10's.")
    return contents
