"""Where the images of a fit are: on its device if they fit there, else in their file or in memory.

A rule instead of an option, because the batches are the same to the last bit.
"""

import math

import torch

from lightning_cifar.data.images import LabelledImages

SHARE = 0.5  # of what is free on the device: the rest is for the networks
LARGE = 1 << 30  # bytes from which on it is said where they are


def placed_on(data: LabelledImages, device: torch.device) -> LabelledImages:
    """The images on ``device``, where they stay, if they fit into half of what is free there."""
    return data.to(device) if needs(data, device) <= SHARE * free_bytes(device) else data


def needs(data: LabelledImages, device: torch.device) -> int:
    """The bytes that the images would take on ``device`` beside what is there."""
    return 0 if data.device == device else math.prod(data.shape)


def free_bytes(device: torch.device) -> float:
    """What is free on a GPU; infinite where nobody knows."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf


def placement_said(data: LabelledImages, device: torch.device) -> str:
    """A line on images that ``placed_on`` has placed; empty where there is nothing to know.

    device: that of the fit.
    """
    size = math.prod(data.shape)
    place = "from the cache" if data.rows is not None else "from memory"
    if data.device.type != device.type:
        return (
            f"{gigabytes(size)} of images do not fit into half of the free memory of {device}: "
            f"they are read {place}, batch by batch"
        )
    if size < LARGE:
        return ""
    if data.rows is None:
        return f"{gigabytes(size)} of images are in the memory of {data.device}"
    return f"{gigabytes(size)} of images are read {place}, batch by batch"


def gigabytes(size: int) -> str:
    """Bytes as they stand in a line."""
    return f"{size / 1e9:.2g} GB"
