"""The built-in image set: drawn from a seed, written and read as CIFAR-10 batch files."""

from functools import partial
from pathlib import Path

import numpy as np
import torch

from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.cifar_format import read_set, write_batch, write_classes
from lightning_cifar.data.cifar_layouts import CIFAR10
from lightning_cifar.data.figures import CLASSES, draw_images
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.files import write_atomically

VERSION = 1  # part of the cache's name: raise it with anything that changes the pixels
TRAIN_SIZE, TEST_SIZE = 10_000, 2_000
CHUNK_IMAGES = 500  # drawn at a time, so that they stay in the processor's cache


def load_synthetic(
    cache: Path, *, train_size: int = TRAIN_SIZE, test_size: int = TEST_SIZE, seed: int = 0
) -> ImageSet:
    """The synthetic set of these sizes from ``cache``; drawn if it is not there.

    Raises:
        OSError: the cache cannot be written.
    """
    folder = cache / "synthetic" / f"version{VERSION}-{train_size}-{test_size}-seed{seed}"
    sizes = {"train_size": train_size, "test_size": test_size}
    return cached_set(folder, partial(drawn, folder, **sizes, seed=seed))


def drawn(folder: Path, *, train_size: int, test_size: int, seed: int) -> DecodedSet:
    """The set of these sizes, written into ``folder`` and read from it."""
    write_files(folder, train_size=train_size, test_size=test_size, seed=seed)
    return read_files(folder)


def draw(size: int, seed: int, part: int) -> LabelledImages:
    """``size`` labelled images in random order, as many of each class as possible.

    ``part`` tells sets of one seed apart: 0 for training, 1 for test.
    """
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, part))))
    labels = random.permutation(np.arange(size) % len(CLASSES))
    chunks = [labels[start : start + CHUNK_IMAGES] for start in range(0, size, CHUNK_IMAGES)]
    images = np.concatenate([draw_images(chunk, random) for chunk in chunks])
    return LabelledImages(torch.from_numpy(images), torch.from_numpy(labels))


def write_files(folder: Path, *, train_size: int, test_size: int, seed: int) -> None:
    """Write five training batches, a test batch and the class names into ``folder``."""
    train, test = draw(train_size, seed, part=0), draw(test_size, seed, part=1)
    pieces = torch.arange(train_size).tensor_split(len(CIFAR10.train_files))
    batches = dict(zip(CIFAR10.train_files, map(train.select, pieces), strict=True))
    batches[CIFAR10.test_files[0]] = test
    for name, batch in batches.items():
        write_atomically(folder / name, partial(write_batch, data=batch, label=name))
    size = len(pieces[0])
    write_atomically(folder / CIFAR10.meta_file, lambda file: write_classes(file, CLASSES, size))


def read_files(folder: Path) -> DecodedSet:
    """Read the batch files in ``folder``, with the reader of the official ones."""
    return read_set(lambda name: (folder / name).read_bytes(), room=folder)
