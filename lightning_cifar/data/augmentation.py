"""Random flips and shifts, drawn for each image, applied to a batch at once."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """Which random changes training images undergo; the default is none.

    torchvision's random v2 transforms draw once for the whole batch; here each image has its own
    draw.

    Attributes:
        flip: mirror each image with probability 1/2.
        shift: move it by up to so many pixels each way; what that uncovers is filled by reflection.
    """

    flip: bool = False
    shift: int = 0

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The images (batch, 3, size, size), of any type and on any device, with the changes.

        generator: on the CPU, so that every device sees the same draws.
        """
        if self.flip:
            images = flip_some(images, generator)
        if self.shift:
            images = shift_each(images, generator, self.shift)
        return images


def flip_some(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror a random half of the images left to right."""
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.to(images.device)[:, None, None, None], images.flip(3), images)


def shift_each(images: Tensor, generator: torch.Generator, shift: int) -> Tensor:
    """Crop each padded image at its own random corner."""
    # torchvision takes a second to import and most runs do not augment.
    from torchvision.transforms.v2.functional import pad

    batch, _, height, width = images.shape
    padded: Tensor = pad(images, [shift], padding_mode="reflect")
    crops = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: every crop, none copied yet
    corners = torch.randint(2 * shift + 1, (2, batch), generator=generator).to(images.device)
    return crops[torch.arange(batch, device=images.device), :, corners[0], corners[1]]
