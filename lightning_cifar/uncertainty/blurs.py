"""Images smeared: weighted means around every pixel, and means over areas."""

import math

import torch
from torch import Tensor
from torch.nn import functional

FINE = 16  # points to a pixel's side, by which the share of it within a disc is measured
REACH = 3  # deviations of a normal density that a kernel covers


def gaussian_kernel(deviation: float) -> Tensor:
    """Weights (side, side), sum 1, that fall as exp(-r² / 2 deviation²); one pixel for 0."""
    if deviation == 0:
        return torch.ones(1, 1)
    reach = math.ceil(REACH * deviation)
    along = torch.exp(-((torch.arange(-reach, reach + 1) / deviation) ** 2) / 2)
    weights = along[:, None] * along
    return weights / weights.sum()


def disc_kernel(radius: float) -> Tensor:
    """Weights (side, side), sum 1, by how much of each pixel lies in a disc; 1 if it is small."""
    if radius <= 0.5:
        return torch.ones(1, 1)
    reach = math.ceil(radius - 0.5)
    side = 2 * reach + 1
    points = (torch.arange(side * FINE) + 0.5) / FINE - side / 2
    inside = (torch.hypot(points[:, None], points) <= radius).float()
    weights: Tensor = functional.avg_pool2d(inside[None, None], FINE)[0, 0]
    return weights / weights.sum()


def blurred(images: Tensor, kernel: Tensor) -> Tensor:
    """Images (n, colours, height, width) under a kernel (side, side); edges are reflected."""
    reach = len(kernel) // 2
    padded = functional.pad(images, [reach] * 4, mode="reflect") if reach else images
    colours = images.shape[1]
    return functional.conv2d(padded, kernel.expand(colours, 1, -1, -1), groups=colours)


def pixelated(images: Tensor, share: float) -> Tensor:
    """Images (n, colours, height, width) of as many cells as ``share`` of a side, at least one.

    Every pixel takes the mean of its cell, so the mean of an image stays.
    """
    down, across = (cell_means(side, max(1, round(side * share))) for side in images.shape[2:])
    return down @ images @ across


def cell_means(side: int, cells: int) -> Tensor:
    """The projection (side, side) that gives every place the mean of its cell."""
    cell = torch.div(torch.arange(side) * cells, side, rounding_mode="floor")
    together = (cell[:, None] == cell).float()
    return together / together.sum(0)
