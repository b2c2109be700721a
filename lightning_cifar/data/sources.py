"""The places where images come from, by name, and the cache they share."""

from pathlib import Path
from typing import Literal

from lightning_cifar.data.cifar_layouts import CIFAR100S
from lightning_cifar.data.forms import DEFAULT, load_folder
from lightning_cifar.data.images import ImageSet
from lightning_cifar.data.official import load_official
from lightning_cifar.data.reading import Reading
from lightning_cifar.data.synthetic import load_synthetic
from lightning_cifar.errors import InputError
from lightning_cifar.files import user_cache

Source = Literal["official", "cifar100", "folder", "synthetic"]


def load_images(
    source: Source, path: str | None, cache: Path, reading: Reading = DEFAULT
) -> ImageSet:
    """The image set of a source, made ready in the folder ``cache`` if it is not.

    ``path`` is the folder, zip or tar that the source ``folder`` reads.

    Raises:
        InputError: the source cannot be used, or the cache cannot be written.
    """
    try:
        if source == "official":
            return load_official(cache)
        if source == "cifar100":
            return load_official(cache, layout=CIFAR100S[reading.labels])
        if source == "synthetic":
            return load_synthetic(cache)
        return load_folder(at_home(path or ""), cache, reading)
    except OSError as error:
        raise InputError(
            f"The images cannot be kept in {cache} ({error.strerror or error}); choose another "
            "folder with --data.cache."
        ) from error


def resolved_source(path: str | None) -> Source:
    """Where images come from if nothing else is said: from a path that is given."""
    return "official" if path is None else "folder"


def cache_folder(cache: str | None) -> Path:
    """The folder named by the user, or the place that systems give to caches."""
    if cache is not None:
        check_not_blank("cache", cache)
        return at_home(cache)
    return at_home(str(user_cache()))


def check_not_blank(name: str, path: str) -> None:
    """Refuse a path without a name: Python takes it for the current folder."""
    if not path.strip():
        raise InputError(
            f"{name} is {path!r}, which names no folder; give its name, or . for the current one."
        )


def at_home(path: str) -> Path:
    """The path with ~ at its start replaced by the home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"{path} cannot be found: there is no home folder of that name."
        ) from error
