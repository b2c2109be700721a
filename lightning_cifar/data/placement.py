"""Where the images of a fit are: on its device if they fit there, else in their file or in memory.

A rule instead of an option, because the batches are the same to the last bit.
"""

import math

import torch

from lightning_cifar.data.images import LabelledImages

SHARE = 0.5  # of what is free on the device: the rest is for the networks
LARGE = 10**9  # bytes from which on it is said where they are


def placed_on(data: LabelledImages, device: torch.device) -> LabelledImages:
    """The images on ``device``, where they stay, if they fit into half of what is free there."""
    fits = data.device == device or math.prod(data.shape) <= SHARE * free_bytes(device)
    return data.to(device) if fits else data


def free_bytes(device: torch.device) -> float:
    """What is free on a GPU; infinite where nobody knows."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf


def placement_said(data: LabelledImages, device: torch.device) -> str:
    """A line on images that ``placed_on`` has placed; empty where there is nothing to know.

    device: that of the fit.
    """
    size = f"{math.prod(data.shape) / 1e9:.2g} GB of images"
    place = f"are read from {'memory' if data.rows is None else 'the cache'}, batch by batch"
    if data.device.type != device.type:
        return f"{size} do not fit into half of the free memory of {device}: they {place}"
    if math.prod(data.shape) < LARGE:
        return ""
    if data.rows is None:
        return f"{size} are in the memory of {data.device}"
    return f"{size} {place}"
