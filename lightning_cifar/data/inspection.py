"""What a set of images holds: counts, copies, statistics; plain figures for people and programs."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch

from lightning_cifar.data.copies import count_copies
from lightning_cifar.data.images import Hashes, ImageSet, LabelledImages, Part
from lightning_cifar.data.statistics import measure


@dataclass(frozen=True)
class Inspection:
    """What was found in a set.

    Attributes:
        form, verified, notes, skipped, sizes: as in ``About``; the sizes are those of the files.
        image_size: height and width in pixels that the images were brought to.
        counts: of images, by part and class.
        copies_within: part → how many of its images are, pixel by pixel, copies of another in it.
        copies_across: "test in train" and so on → how many images of the first are in the second.
        contradictions: how many images have a copy, in any part, with another label.
        mean, deviation: of the training images, by channel, in grey levels from 0 to 255.
        fingerprint: a hash of the content.
    """

    form: str
    verified: bool
    image_size: int
    classes: tuple[str, ...]
    counts: dict[Part, dict[str, int]]
    copies_within: dict[Part, int]
    copies_across: dict[str, int]
    contradictions: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    fingerprint: str
    sizes: dict[str, int]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


def inspected(images: ImageSet) -> Inspection:
    """Look at all parts; pixels are read for the statistics alone, copies are found by hashes."""
    parts = {part: images.read(part) for part in images.parts}
    hashes = {part: images.hashes(part) for part in images.parts}
    statistics = measure(parts["train"], "per_channel")
    return Inspection(
        **vars(images.about),
        image_size=parts["train"].shape[-1],
        classes=images.classes,
        counts={part: counted(data, images.classes) for part, data in parts.items()},
        copies_within={part: len(each) - len(np.unique(each)) for part, each in hashes.items()},
        copies_across={
            f"{part} in {other}": count_copies(hashes[part], hashes[other])
            for part, other in permutations(images.parts, 2)
        },
        contradictions=contradictions(
            np.concatenate(list(hashes.values())),
            torch.cat([data.labels for data in parts.values()]).numpy(),
        ),
        mean=channels(statistics.mean),
        deviation=channels(statistics.deviation),
        fingerprint=images.fingerprint,
    )


def counted(data: LabelledImages, classes: tuple[str, ...]) -> dict[str, int]:
    """How many images each class has."""
    counts = torch.bincount(data.labels, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def contradictions(hashes: Hashes, labels: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> int:
    """How many images have a copy with another label."""
    _, groups = np.unique(hashes, return_inverse=True)
    labelled, _ = np.unique(np.stack([groups, labels]), axis=1)  # each label of a group once
    return int((np.bincount(labelled) > 1)[groups].sum())


def channels(image: torch.Tensor) -> tuple[float, ...]:
    """The value of each channel of an image (channels, height, width) that is even in each."""
    return tuple(round(float(value), 3) for value in image[:, 0, 0])
