"""Deep stacks with what one would use today: layer normalisation and residual connections."""

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.real_network.setting import Setting
from benchmarks.real_network.starts import generator_of
from lightning_cifar.backprop.stacked_layers import StackedLinear
from lightning_cifar.networks import CLASSES, dense, he_normal, hidden_sizes
from lightning_cifar.stack.network import IMAGE_DIMENSIONS


@final
class DenseBlocks(nn.Module):
    """M networks whose hidden layers are x → ELU(norm(W x)) or x → x + W ELU(norm(x)).

    networks: lists of dense layers, those of one member each. normalised: with layer
    normalisation, without weights of its own. residual: with residual connections from the second
    hidden layer on.
    """

    def __init__(
        self, networks: Sequence[nn.Sequential], *, normalised: bool, residual: bool
    ) -> None:
        super().__init__()
        self.normalised, self.residual = normalised, residual
        members = len(networks)
        self.layers = nn.ModuleList(StackedLinear(members, layer) for layer in networks[0])
        states = [network.state_dict() for network in networks]
        self.layers.load_state_dict(
            {name: torch.stack([state[name] for state in states]) for name in states[0]}
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (members, batch, 10) of standardised images, shared or each member's own."""
        outputs = images.flatten(-IMAGE_DIMENSIONS)
        first, *hidden, last = self.layers
        if not self.residual:
            for layer in (first, *hidden):
                outputs = functional.elu(self.norm(layer(outputs)))
            return last(outputs)
        outputs = first(outputs)
        for layer in hidden:
            outputs = outputs + layer(functional.elu(self.norm(outputs)))
        return last(functional.elu(self.norm(outputs)))

    def norm(self, values: Tensor) -> Tensor:
        """Mean 0 and variance 1 over the units of each image, if normalised."""
        return functional.layer_norm(values, values.shape[-1:]) if self.normalised else values

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All in one, for ``FlatNAdam``."""
        return [{"params": list(self.parameters())}]


def dense_layers(setting: Setting, seed: int) -> nn.Sequential:
    """The linear layers of a network by He's rule, without what is between them."""
    generator = generator_of(seed, "weights")
    sizes = [*hidden_sizes(setting.depth, setting.width), (setting.width, CLASSES)]
    return nn.Sequential(
        *(dense(inputs, outputs, he_normal, generator) for inputs, outputs in sizes)
    )
