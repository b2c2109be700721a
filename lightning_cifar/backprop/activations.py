"""ELU and SELU in place, of many entries by exp(x) - 1.

PyTorch's kernels use expm1, which on a CPU takes longer than the four or six calls that do without
it, but for a few thousand entries. What exp loses near 0 is a rounding error of 1, relative to the
functions' limit at minus infinity.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_cifar.backprop.hooks import holds_watched, is_plain

# The fixed point of Klambauer et al. 2017, equation 14, as in PyTorch.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
FEW = 4096  # entries, up to which one slow call is faster than several


def constants_of(layer: nn.Module) -> tuple[float, float] | None:
    """Alpha and scale of an ELU or SELU; None for any other layer."""
    if type(layer) is nn.ELU:
        return layer.alpha, 1.0
    return (SELU_ALPHA, SELU_SCALE) if type(layer) is nn.SELU else None


def elu_(values: Tensor, alpha: float, scale: float, spare: Tensor | None = None) -> Tensor:
    """Scale * (x if x > 0 else alpha * (exp(x) - 1)) of each entry, in place.

    spare: a buffer of the same shape; elsewhere than on a CPU, or for few, it is not needed.
    """
    if values.device.type != "cpu" or values.numel() <= FEW:
        return torch.selu_(values) if scale != 1 else functional.elu_(values, alpha)
    negative = torch.clamp_max(values, 0.0, out=spare).exp_().sub_(1.0)
    if alpha == scale == 1:  # then exp(x) - 1 is above x where x is negative
        return torch.maximum(values, negative, out=values)
    return values.clamp_min_(0.0).add_(negative, alpha=alpha).mul_(scale)


def evaluated(layers: nn.Sequential, inputs: Tensor, *, overwrite: bool = False) -> Tensor:
    """The layers' output without a gradient; no layer's output is kept for later.

    Where there are hooks, they are called, and what they are given stays.

    overwrite: the inputs are not needed afterwards either.
    """
    if not is_plain(layers) or holds_watched(layers):
        called: Tensor = layers(inputs)
        return called
    outputs = inputs
    for layer in layers:
        constants = constants_of(layer)
        if constants is None or (outputs is inputs and not overwrite):
            outputs = layer(outputs)
        else:
            outputs = elu_(outputs, *constants)
    return outputs
