"""The mean of losses, also of a network of 16 bits, a type too coarse for sums and counts."""

from typing import Any, final

import torch
from torch import Tensor
from torchmetrics import MeanMetric


def widened(values: Tensor) -> Tensor:
    """The same numbers in 32 bits or more."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


@final
class MeanLoss(MeanMetric):
    """The mean over images, NaN if one of them is; in 32 bits or more.

    torchmetrics takes the type that a trainer's precision makes of it: with 16 bits, 10,037 images
    are counted as 10,048, and losses add up to infinity; with 64, it changes after an epoch.
    """

    def __init__(self) -> None:
        # By default NaNs are left out of the mean, and a broken network would look good.
        super().__init__(nan_strategy="disable")

    def update(self, value: Any, weight: Any = 1.0) -> None:
        """Add losses (images,), each of which counts the same."""
        losses = widened(value)
        self.mean_value = self.mean_value.to(losses.dtype) + losses.sum()
        self.weight = self.weight.to(losses.dtype) + losses.numel()
