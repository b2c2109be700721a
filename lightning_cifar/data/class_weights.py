"""Weights under which every class counts as much as any other, however few its images."""

from typing import Literal

import torch
from torch import Tensor

ClassWeights = Literal["none", "balanced"]


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """Number of images / (classes * number of the class's images): (classes,) of float64.

    The images of a class then weigh the same together whatever its size, and an image weighs 1 on
    average (King and Zeng 2001, with equal shares). labels: (n,), some of every class.
    """
    counts = torch.bincount(labels.cpu(), minlength=classes).double()
    return len(labels) / (classes * counts)
