"""Dropout masks drawn from a generator of our own, and what each kind of layer does with them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_cifar.errors import InputError

# -lambda * alpha of SELU, its limit at minus infinity: what AlphaDropout sets a dropped unit to
# before it restores mean and variance (Klambauer et al. 2017, section "New Dropout Technique").
SELU_FLOOR = -1.7580993408473766


@dataclass(frozen=True)
class UnitRule:
    """What a dropout layer makes of a unit: ``scale * unit + shift`` if kept, else ``dropped``."""

    rate: float
    scale: float
    shift: float
    dropped: float


def unit_rule(layer: nn.Module) -> UnitRule:
    """The rule of one layer acting on rows of features; equal to PyTorch's training mode.

    ``nn.FeatureAlphaDropout`` drops single features of such rows, so it equals ``nn.AlphaDropout``.

    Raises:
        InputError: the layer drops whole channels, which rows of features do not have.
    """
    if isinstance(layer, nn.Dropout):
        return plain_rule(layer.p)
    if isinstance(layer, nn.AlphaDropout | nn.FeatureAlphaDropout):
        return alpha_rule(layer.p)
    raise InputError(
        f"{type(layer).__name__} cannot be sampled behind a cached prefix; allowed are Dropout, "
        "AlphaDropout and FeatureAlphaDropout on rows of features: use naive_logits instead"
    )


def plain_rule(rate: float) -> UnitRule:
    """Keep with 1 / (1 - rate), drop to 0: the mean stays (Srivastava et al. 2014, section 10)."""
    scale = 1 / (1 - rate) if rate < 1 else 0.0
    return UnitRule(rate, scale=scale, shift=0.0, dropped=0.0)


def alpha_rule(rate: float) -> UnitRule:
    """Drop to SELU's floor, then restore mean 0 and variance 1 (Klambauer et al. 2017)."""
    if rate == 1:
        return UnitRule(rate, scale=0.0, shift=0.0, dropped=0.0)
    scale = 1 / math.sqrt((1 - rate) * (1 + rate * SELU_FLOOR**2))
    shift = -scale * rate * SELU_FLOOR
    return UnitRule(rate, scale=scale, shift=shift, dropped=scale * SELU_FLOOR + shift)


def masked(features: Tensor, mask: Tensor, rule: UnitRule) -> Tensor:
    """The layer's output for (…, images, width) features and a mask that broadcasts to it."""
    return torch.where(mask, features * rule.scale + rule.shift, rule.dropped)


def masked_linear(features: Tensor, mask: Tensor, rule: UnitRule, linear: nn.Linear) -> Tensor:
    """Dropout and the following linear layer as one product, with a mask per sample.

    The mask goes into the weights, which are fewer than the activations. Features of shape
    (images, width) serve all samples at once; otherwise they are (samples, images, width).
    mask: (samples, width). Returns: (samples, images, outputs).
    """
    mask = mask.to(linear.weight.dtype)
    scale = mask * rule.scale
    shift = mask * (rule.shift - rule.dropped) + rule.dropped
    bias = shift @ linear.weight.T
    if linear.bias is not None:
        bias = bias + linear.bias
    if features.dim() == 2:
        # Samples lie side by side in memory: a softmax over ten classes is then vectorised.
        weight = (scale * linear.weight[:, None, :]).flatten(0, 1)
        outputs = torch.addmm(bias.T.flatten(), features, weight.T)
        return outputs.view(len(features), -1, len(mask)).permute(2, 0, 1)
    return torch.baddbmm(bias[:, None, :], features, scale[:, :, None] * linear.weight.T)


def draw_masks(
    shape: Sequence[int], widths: Sequence[int], rates: Sequence[float], generator: torch.Generator
) -> list[Tensor]:
    """One mask (*shape, width) per layer, True where a unit is kept.

    The first rows of a larger draw are those of a smaller one, so that 10 samples begin 100.
    """
    uniform = torch.rand((*shape, sum(widths)), generator=generator, device=generator.device)
    parts = torch.split(uniform, list(widths), dim=-1)
    return [part >= rate for part, rate in zip(parts, rates, strict=True)]
