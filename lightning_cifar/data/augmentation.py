"""Random flips and shifts, drawn for each image, applied to a batch at once."""

import torch
from torch import Tensor


def augment(images: Tensor, *, generator: torch.Generator, flip: bool, shift: int) -> Tensor:
    """Mirror each image with probability 1/2, and move it by up to ``shift`` pixels each way.

    images: (batch, 3, size, size) of any type, on any device; ``generator``: on the CPU, so that
    every device sees the same draws. What a shift uncovers is filled by reflection. torchvision's
    random v2 transforms draw once for the whole batch; here each image has its own draw.
    """
    if flip:
        images = flip_some(images, generator)
    if shift:
        images = shift_each(images, generator, shift)
    return images


def flip_some(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror a random half of the images left to right."""
    # torchvision takes a second to import and most runs do not augment.
    from torchvision.transforms.v2.functional import horizontal_flip

    chosen = torch.rand(len(images), generator=generator) < 0.5
    flipped: Tensor = horizontal_flip(images)
    return torch.where(chosen.to(images.device)[:, None, None, None], flipped, images)


def shift_each(images: Tensor, generator: torch.Generator, shift: int) -> Tensor:
    """Crop each padded image at its own random corner."""
    from torchvision.transforms.v2.functional import pad

    batch, _, height, width = images.shape
    padded: Tensor = pad(images, [shift], padding_mode="reflect")
    crops = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: every crop, none copied yet
    corners = torch.randint(2 * shift + 1, (2, batch), generator=generator).to(images.device)
    return crops[torch.arange(batch, device=images.device), :, corners[0], corners[1]]
