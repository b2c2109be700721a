"""Encoded pictures to arrays of pixels, on all cores."""

import multiprocessing
import os
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np

from lightning_cifar.data.pictures import Extent, Pixels, decode, reason
from lightning_cifar.errors import InputError

FILES_PER_TASK = 500
TASKS_PER_CORE = 3  # in work or waiting
WATCH_SECONDS = 0.5
WORTH_PROCESSES = 4 * FILES_PER_TASK  # fewer images are decoded before the processes have started

File = tuple[str, bytes | InputError]  # name for messages; content, or why there is none


@dataclass(frozen=True)
class Decoded:
    """What some files hold.

    Attributes:
        pixels: (n, 3, size, size), of those that could be decoded, in their order.
        problems: number in the sequence → why a file could not be decoded, with its name.
        sizes: width and height as they were → how many.
    """

    pixels: Pixels
    problems: dict[int, str]
    sizes: Counter[Extent]


def decode_all(
    files: Iterable[File], size: int = 32, *, skip_unreadable: bool = False
) -> Iterator[Decoded]:
    """The images of some files each, in the order of ``files``, of which few are held at once.

    Raises:
        InputError: a file is no image, and may not be skipped; the first such is named.
    """
    decode_some = partial(decode_chunk, size=size, skip_unreadable=skip_unreadable)
    rest = iter(files)
    first = list(islice(rest, WORTH_PROCESSES))
    if len(first) < WORTH_PROCESSES:
        yield from map(decode_some, tasks(first))
        return
    # Threads would wait for each other: Pillow holds the interpreter's lock. A fork is safe from
    # what Python 3.12 warns of, since the children never use torch's threads.
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*multi-threaded.*fork", category=DeprecationWarning
        )
        with ProcessPoolExecutor(
            mp_context=context, initializer=leave_when_orphaned, initargs=(os.getpid(),)
        ) as pool:
            yield from ahead(pool, decode_some, tasks(chain(first, rest)))


def tasks(files: Iterable[File]) -> Iterator[list[File]]:
    """The files, ``FILES_PER_TASK`` at a time."""
    rest = iter(files)
    while task := list(islice(rest, FILES_PER_TASK)):
        yield task


def ahead(
    pool: ProcessPoolExecutor, work: Callable[[list[File]], Decoded], given: Iterator[list[File]]
) -> Iterator[Decoded]:
    """Results in order; no more is begun than keeps all processes busy (``map`` begins it all)."""
    begun: deque[Future[Decoded]] = deque()
    try:
        for task in given:
            begun.append(pool.submit(work, task))
            if len(begun) > TASKS_PER_CORE * (os.cpu_count() or 1):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for each in begun:
            each.cancel()


def leave_when_orphaned(parent: int) -> None:
    """End this process once ``parent`` has ended: it would go on holding that one's locks."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def decode_chunk(files: Sequence[File], size: int, skip_unreadable: bool) -> Decoded:
    """The images of ``files``."""
    images: list[Pixels] = []
    problems: dict[int, str] = {}
    sizes: Counter[Extent] = Counter()
    for number, file in enumerate(files):
        try:
            pixels, extent = decode_file(*file, size)
        except InputError as error:
            if not skip_unreadable:
                raise
            problems[number] = str(error)
            continue
        images.append(pixels)
        sizes[extent] += 1
    stacked = np.stack(images) if images else np.empty((0, size, size, 3), np.uint8)
    return Decoded(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)), problems, sizes)


def decode_file(name: str, content: bytes | InputError, size: int) -> tuple[Pixels, Extent]:
    """One image (size, size, 3), and the width and height that it had.

    Raises:
        InputError: it cannot be decoded.
    """
    if isinstance(content, InputError):
        raise content
    try:
        return decode(content, size)
    except Exception as error:  # each format fails in its own way
        raise InputError(
            f"{name} cannot be read as an image ({reason(error)}); replace or remove it, or leave "
            "such files out with --data.skip_unreadable=true."
        ) from error
