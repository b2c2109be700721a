"""Many networks of one kind as one module: member k computes what network k would alone.

Networks this small waste most of a machine on calls; a stack makes each call once for all.
"""

import copy
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_cifar.backprop.activations import evaluated
from lightning_cifar.backprop.stacked_layers import (
    StackedAlphaDropout,
    StackedBatchNorm,
    StackedLinear,
)
from lightning_cifar.errors import InputError

IMAGE_DIMENSIONS = 3  # channels, rows, columns
# They treat each number by itself, with nothing to learn: a stack uses them as they are.
ELEMENTWISE = (
    *(nn.ELU, nn.SELU, nn.CELU, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Softplus, nn.Softsign, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.Hardtanh),
)


@final
class StackedNetwork(nn.Module):
    """M networks of the same layers, with a leading member dimension in every parameter.

    networks: ``nn.Sequential`` of Flatten, Linear, BatchNorm1d, AlphaDropout and elementwise
    activations, the same layers in each; their weights and statistics are copied.
    seeds: for each member the seed of its dropout masks; 0, 1, 2, … if not given.
    Raises: ValueError for an empty list or different networks, InputError for a layer that does
    not stack.
    """

    def __init__(
        self, networks: Sequence[nn.Sequential], seeds: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        if not networks or len({str(network) for network in networks}) > 1:
            raise ValueError("a stack needs one or more networks of the same layers")
        if seeds is not None and len(seeds) != len(networks):
            raise ValueError(f"{len(networks)} networks need as many seeds, got {len(seeds)}")
        # In a tuple, because a plain attribute would become part of this module.
        self._pattern = (copy.deepcopy(networks[0]),)
        device = next(networks[0].parameters()).device
        numbers = torch.tensor(range(len(networks)) if seeds is None else seeds, device=device)
        self.layers = nn.Sequential(
            *(stacked(layer, place, numbers) for place, layer in enumerate(networks[0]))
        )
        states = [network.state_dict() for network in networks]
        self.layers.load_state_dict(
            {name: torch.stack([state[name] for state in states]) for name in states[0]},
            strict=False,  # the seeds of the masks are the stack's own
        )
        self.train(networks[0].training)

    @property
    def members(self) -> int:
        """How many networks are in the stack."""
        return len(next(self.parameters()))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (members, batch, classes).

        images: (batch, 3, size, size) shared by all members, or (members, batch, 3, size, size).
        """
        inputs = images.flatten(-IMAGE_DIMENSIONS)
        if self.training or torch.is_grad_enabled():
            logits: Tensor = self.layers(inputs)
            return logits
        return evaluated(self.layers, inputs)

    def parameter_groups(self) -> list[dict[str, list[nn.Parameter]]]:
        """Groups for ``FlatNAdam``: the first weight by itself, because it must stay contiguous.

        Only then is the product of shared images with all the members' rows a single one.
        """
        first = next(layer.weight for layer in self.layers if isinstance(layer, StackedLinear))
        others = [parameter for parameter in self.parameters() if parameter is not first]
        return [{"params": [first]}, {"params": others}]

    @torch.no_grad()
    def member(self, index: int) -> nn.Sequential:
        """An ordinary network with copies of one member's weights and statistics."""
        network = copy.deepcopy(self._pattern[0]).to(next(self.parameters()).device)
        network.load_state_dict(self.member_state(index))
        return network.train(self.training)

    def member_state(self, index: int) -> dict[str, Tensor]:
        """The ``state_dict`` of one member as an ordinary network would have it, copied."""
        rows = self.layers.state_dict()
        return {name: rows[name][index].clone() for name in self._pattern[0].state_dict()}

    @torch.no_grad()
    def clip_gradients(self, largest: float) -> None:
        """Shorten each member's gradient to the norm ``largest``, by PyTorch's formula.

        The norm of all members together would let each one's step depend on the others.
        """
        gradients = [each.grad for each in self.parameters() if each.grad is not None]
        norms = torch.stack([each.flatten(1).norm(dim=1) for each in gradients]).norm(dim=0)
        factors = (largest / (norms + 1e-6)).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))

    @torch.no_grad()
    def keep(self, members: Tensor) -> None:
        """Remove all members but these; tell the optimiser too (``FlatNAdam.keep``).

        members: indices into the present members, (kept,).
        """
        for parameter in self.parameters():
            parameter.data = parameter.data[members.to(parameter.device)]
            parameter.grad = None
        for layer in self.layers:
            for name, rows in layer.named_buffers():
                setattr(layer, name, rows[members.to(rows.device)])


def stacked(layer: nn.Module, place: int, seeds: Tensor) -> nn.Module:
    """The layer with a leading member dimension; ``seeds`` (members,) are those of the masks."""
    if isinstance(layer, nn.Linear):
        return StackedLinear(len(seeds), layer)
    if isinstance(layer, nn.BatchNorm1d):
        return StackedBatchNorm(len(seeds), layer)
    if isinstance(layer, nn.AlphaDropout):
        return StackedAlphaDropout(seeds, layer, place)
    if isinstance(layer, nn.Flatten):
        return nn.Identity()  # the stack has flattened the images, whose dimensions it knows
    if isinstance(layer, ELEMENTWISE):
        return copy.deepcopy(layer)
    raise InputError(
        f"a layer of type {type(layer).__name__} does not stack, which the search for a learning "
        "rate and a study need; give it a class in backprop/stacked_layers.py and a rule in "
        "backprop/layers.py"
    )


def member_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Each member's mean cross-entropy, (members,); backpropagate their sum.

    logits: (members, batch, classes).  labels: (batch,) or (members, batch).
    The sum keeps the members' gradients apart: no loss depends on another member's weights.
    """
    members, batch, _ = logits.shape
    expanded = labels.expand(members, batch)
    losses = functional.cross_entropy(logits.flatten(0, 1), expanded.flatten(), reduction="none")
    return losses.view(members, batch).mean(1)
