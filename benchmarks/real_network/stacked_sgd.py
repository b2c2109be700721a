"""SGD with a rate and a momentum for each member of a stack, in the buffers of the package."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lightning_cifar.optim.flat_parameters import FlatGroup


class StackedSGD:
    """The rule of ``torch.optim.SGD``: v ← momentum v + gradient, w ← w - rate v.

    groups: of ``StackedNetwork.parameter_groups``. rates, momenta: one for each member.
    """

    def __init__(
        self, groups: Sequence[dict[str, Any]], rates: Sequence[float], momenta: Sequence[float]
    ) -> None:
        self.parameters = [group["params"] for group in groups]
        self.flat = [FlatGroup(parameters, len(rates)) for parameters in self.parameters]
        self.velocity = [torch.zeros_like(flat.weights) for flat in self.flat]
        self.rates, self.momenta = (torch.tensor(each)[:, None] for each in (rates, momenta))

    def attach_gradients(self) -> None:
        """Let the parameters' gradients be views into the buffers."""
        for flat, parameters in zip(self.flat, self.parameters, strict=True):
            flat.attach_gradients(parameters)

    def gradients(self) -> list[Tensor]:
        """The buffer (members, elements) of each group's gradients."""
        return [flat.gradient for flat in self.flat]

    @torch.no_grad()
    def step(self) -> None:
        """One step of every member from the gradients in the buffers."""
        for flat, velocity in zip(self.flat, self.velocity, strict=True):
            velocity.mul_(self.momenta).add_(flat.gradient)
            flat.weights.addcmul_(velocity, self.rates, value=-1)
