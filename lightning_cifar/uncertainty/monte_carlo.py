"""Monte Carlo dropout: many predictions per image, of which only the random part is computed anew.

Gal and Ghahramani 2016 (arXiv:1506.02142): each sample draws a mask, that is, a network. Everything
before the first active dropout layer is the same in every sample and is computed once.
"""

from collections.abc import Callable, Iterator
from typing import Literal, Never

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lightning_cifar.errors import InputError
from lightning_cifar.seeds import seed_generators
from lightning_cifar.uncertainty.dropout_modes import dropout_active, evaluation_mode
from lightning_cifar.uncertainty.masks import draw_masks
from lightning_cifar.uncertainty.stages import Plan, plan_of, suffix_logits

MaskKind = Literal["shared", "per_image"]

IMAGES_PER_PASS = 1024
# Activations of one block in a processor's cache; a GPU wants large blocks instead.
FLOATS_PER_BLOCK = {"cpu": 1 << 18}
FLOATS_PER_BLOCK_ON_ACCELERATOR = 1 << 27
LOGITS_PER_CLASS = 1 << 24
SECONDS_BEFORE_PROGRESS = 2.0


def sample_logits(
    network: nn.Sequential, images: Tensor, *, samples: int, seed: int, masks: MaskKind = "shared"
) -> Tensor:
    """Logits of ``samples`` masked passes, of shape (images, samples, classes).

    With ``"shared"`` masks, a sample is one network that sees all the images: almost no random
    numbers, and an image's result does not depend on its neighbours. With ``"per_image"`` masks
    each image gets its own; the distribution for any single image is the same. The global random
    state is neither used nor changed.

    Raises:
        InputError: no active dropout, one that cannot be cached, samples < 1, or no images.
    """
    blocks = logit_blocks(network, images, samples=samples, seed=seed, masks=masks)
    return torch.cat(list(blocks))


def logit_blocks(
    network: nn.Sequential, images: Tensor, *, samples: int, seed: int, masks: MaskKind = "shared"
) -> Iterator[Tensor]:
    """``sample_logits`` in blocks of images, for results that need not be held all at once."""
    require_samples(samples)
    if len(images) == 0:
        raise InputError("there are no images to predict; give at least one")
    if masks not in ("shared", "per_image"):
        raise InputError(f"masks must be 'shared' or 'per_image', got {masks!r}")
    with evaluation_mode(network), torch.no_grad():
        plan = plan_of(network, images[:1])
    if masks == "shared":
        sampler, floats = shared_sampler(plan, samples, seed), plan.width
    else:
        sampler = per_image_sampler(plan, seed, images.device)
        floats = max(plan.width, sum(plan.mask_widths))
    sizes = block_sizes(images, samples, floats)
    return sampled_blocks(network, plan, images, samples, sampler, sizes)


def require_samples(samples: int) -> None:
    """Refuse a number of samples below 1 with an InputError."""
    if samples < 1:
        raise InputError(f"the number of samples must be at least 1, got {samples}")


Sampler = Callable[[Tensor, Tensor], list[Tensor]]  # features and sample numbers to masks


def block_sizes(images: Tensor, samples: int, floats: int) -> tuple[int, int]:
    """Images per block, and samples at once, if an image's sample needs ``floats`` at a time."""
    budget = FLOATS_PER_BLOCK.get(images.device.type, FLOATS_PER_BLOCK_ON_ACCELERATOR)
    few = min(IMAGES_PER_PASS, LOGITS_PER_CLASS // samples)
    images_per_block = min(len(images), max(1, few, budget // (floats * samples)))
    return images_per_block, max(1, budget // (floats * images_per_block))


def sampled_blocks(
    network: nn.Sequential,
    plan: Plan,
    images: Tensor,
    samples: int,
    sampler: Sampler,
    sizes: tuple[int, int],
) -> Iterator[Tensor]:
    """Logits (block, samples, classes), block by block; modes are changed only while computing."""
    images_per_block, samples_at_once = sizes
    with progress(len(images)) as bar:
        for block in torch.split(images, images_per_block):
            with evaluation_mode(network), torch.no_grad():
                features = plan.prefix(block)
                parts = [
                    suffix_logits(plan, features, sampler(features, part)).transpose(0, 1)
                    for part in torch.split(torch.arange(samples), samples_at_once)
                ]
            bar.update(len(block))
            yield parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def shared_sampler(plan: Plan, samples: int, seed: int) -> Sampler:
    """Masks of shape (samples, width), drawn once; on the CPU, so that devices agree on them."""
    generator = torch.Generator().manual_seed(seed)
    masks = draw_masks((samples,), plan.mask_widths, plan.rates, generator)

    def sampler(features: Tensor, numbers: Tensor) -> list[Tensor]:
        return [mask[numbers].to(features.device) for mask in masks]

    return sampler


def per_image_sampler(plan: Plan, seed: int, device: torch.device) -> Sampler:
    """Masks of shape (samples, images, width), drawn block by block on the features' device."""
    generator = torch.Generator(device).manual_seed(seed)

    def sampler(features: Tensor, numbers: Tensor) -> list[Tensor]:
        shape = (len(numbers), len(features))
        return draw_masks(shape, plan.mask_widths, plan.rates, generator)

    return sampler


def naive_logits(model: nn.Module, images: Tensor, *, samples: int, seed: int) -> Tensor:
    """Logits (images, samples, classes) of full passes through PyTorch's own dropout layers.

    For any model, whatever its dropout layers; masks are per image. Cost: ``samples`` passes.
    PyTorch's dropout knows no generator, so the global one is seeded and then put back.

    Raises:
        InputError: the model has no active dropout layer, samples < 1, or no images.
    """
    require_samples(samples)
    if len(images) == 0:
        raise InputError("there are no images to predict; give at least one")
    devices = [images.device] if images.is_cuda else []  # beside the CPU
    with dropout_active(model), torch.no_grad(), torch.random.fork_rng(devices):
        seed_generators(seed, images.device)
        with progress(samples) as bar:
            passes = []
            for _ in range(samples):
                blocks = torch.split(images, IMAGES_PER_PASS)
                passes.append(torch.cat([model(block) for block in blocks]))
                bar.update()
        return torch.stack(passes, dim=1)


def progress(total: int) -> "tqdm[Never]":
    """A bar on a terminal, once a prediction has taken two seconds; nothing anywhere else."""
    return tqdm(total=total, disable=None, delay=SECONDS_BEFORE_PROGRESS, leave=False)
