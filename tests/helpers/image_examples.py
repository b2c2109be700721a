"""Small sets of images for tests: in memory, in a folder, in a zip."""

import io
import warnings
import zipfile

import numpy as np
import torch
from PIL import Image

from lightning_cifar.data.images import LabelledImages

CLASSES = tuple("abcdefghij")


def random_images(count, seed=0):
    """Images of noise; image i has label i modulo 10."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return LabelledImages(pixels, torch.arange(count) % 10)


def numbered_images(count):
    """Images whose label is their number, for tests of which image comes when."""
    return LabelledImages(random_images(count).images, torch.arange(count))


def write_folder(folder, *, train=2, test=1, seed=0):
    """Lay out PNG images, ``train`` and ``test`` of each of ten classes; PNG keeps every pixel."""
    write_part(folder / "train", train, seed)
    write_part(folder / "test", test, seed + 1)
    return folder


def write_part(folder, count, seed):
    """Lay out ``count`` images of each of ten classes in a folder each."""
    data = random_images(10 * count, seed)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number, pixels in enumerate(data.images[label::10]):
            write_image(folder / name / f"{number}.png", pixels)


def part_images(count, seed):
    """What is read of a part of ``count`` images per class: sorted by class."""
    data = random_images(10 * count, seed)
    return data.select(torch.argsort(data.labels, stable=True))


def write_image(path, pixels, mode="RGB"):
    """Write pixels (3, 32, 32) as an image file, converted to a mode of Pillow."""
    Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())).convert(mode).save(path)


def encoded(number):
    """A PNG whose pixels all have the value ``number``."""
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (number, number, number)).save(file, "PNG")
    return file.getvalue()


def zip_folder(folder, path, prefix=""):
    """Zip all files of a folder, under a common folder name if one is given."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def zip_named(path, contents):
    """Zip contents (bytes) under names just as they are given, also twice under the same one."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # that a name is there twice
        for name, content in contents:
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def renamed_zip(folder, path, rename):
    """Zip the files of a folder under other names: ``rename`` of what they are called in it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    contents = [(file.relative_to(folder).as_posix(), file.read_bytes()) for file in files]
    return zip_named(path, [(rename(name), content) for name, content in contents])
