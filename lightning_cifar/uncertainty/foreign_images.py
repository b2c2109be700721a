"""Images that show none of the classes, drawn: what a network should be unsure of.

Nothing is downloaded, so these are far from photographs of other things, which are harder to tell
from the known ones (as CIFAR-100 from CIFAR-10). The hardest kind here is ``scrambled``: the known
images with the phases of their waves drawn anew, which keeps colours, contrast and the spectrum of
photographs, and takes every outline away.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_cifar.errors import InputError

WHITE = 255.0
Draw = Callable[[Tensor, torch.Generator], Tensor]


def foreign_images(known: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """As many images of another kind as there are ``known`` ones (n, 3, size, size), uint8.

    generator: of the CPU; the same state gives the same images.

    Raises:
        InputError: a kind that there is not.
    """
    if kind not in FOREIGN:
        raise InputError(f"unknown kind of images {kind!r}; there are {', '.join(FOREIGN)}")
    drawn = FOREIGN[kind](known, generator)
    return drawn.round().clamp(0, WHITE).to(torch.uint8)


def noise(known: Tensor, generator: torch.Generator) -> Tensor:
    """Every colour of every pixel is uniform."""
    return torch.rand(known.shape, generator=generator) * WHITE


def clouds(known: Tensor, generator: torch.Generator) -> Tensor:
    """Random fields whose amplitude falls as 1 / frequency, as photographs' does (Field 1987).

    Each image has the mean and the deviation of a known one, colour by colour.
    """
    spectrum = torch.fft.rfft2(torch.randn(known.shape, generator=generator))
    fields = torch.fft.irfft2(spectrum / frequencies(known.shape[-1]), s=known.shape[-2:])
    pixels = known.float()
    deviation, mean = torch.std_mean(pixels, (2, 3), keepdim=True)
    own_deviation, own_mean = torch.std_mean(fields, (2, 3), keepdim=True)
    images: Tensor = mean + (fields - own_mean) * deviation / own_deviation
    return images


def frequencies(size: int) -> Tensor:
    """Waves across an image, (size, size // 2 + 1), as ``rfft2`` orders them; 1 for none."""
    down: Tensor = torch.fft.fftfreq(size) * size
    across: Tensor = torch.fft.rfftfreq(size) * size
    return torch.hypot(down[:, None], across).clamp_min(1)


def stripes(known: Tensor, generator: torch.Generator) -> Tensor:
    """A wave between two colours: its direction, its length of 3 to 16 pixels, its phase drawn."""
    count, _, size, _ = known.shape
    angle, length, phase = torch.rand(3, count, 1, 1, generator=generator).unbind()
    place = torch.arange(size, dtype=torch.float32)
    turn = 2 * torch.pi
    along = (turn * angle).cos() * place + (turn * angle).sin() * place[:, None]
    wave = (turn * (along / (3 + 13 * length) + phase)).sin()[:, None] / 2 + 0.5
    first, second = (WHITE * torch.rand(2, count, 3, 1, 1, generator=generator)).unbind()
    return first + wave * (second - first)


def scrambled(known: Tensor, generator: torch.Generator) -> Tensor:
    """The known images with random phases, the same for the three colours of an image."""
    shape = (len(known), 1, *known.shape[2:])
    # The phases of a real field are those of a real image: opposite ones where they must be.
    phases = torch.fft.rfft2(torch.randn(shape, generator=generator)).angle()
    phases[:, :, 0, 0] = 0  # the mean colour stays
    spectrum = torch.fft.rfft2(known.float())
    turned = spectrum * torch.polar(torch.ones_like(phases), phases)
    images: Tensor = torch.fft.irfft2(turned, s=known.shape[-2:])
    return images


FOREIGN: dict[str, Draw] = {
    "noise": noise,
    "stripes": stripes,
    "clouds": clouds,
    "scrambled": scrambled,
}
