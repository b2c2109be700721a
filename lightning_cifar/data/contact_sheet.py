"""One picture of a set: some training images of each class, drawn by lot, with the class's name."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from lightning_cifar.data.images import LabelledImages

PER_CLASS = 8
MOST_ROWS = 20  # with more classes there are several in a row, of one image each
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
    if len(classes) <= MOST_ROWS:
        sheet = Image.new("RGB", (LABEL + PER_CLASS * SIDE, len(classes) * SIDE), "white")
        pen = ImageDraw.Draw(sheet)
        for row, (name, indices) in enumerate(zip(classes, chosen, strict=True)):
            pen.text((4, row * SIDE + SIDE // 2 - 6), printable(name), fill="black")
            for column, index in enumerate(indices):
                sheet.paste(tile(data, index), (LABEL + column * SIDE, row * SIDE))
        return sheet
    columns = 12
    height = -(-len(classes) // columns) * (SIDE + LINE)
    sheet = Image.new("RGB", (columns * SIDE, height), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, indices) in enumerate(zip(classes, chosen, strict=True)):
        row, column = divmod(number, columns)
        if indices:
            sheet.paste(tile(data, indices[0]), (column * SIDE, row * (SIDE + LINE)))
        place = (column * SIDE + 2, row * (SIDE + LINE) + SIDE)
        pen.text(place, printable(name)[:9], fill="black")
    return sheet


def tile(data: LabelledImages, index: int) -> Image.Image:
    """One image in the size of the sheet, without smoothing."""
    image = data.between(index, index + 1)[0]
    pixels = image.permute(1, 2, 0).contiguous().numpy().astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def printable(name: str) -> str:
    """A name that the sheet's letters have, cut to its column."""
    return name.encode("latin-1", "replace").decode("latin-1")[:LETTERS]
