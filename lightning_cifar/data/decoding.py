"""JPEG and PNG files to arrays of pixels, on all cores."""

import io
import multiprocessing
import os
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from lightning_cifar.errors import InputError

SIZE = (32, 32)
FORMATS = ("JPEG", "PNG")
FILES_PER_TASK = 500
WATCH_SECONDS = 0.5
WORTH_PROCESSES = 4 * FILES_PER_TASK  # fewer images are decoded before the processes have started
COLOURS = {
    "1": "black and white", "L": "grey", "LA": "grey with transparency", "P": "in palette colours",
    "RGBA": "RGB with transparency", "CMYK": "CMYK", "I;16": "grey with 16 bits",
}  # fmt: skip

Pixels = npt.NDArray[np.uint8]
File = tuple[str, bytes]


def decode_all(files: Sequence[File]) -> Iterator[Pixels]:
    """Arrays (n, 3, 32, 32) of some files' images each, in the order of ``files``.

    Each file is its name, for messages, and its content.

    Raises:
        InputError: a file is no RGB image of 32x32 pixels; the first such is named.
    """
    tasks = [
        files[start : start + FILES_PER_TASK] for start in range(0, len(files), FILES_PER_TASK)
    ]
    if len(files) < WORTH_PROCESSES:
        yield from map(decode_some, tasks)
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
            yield from pool.map(decode_some, tasks)


def leave_when_orphaned(parent: int) -> None:
    """End this process once ``parent`` has ended: it would go on holding that one's locks."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def decode_some(files: Sequence[File]) -> Pixels:
    """The images of ``files`` (n, 3, 32, 32)."""
    pixels = np.stack([decode(name, content) for name, content in files])
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def decode(name: str, content: bytes) -> Pixels:
    """One image (32, 32, 3).

    Raises:
        InputError: as ``decode_all``.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            check_image(name, image)  # before any pixel is decoded: it may claim to be huge
            return np.asarray(upright(image))
    except InputError:
        raise
    except Exception as error:  # each format fails in its own way
        reason = "no JPEG or PNG" if "identify" in str(error) else str(error) or repr(error)
        raise InputError(
            f"{name} cannot be read as an image ({reason}); replace or remove it."
        ) from error


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its camera says; as it is where it says nothing that can be read."""
    image.load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged notes of a camera do not concern the pixels
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # they fail in every possible way
            return image


def check_image(name: str, image: Image.Image) -> None:
    """Refuse an image that is not 32x32 pixels of red, green and blue."""
    if image.size != SIZE:
        width, height = image.size
        raise InputError(f"{name} has {width}x{height} pixels; it must have 32x32: resize it.")
    if image.mode != "RGB":
        colours = COLOURS.get(image.mode, f"of mode {image.mode}")
        raise InputError(f"{name} is {colours}; it must be RGB: convert it.")
