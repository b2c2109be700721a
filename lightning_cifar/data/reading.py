"""How images are to be read, whatever form they have, and what was found in reading them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from lightning_cifar.data.containers import Entry, Read, shown
from lightning_cifar.errors import InputError

Labels = Literal["fine", "coarse"]

LARGEST_BYTES = 200 << 20  # of one picture
LARGEST_ARRAY_BYTES = 1 << 36  # of one file of many images


@dataclass(frozen=True)
class Reading:
    """What is asked for.

    Attributes:
        image_size: height and width of the images that are made.
        labels: of CIFAR-100 the 100 fine or the 20 coarse ones.
        skip_unreadable: leave out images that cannot be decoded, instead of refusing them.
    """

    image_size: int = 32
    labels: Labels = "fine"
    skip_unreadable: bool = False

    @property
    def key(self) -> str:
        """What of it decides the pixels, as the end of a folder's name; empty for the defaults."""
        parts = {
            f"-{self.image_size}px": self.image_size != 32,
            "-coarse": self.labels == "coarse",
            "-skipping": self.skip_unreadable,
        }
        return "".join(part for part, holds in parts.items() if holds)


@dataclass(frozen=True)
class About:
    """What is known of an image set beside its images.

    Attributes:
        form: in which form it was found, in words.
        verified: whether its content has the official hashes.
        notes: a line for each thing that was done and might not be expected.
        skipped: the unreadable files that were left out, with the reasons.
        sizes: width and height as they were found ("200x150") → number of images.
    """

    form: str = ""
    verified: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


UNKNOWN = About()


@dataclass(frozen=True)
class Files:
    """The files of a folder, a zip or a tar, whichever it is.

    Attributes:
        source: the folder, zip or tar.
        entries: everything in it.
        read: gives the content of a file, so many bytes at most.
        room: a folder for what is too large for the memory; None: the system's.
    """

    source: Path
    entries: Sequence[Entry]
    read: Read
    room: Path | None = None

    @cached_property
    def names(self) -> list[str]:
        """The names of its files, in order."""
        return sorted(entry.name for entry in self.entries if not entry.is_folder)

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Folder that holds files, as the beginning of their names ("" is the top) → their ends."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            folder, slash, end = name.rpartition("/")
            found.setdefault(folder + slash, []).append(end)
        return found

    def title(self, name: str) -> str:
        """A file as messages name it."""
        return shown(f"{self.source}/{name}")

    def path(self, name: str) -> Path | None:
        """Where a file lies on the disk; None if it is packed."""
        return self.source / name if self.source.is_dir() else None

    def content(self, name: str, most: int = LARGEST_ARRAY_BYTES) -> bytes:
        """The content of a file.

        Raises:
            InputError: it cannot be read, or has more bytes than ``most``.
        """
        try:
            content = self.read(name, most + 1)
        except Exception as error:  # a damaged or encrypted zip fails in every possible way
            reason = str(error) or type(error).__name__
            raise InputError(
                f"{self.title(name)} cannot be read ({reason}); replace or remove it."
            ) from error
        if len(content) > most:
            raise InputError(
                f"{self.title(name)} has more than {most:,} bytes, which is more than is read; "
                "replace or remove it."
            )
        return content


@contextmanager
def parsing(name: str, form: str) -> Iterator[None]:
    """Whatever goes wrong in the block is the fault of the file ``name``.

    Raises:
        InputError: naming the file.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # parsers of damaged files raise almost any type
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is no usable {form} ({reason[:200]}); replace it.") from error
