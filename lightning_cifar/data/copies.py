"""Copies of one image in two parts, found by their pixels, whatever the files are called."""

from collections.abc import Mapping

import numpy as np

from lightning_cifar.data.images import Hashes, ImageSet


def count_copies(hashes: Hashes, others: Hashes) -> int:
    """How many of the images are also among the others."""
    return int(np.isin(hashes, others).sum())


def copies_in_test(images: ImageSet) -> int:
    """How many test images are copies of images that train or validate."""
    others = [images.hashes(part) for part in images.parts if part != "test"]
    return count_copies(images.hashes("test"), np.concatenate(others))


def copies_said(copies: Mapping[str, int]) -> str:
    """A line that says which parts share images, and what follows; empty if none do.

    copies: counts by the kind of copy, such as "validation in training".
    """
    found = []
    for kind, count in copies.items():
        if count:
            part, _, others = kind.partition(" in ")
            found.append(
                f"{count} {part} image is also a {others} image"
                if count == 1
                else f"{count} {part} images are also {others} images"
            )
    if not found:
        return ""
    return f"{' and '.join(found)}: figures measured on copies are too good; remove them"
