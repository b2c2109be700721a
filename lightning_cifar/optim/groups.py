"""Which parameters of a network take which steps."""

from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor, nn

from lightning_cifar.optim.muon_update import RATE

Optimiser = Literal["nadam", "muon"]


def parameter_groups(
    network: nn.Module, optimiser: Optimiser, learning_rate: float
) -> list[dict[str, Any]]:
    """Groups for ``FlatNAdam``: all that is trained; or the hidden layers' weights apart, for Muon.

    Parameters that are frozen (``requires_grad`` is False) are in none.

    Raises:
        ValueError: Muon, and the network has no hidden linear layer.
    """
    if optimiser == "nadam":
        return [{"params": trained(network.parameters())}]
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    hidden = [layer.weight for layer in linear[:-1]]
    if not hidden:
        raise ValueError("the network has no hidden linear layer for Muon; use nadam")
    own = {id(weight) for weight in hidden}
    rest = [each for each in network.parameters() if id(each) not in own]
    groups: list[dict[str, Any]] = [
        {"params": trained(rest)},
        {"params": trained(hidden), "lr": RATE * learning_rate, "orthogonal": True},
    ]
    return [group for group in groups if group["params"]]


def trained(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Those that are not frozen."""
    return [each for each in parameters if each.requires_grad]
