"""SELU for many samples at once: most of the time behind a cached prefix goes into it."""

import torch
from torch import Tensor, nn

# The fixed point of Klambauer et al. 2017, equation 14, as in PyTorch.
ALPHA = 1.6732632423543772848170429916717
SCALE = 1.0507009873554804934193349852946


class QuickSELU(nn.Module):
    """SELU through exp(x) - 1, which a CPU computes several times faster than expm1(x).

    Differs from ``nn.SELU`` by a few rounding errors of 1, which is its value at minus infinity
    and not of the result, so near 0 the relative error is larger. Writes into its argument.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """SELU of each entry; elsewhere than on a CPU it is PyTorch's own, one kernel."""
        if inputs.device.type != "cpu":
            return torch.selu_(inputs)
        negative = inputs.clamp(max=0).exp_()
        positive = inputs.clamp_(min=0).mul_(SCALE)
        return positive.add_(negative, alpha=SCALE * ALPHA).sub_(SCALE * ALPHA)
