"""Test images made worse in eight ways and five strengths, to see how a network stands it.

The ways are among those of Hendrycks and Dietterich 2019, "Benchmarking neural network robustness
to common corruptions and perturbations" (arXiv:1903.12261). Formulas and strengths are our own and
made for small images: figures are not those of CIFAR-10-C. All but the two kinds of noise, which
draw from the generator they are given, are functions of the image alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.blurs import blurred, disc_kernel, gaussian_kernel, pixelated
from lightning_cifar.uncertainty.jpeg import compressed

STRENGTHS = (1, 2, 3, 4, 5)
WHITE = 255.0

# Images (n, 3, height, width) of floats from 0 to 1, a parameter, a generator; to such images.
Change = Callable[[Tensor, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """One way of making images worse.

    Attributes:
        parameters: at strengths 1 to 5.
        identity: the parameter at which nothing changes; None where there is no such.
        parameter: what it is, in words.
    """

    parameters: tuple[float, float, float, float, float]
    identity: float | None
    parameter: str
    change: Change


def corrupt(images: Tensor, kind: str, strength: int, generator: torch.Generator) -> Tensor:
    """Images (n, 3, height, width) of uint8, each made worse in one way; the shape stays.

    strength: from 1 to 5; 0 returns equal images, where the way has such a parameter.
    generator: of the CPU; the same state gives the same images.

    Raises:
        InputError: a kind or a strength that there is not.
    """
    if kind not in CORRUPTIONS:
        raise InputError(f"unknown corruption {kind!r}; there are {', '.join(CORRUPTIONS)}")
    found = CORRUPTIONS[kind]
    least = 1 if found.identity is None else 0
    if not least <= strength <= len(STRENGTHS):
        raise InputError(f"the strength of {kind} must be from {least} to 5, got {strength}")
    parameter = found.parameters[strength - 1] if strength else found.identity
    assert parameter is not None
    changed = found.change(images.float() / WHITE, parameter, generator)
    return (changed * WHITE).round().clamp(0, WHITE).to(torch.uint8)


def gaussian_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Add deviation * z with z from N(0, 1), drawn for every pixel and colour."""
    return images + deviation * torch.randn(images.shape, generator=generator)


def shot_noise(images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Photons counted: Poisson(x / noise) * noise, whose mean is x and whose variance x * noise."""
    if noise == 0:  # infinitely many photons
        return images
    return torch.poisson(images / noise, generator=generator) * noise


def gaussian_blur(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Weighted with a normal density of so many pixels."""
    return blurred(images, gaussian_kernel(deviation))


def defocus_blur(images: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    """The mean over a disc of so many pixels: a point out of focus."""
    return blurred(images, disc_kernel(radius))


def contrast(images: Tensor, factor: float, generator: torch.Generator) -> Tensor:
    """Distances from each image's mean colour, shrunk."""
    mean = images.mean((2, 3), keepdim=True)
    return mean + factor * (images - mean)


def brightness(images: Tensor, added: float, generator: torch.Generator) -> Tensor:
    """Value, the largest of a pixel's colours, raised; hue and saturation stay (Smith 1978).

    Colours are multiplied by (value + added) / value; black, which has no hue, becomes grey.
    """
    value = images.amax(1, keepdim=True)
    raised = (value + added).clamp_max(1)
    return torch.where(value > 0, images * (raised / value.clamp_min(1 / WHITE)), raised)


def pixelate(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """As if taken with this share of the pixels of a side: each takes the mean of its cell."""
    return pixelated(images, share)


def jpeg(images: Tensor, quality: float, generator: torch.Generator) -> Tensor:
    """Compressed as JPEG at a quality and decompressed."""
    return compressed(images * WHITE, int(quality)) / WHITE


CORRUPTIONS = {
    "gaussian_noise": Corruption(
        (0.04, 0.08, 0.12, 0.18, 0.26), 0.0, "deviation, white is 1", gaussian_noise
    ),
    "shot_noise": Corruption(
        (1 / 200, 1 / 80, 1 / 40, 1 / 20, 1 / 10), 0.0, "white divided by its photons", shot_noise
    ),
    "gaussian_blur": Corruption(
        (0.5, 0.75, 1.0, 1.5, 2.0), 0.0, "deviation, pixels", gaussian_blur
    ),
    "defocus_blur": Corruption((0.75, 1.0, 1.5, 2.0, 3.0), 0.0, "radius, pixels", defocus_blur),
    "contrast": Corruption((0.75, 0.5, 0.35, 0.2, 0.1), 1.0, "factor", contrast),
    "brightness": Corruption((0.1, 0.2, 0.3, 0.4, 0.5), 0.0, "added value, white is 1", brightness),
    "pixelate": Corruption((0.75, 0.625, 0.5, 0.375, 0.25), 1.0, "share of a side", pixelate),
    "jpeg": Corruption((50, 30, 20, 12, 7), None, "quality", jpeg),
}
