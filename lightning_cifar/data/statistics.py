"""Mean and standard deviation of training images: what standardising subtracts and divides by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from lightning_cifar.data.images import IMAGE_SHAPE, LabelledImages
from lightning_cifar.errors import InputError

StandardisationKind = Literal["per_pixel", "per_channel", "none"]

CHUNK_IMAGES = 256  # their squares add up to less than 2**24, so float32 sums are exact
SMALLEST_DEVIATION = 1.0  # one grey level: what a pixel can express at all


@dataclass(frozen=True)
class Standardisation:
    """Mean and deviation in grey levels (0 to 255), both float32 of an image's shape."""

    mean: Tensor
    deviation: Tensor


def measure(images: Tensor | LabelledImages, kind: StandardisationKind) -> Standardisation:
    """The statistics of ``images`` (n, 3, size, size) of uint8, for each pixel or for each channel.

    Deviations divide by n and are at least one grey level: a pixel that never changes in training
    would otherwise divide by zero. Kind ``none`` is mean 0 and deviation 1 (raw grey levels).
    """
    shape = tuple(images.shape[1:])
    if kind == "none":
        return Standardisation(torch.zeros(shape), torch.ones(shape))
    sums, sums_of_squares = exact_sums(images)
    count = len(images)
    if kind == "per_channel":
        sums, sums_of_squares = (each.sum((1, 2), keepdim=True) for each in (sums, sums_of_squares))
        count *= shape[1] * shape[2]
    return standardisation(sums, sums_of_squares, count, shape)


def measure_batches(
    batches: Iterable[Any], shape: tuple[int, ...] = IMAGE_SHAPE
) -> Standardisation | None:
    """The statistics for each pixel of the raw images in one pass over batches (images, labels).

    None if the first batch does not begin with uint8 images: floats have a scale of their own.

    shape: of an image, as the network takes it.

    Raises:
        InputError: raw images of another shape, or in a loader that does not say how many it has.
    """
    count, sums, squares = 0, torch.zeros(shape).long(), torch.zeros(shape).long()
    for batch in batches:
        images = batch[0] if isinstance(batch, tuple | list) else None
        if not isinstance(images, Tensor) or images.dtype != torch.uint8:
            return None
        if images.shape[1:] != shape:
            raise InputError(
                f"the training images have the shape {tuple(images.shape[1:])}; the networks take "
                f"{shape}"
            )
        if not has_length(batches):
            raise InputError(
                "the training loader gives raw uint8 images and has no length, so their mean and "
                "deviation cannot be measured; give it a __len__, or standardise the images"
            )
        of_batch = exact_sums(images)
        count, sums, squares = count + len(images), sums + of_batch[0], squares + of_batch[1]
    return standardisation(sums, squares, count, shape) if count else None


def has_length(batches: Any) -> bool:
    """Whether batches come to an end that is known; a stock loader can have ``__len__`` in vain."""
    try:
        return len(batches) >= 0
    except TypeError:
        return False


def exact_sums(images: Tensor | LabelledImages) -> tuple[Tensor, Tensor]:
    """Sum and sum of squares over the images, int64 of an image's shape: no rounding, any order."""
    sums = torch.zeros(images.shape[1:], dtype=torch.int64)
    sums_of_squares = torch.zeros(images.shape[1:], dtype=torch.int64)
    for piece in images.split(CHUNK_IMAGES):
        pixels = piece.float()
        sums += pixels.sum(0).cpu().long()
        sums_of_squares += pixels.square().sum(0).cpu().long()
    return sums, sums_of_squares


def standardisation(
    sums: Tensor, sums_of_squares: Tensor, count: int, shape: Sequence[int]
) -> Standardisation:
    """Mean and deviation, computed in float64, of images of this shape.

    sums, sums_of_squares: over ``count`` values, of this shape or one for each channel, (3, 1, 1).
    Python's integers carry count * sum of squares - sum², which for channels is beyond int64 and
    whose difference in floating point would lose what it is about.
    """
    pairs = zip(sums.flatten().tolist(), sums_of_squares.flatten().tolist(), strict=True)
    variances = [(count * square - total * total) / count**2 for total, square in pairs]
    deviation = torch.tensor(variances, dtype=torch.float64).sqrt().clamp(min=SMALLEST_DEVIATION)
    mean, deviation = sums.double() / count, deviation.reshape(sums.shape)
    return Standardisation(
        *(each.float().expand(*shape).contiguous() for each in (mean, deviation))
    )
