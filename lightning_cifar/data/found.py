"""What was found, in lines for whoever starts a command."""

import torch
from torch import Tensor

from lightning_cifar.data.containers import shown
from lightning_cifar.data.images import ImageSet
from lightning_cifar.data.sources import Source

MOST_CLASSES = 12  # that are counted one by one in a line
MOST_SKIPPED = 3  # that are named; the record has all


def found_said(images: ImageSet, source: Source, path: str | None) -> list[str]:
    """Lines on the images of a path: their form, what was done with them, what was left out."""
    about = images.about
    if source != "folder" or not about.form:
        return []
    verified = "with the official hashes" if about.verified else "content not verified"
    lines = [f"{shown(path)}: {about.form}, {len(images.classes)} classes ({verified})"]
    lines += about.notes
    if about.skipped:
        count = len(about.skipped)
        lines.append(f"skipped {count} unreadable image{'s' if count > 1 else ''}:")
        lines += [f"  {each.partition('; replace')[0]}" for each in about.skipped[:MOST_SKIPPED]]
        if count > MOST_SKIPPED:
            lines.append(f"  and {count - MOST_SKIPPED} more (in the record)")
    return lines


def counts_said(labels: Tensor, classes: tuple[str, ...]) -> str:
    """A line with the number of training images of each class; empty where all have as many.

    A difference of one is what a stratified split leaves.
    """
    counts = torch.bincount(labels, minlength=len(classes)).tolist()
    if max(counts) - min(counts) <= 1:
        return ""
    pairs = sorted(zip(counts, classes, strict=True), reverse=True)
    listed = ", ".join(f"{shown(name)} {count}" for count, name in pairs)
    if len(pairs) > MOST_CLASSES:
        (most, largest), (least, smallest) = pairs[0], pairs[-1]
        listed = f"from {least} ({shown(smallest)}) to {most} ({shown(largest)})"
    return (
        f"training images by class: {listed}; balanced accuracy is given as well, "
        "--model.class_weights balanced trains for it"
    )
