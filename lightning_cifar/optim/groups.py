"""Which parameters of a network take which steps."""

from typing import Any, Literal

from torch import nn

from lightning_cifar.optim.muon_update import RATE

Optimiser = Literal["nadam", "muon"]


def parameter_groups(
    network: nn.Module, optimiser: Optimiser, learning_rate: float
) -> list[dict[str, Any]]:
    """Groups for ``FlatNAdam``: everything; or the hidden layers' weights apart, for Muon.

    Raises:
        ValueError: Muon, and the network has no hidden linear layer.
    """
    if optimiser == "nadam":
        return [{"params": list(network.parameters())}]
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    hidden = [layer.weight for layer in linear[:-1]]
    if not hidden:
        raise ValueError("the network has no hidden linear layer for Muon; use nadam")
    own = {id(weight) for weight in hidden}
    return [
        {"params": [each for each in network.parameters() if id(each) not in own]},
        {"params": hidden, "lr": RATE * learning_rate, "orthogonal": True},
    ]
