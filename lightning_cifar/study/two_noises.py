"""The two noises of an accuracy: over other seeds, and over other test images."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Noises:
    """Standard errors of a mean over seeds and test images, from what could have been otherwise.

    Attributes:
        over_seeds: other seeds, these very images: is one variant better on this test set?
        over_images: other images, these very networks: are these networks better in general?
        over_both: other seeds and other images.
    """

    over_seeds: float
    over_images: float
    over_both: float


def noises(outcomes: NDArray[np.float64]) -> Noises:
    """The two noises of the mean of ``outcomes`` (seeds, images), and both together.

    outcomes: 1 where the network of a seed is right on an image, else 0; or for a comparison, the
    difference of two such tables. Two-way layout with one value per cell: both marginal errors
    contain the interaction, so that of the sum it is subtracted once.
    """
    seeds, images = outcomes.shape
    by_seed, by_image = outcomes.mean(1), outcomes.mean(0)
    rest = outcomes - by_seed[:, None] - by_image[None, :] + outcomes.mean()
    interaction = (rest**2).sum() / ((seeds - 1) * (images - 1) * seeds * images)
    seed_part = by_seed.var(ddof=1) / seeds
    image_part = by_image.var(ddof=1) / images
    both = max(seed_part + image_part - interaction, seed_part, image_part)
    return Noises(*(math.sqrt(part) for part in (seed_part, image_part, both)))
