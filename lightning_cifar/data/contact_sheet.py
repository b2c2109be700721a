"""One picture of a set: some training images of each class, drawn by lot, with the class's name."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from lightning_cifar.data.images import LabelledImages

PER_CLASS = 8
MOST_ROWS = 20  # with more classes there are ``COLUMNS`` in a row, of one image each
COLUMNS = 12
SIDE = 64  # pixels of an image on the sheet
LABEL = 110  # pixels for a name
LINE = 14  # pixels under an image, for its name
LETTERS = 16


def contact_sheet(data: LabelledImages, classes: tuple[str, ...], seed: int = 0) -> Image.Image:
    """The sheet; which images are on it follows from the seed."""
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(data), generator=generator)
    labels = data.labels[shuffled]
    chosen = [shuffled[labels == label][:PER_CLASS].tolist() for label in range(len(classes))]
    in_rows = len(classes) <= MOST_ROWS
    columns = 1 if in_rows else COLUMNS
    width, height = (LABEL + PER_CLASS * SIDE, SIDE) if in_rows else (SIDE, SIDE + LINE)
    sheet = Image.new("RGB", (columns * width, -(-len(classes) // columns) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, indices) in enumerate(zip(classes, chosen, strict=True)):
        x, y = number % columns * width, number // columns * height
        if in_rows:
            pen.text((x + 4, y + SIDE // 2 - 6), printable(name), fill="black")
            x += LABEL
        else:
            pen.text((x + 2, y + SIDE), printable(name)[:9], fill="black")
            del indices[1:]
        for place, index in enumerate(indices):
            sheet.paste(tile(data, index), (x + place * SIDE, y))
    return sheet


def tile(data: LabelledImages, index: int) -> Image.Image:
    """One image in the size of the sheet, without smoothing."""
    image, _ = data[index]
    pixels = image.permute(1, 2, 0).contiguous().numpy().astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def printable(name: str) -> str:
    """A name that the sheet's letters have, cut to its column."""
    return name.encode("latin-1", "replace").decode("latin-1")[:LETTERS]
