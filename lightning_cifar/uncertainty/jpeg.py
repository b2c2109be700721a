"""What JPEG does to images, computed for many at once; what it does without loss is left out.

ITU-T T.81 (1992): colours as luminance and two chrominances (JFIF), a cosine transform of blocks of
8 by 8, and the rounding of its coefficients to multiples of a table, which alone loses something
that matters. All colours keep their resolution (4:4:4); the coding of the coefficients is lossless.
"""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 8
MIDDLE = 128.0
# The tables of T.81, annex K.1, for quality 50: of luminance and of chrominance.
LUMINANCE = (
    *((16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55)),
    *((14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62)),
    *((18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92)),
    *((49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99)),
)
CHROMINANCE = (
    *((17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99)),
    *((24, 26, 56, 99, 99, 99, 99, 99), (47, 66, 99, 99, 99, 99, 99, 99)),
    *([(99,) * BLOCK] * 4),
)
# Red, green and blue to luminance and chrominance (JFIF 1.02).
TO_YCC = torch.tensor(
    [
        [0.299, 0.587, 0.114],
        [-0.168735892, -0.331264108, 0.5],
        [0.5, -0.418687589, -0.081312411],
    ]
)


def compressed(images: Tensor, quality: int) -> Tensor:
    """Images (n, 3, height, width) of floats from 0 to 255, compressed at a quality of 1 to 100."""
    height, width = images.shape[2:]
    padding = [0, -width % BLOCK, 0, -height % BLOCK]
    padded = functional.pad(images, padding, mode="replicate")
    # Luminance is shifted as the chrominances are: to whole numbers around 0.
    shift = torch.tensor([MIDDLE, 0.0, 0.0])[:, None, None]
    planes = (torch.einsum("ij,njhw->nihw", TO_YCC, padded) - shift).round()
    coefficients = transformed(planes, cosines())
    table = tables(quality)[None, :, None, None]
    kept = (coefficients / table).round() * table
    restored = together(torch.einsum("ki,nchwkl,lj->nchwij", cosines(), kept, cosines()))
    planes = restored.round().clamp(-MIDDLE, MIDDLE - 1) + shift
    colours = torch.einsum("ij,njhw->nihw", TO_YCC.inverse(), planes)
    return colours.clamp(0, 255)[:, :, :height, :width]


def transformed(planes: Tensor, basis: Tensor) -> Tensor:
    """Coefficients (n, colours, rows, columns, 8, 8) of the blocks of planes (n, colours, h, w)."""
    blocks = planes.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
    return torch.einsum("ki,nchwij,lj->nchwkl", basis, blocks, basis)


def together(blocks: Tensor) -> Tensor:
    """Planes (n, colours, height, width) of their blocks (n, colours, rows, columns, 8, 8)."""
    return blocks.permute(0, 1, 2, 4, 3, 5).flatten(4, 5).flatten(2, 3)


@cache
def cosines() -> Tensor:
    """The orthonormal cosine transform of eight values: basis (frequency, place)."""
    place = torch.arange(BLOCK)
    basis = torch.cos(math.pi * (place + 0.5) * place[:, None] / BLOCK) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    return basis


@cache
def tables(quality: int) -> Tensor:
    """The steps (3, 8, 8) of the coefficients, as the Independent JPEG Group scales annex K."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    steps = torch.tensor([LUMINANCE, CHROMINANCE, CHROMINANCE])
    scaled = torch.div(steps * scale + 50, 100, rounding_mode="floor")
    return scaled.clamp(1, 255).float()
