"""Raw uint8 pixels to the scale a network was trained on; travels inside the saved model."""

import torch
from torch import Tensor, nn

from lightning_cifar.networks import IMAGE_SHAPE


class Standardise(nn.Module):
    """(pixel - mean) / deviation, per position and colour, in one pass over the batch.

    A fresh instance changes nothing but the type: mean 0, deviation 1.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(image_shape))
        self.register_buffer("scale", torch.ones(image_shape))

    def adopt(self, mean: Tensor, deviation: Tensor) -> None:
        """Take over ``mean`` and ``deviation``, both of an image's shape, in grey levels."""
        self.scale.copy_(1 / deviation)
        self.shift.copy_(-mean / deviation)

    def is_fresh(self) -> bool:
        """Whether no statistics have been adopted or loaded yet."""
        return bool((self.scale == 1).all()) and bool((self.shift == 0).all())

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, size, size) pixels of any type to standardised floats of the same shape.

        The batches of the members of a stack, (members, batch, 3, size, size), are done one by one:
        each fits into a processor's cache, all together do not.
        """
        if images.ndim > len(IMAGE_SHAPE) + 1:
            standardised = torch.empty_like(images, dtype=self.scale.dtype)
            for batch, out in zip(images, standardised, strict=True):
                torch.addcmul(self.shift, batch.to(self.scale.dtype), self.scale, out=out)
            return standardised
        return torch.addcmul(self.shift, images.to(self.scale.dtype), self.scale)
