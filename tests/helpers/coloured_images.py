"""Ten classes of one colour each: a picture whose class needs no expert."""

import torch
from image_examples import write_image

# Neither the order of CIFAR-10's names nor that of the hues; labels follow the alphabet.
COLOURS = {
    "snow": (250, 250, 250),
    "amber": (250, 170, 0),
    "lagoon": (0, 250, 250),
    "brick": (250, 0, 0),
    "violet": (250, 0, 250),
    "coal": (0, 0, 0),
    "moss": (0, 250, 0),
    "sun": (250, 250, 0),
    "deep sea": (0, 0, 250),
    "ash": (125, 125, 125),
}


def of_colour(colour, side=32):
    """An image (3, side, side) of one colour."""
    return torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, side, side)


def write_coloured_set(folder, *, train=4, test=1):
    """A folder to train on, one class folder for each colour."""
    for part, count in (("train", train), ("test", test)):
        for name, colour in COLOURS.items():
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                write_image(folder / part / name / f"{number}.png", of_colour(colour))
    return folder


# The true class of each picture by its name, which does not tell it: 7 and 10 have no common
# divisor, so each digit comes once.
PICTURES = {f"picture {7 * number % 10}.png": name for number, name in enumerate(COLOURS)}


def write_coloured_pictures(folder):
    """One picture of each class, some larger than the others."""
    folder.mkdir()
    for number, (file, name) in enumerate(PICTURES.items()):
        write_image(folder / file, of_colour(COLOURS[name], side=32 + 8 * (number % 2)))
    return folder
