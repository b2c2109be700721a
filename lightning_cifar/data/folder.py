"""Images on the disk, in a folder, zip or tar: read once, and kept as arrays in the cache."""

from pathlib import Path

from lightning_cifar.data.array_cache import cached_set
from lightning_cifar.data.forms import read_source
from lightning_cifar.data.image_files import content_key
from lightning_cifar.data.images import ImageSet
from lightning_cifar.data.reading import Reading

VERSION = 3  # part of the cache's name: raise it with anything that changes which images are read
DEFAULT = Reading()


def load_folder(source: Path, cache: Path, reading: Reading = DEFAULT) -> ImageSet:
    """The images in ``source``, in any of the forms of ``data.forms``.

    Raises:
        InputError: ``source`` is missing, or nothing in it can be used.
        OSError: the cache cannot be written.
    """
    name = f"version{VERSION}-{content_key(source)[:32]}{reading.key}"
    folder = cache / "folder" / name
    return cached_set(folder, lambda: read_source(source, reading, folder))
