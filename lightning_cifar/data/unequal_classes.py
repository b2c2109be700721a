"""Classes of unequal size: weights and an accuracy in which each counts as much as the others."""

from typing import Literal, final

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassStatScores

ClassWeights = Literal["none", "balanced"]


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """Number of images / (classes * number of the class's images): (classes,) of float64.

    The images of a class then weigh the same together whatever its size, and an image weighs 1 on
    average (King and Zeng 2001, with equal shares). labels: (n,), some of every class.
    """
    counts = torch.bincount(labels.cpu(), minlength=classes).double()
    weights: Tensor = len(labels) / (classes * counts)
    return weights


def has_equal_classes(labels: Tensor, classes: int) -> bool:
    """Whether each class has as many labels (n,) as any other."""
    return len(set(torch.bincount(labels, minlength=classes).tolist())) == 1


@final
class BalancedAccuracy(MulticlassStatScores):
    """The mean, over the classes that have images, of the share of these that is right.

    torchmetrics' own mean counts a class without images as wholly wrong as soon as an image is
    taken for it.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(classes, average="none", validate_args=False)

    def compute(self) -> Tensor:
        """The mean of the shares."""
        right, _, _, _, images = super().compute().unbind(1)
        present = images > 0
        return (right[present] / images[present]).mean()
