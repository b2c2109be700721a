"""The official archives: downloaded on demand, verified before anything in them is read."""

import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, Never

from tqdm import tqdm

from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.cifar_format import read_set
from lightning_cifar.data.cifar_layouts import CIFAR10, Layout
from lightning_cifar.data.images import ImageSet
from lightning_cifar.data.reading import About
from lightning_cifar.errors import InputError
from lightning_cifar.files import CHUNK_BYTES, exclusive, sha256_of, write_atomically

TIMEOUT_SECONDS = 60


class Archive(NamedTuple):
    """Where an archive comes from and what proves that it is the right one."""

    url: str
    filename: str
    folder: str
    size_bytes: int
    sha256: str


# Addresses as torchvision has them, sizes and SHA-256 as Keras pins them.
ARCHIVES = {
    "official": Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        filename="cifar-10-python.tar.gz",
        folder="cifar-10-batches-py",
        size_bytes=170_498_071,
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar100": Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        filename="cifar-100-python.tar.gz",
        folder="cifar-100-python",
        size_bytes=169_001_437,
        sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
}


def load_official(
    cache: Path, *, archive: Archive | None = None, layout: Layout = CIFAR10
) -> ImageSet:
    """The 50,000 training and 10,000 test images, in the order of the official batches.

    Looks for decoded arrays, then for the archive in ``cache``/official (or cifar100) and where
    Keras and torchvision's examples keep it, then downloads it.

    Raises:
        InputError: the download fails, or size or SHA-256 of the archive are wrong.
        OSError: the cache cannot be written.
    """
    source = "official" if layout is CIFAR10 else "cifar100"
    folder = cache / source
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder if layout is CIFAR10 else folder / layout.labels_key
    return cached_set(kept, partial(fetched, archive or ARCHIVES[source], layout, folder))


def fetched(archive: Archive, layout: Layout, folder: Path) -> DecodedSet:
    """The images of an archive, which is downloaded into ``folder`` if it is nowhere."""
    path = folder / archive.filename
    with exclusive(folder / "download.lock"):
        if not path.exists() and (present := on_this_disk(archive)) is not None:
            path = present
        elif not path.exists():
            download(archive, path)
    return read_archive(archive, path, layout, folder)


def on_this_disk(archive: Archive) -> Path | None:
    """The archive where other programs keep it, if it is there, whole and official."""
    keras = Path("~/.keras/datasets").expanduser()
    names = [keras / f"{archive.folder}{end}" for end in (".tar.gz", "-target.tar.gz")]
    for path in (*names, Path("data") / archive.filename):
        try:
            if path.stat().st_size == archive.size_bytes and sha256_of(path) == archive.sha256:
                return path
        except OSError:
            continue
    return None


def download(archive: Archive, path: Path) -> None:
    """Fetch and verify the archive; a file with another content never appears under ``path``."""
    bar = tqdm(
        total=archive.size_bytes, unit="B", unit_scale=True, desc=archive.filename, disable=None
    )
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


def read_archive(
    archive: Archive, path: Path, layout: Layout = CIFAR10, room: Path | None = None
) -> DecodedSet:
    """The images in a verified archive, read in place: none of its files is extracted to disk.

    room: a folder for the images until they are in the cache; None: the system's.

    Raises:
        InputError: size or SHA-256 are wrong; or the content is not what the format says.
    """
    wanted = (*layout.train_files, *layout.test_files, layout.meta_file)
    names = {f"{archive.folder}/{name}": name for name in wanted}
    contents = members(verified_content(archive, path), names)
    about = About(f"{layout.title}'s official archive", verified=True)
    return replace(read_set(contents.pop, layout, room=room), about=about)


def verified_content(archive: Archive, path: Path) -> bytes:
    """The bytes of an archive, hashed and read from memory: no gap between.

    Raises:
        InputError: size or SHA-256 are wrong.
    """
    with path.open("rb") as file:
        content = file.read(archive.size_bytes + 1)
    problem = mismatch(archive, path.stat().st_size, hashlib.sha256(content).hexdigest())
    if problem:
        raise InputError(
            f"{path} is not the official archive: {problem}. Delete it to download it again, "
            "or replace it by the right one."
        )
    return content


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
        raise InputError(f"The archive lacks {', '.join(missing)}; it is not CIFAR's.")
    return contents
