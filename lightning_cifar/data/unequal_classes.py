"""Classes of unequal size: weights and an accuracy in which each counts as much as the others."""

from typing import Literal, final

import torch
from torch import Tensor
from torchmetrics import Metric

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
class BalancedAccuracy(Metric):
    """The mean, over the classes that have images, of the share of these that is right.

    torchmetrics counts a class without images as wholly wrong as soon as an image is taken for it.
    """

    full_state_update = False
    right: Tensor
    images: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        for name in ("right", "images"):
            zeros = torch.zeros(classes, dtype=torch.long)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits (images, classes), labels (images,)."""
        classes, is_right = len(self.images), logits.argmax(-1) == labels
        self.images += torch.bincount(labels, minlength=classes)
        self.right += torch.bincount(labels[is_right], minlength=classes)

    def compute(self) -> Tensor:
        """The mean of the shares."""
        present = self.images > 0
        return (self.right[present] / self.images[present]).mean()
