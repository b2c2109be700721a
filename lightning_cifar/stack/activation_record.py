"""How activations are written down; without torch, so that a report need not load it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ActivationRecord:
    """Moments over images and units after each hidden layer's activation function.

    means, variances: one entry for each hidden layer, four significant digits.  epoch: -1 before
    training, otherwise the epoch after which they were taken.
    """

    epoch: int
    means: tuple[float, ...]
    variances: tuple[float, ...]


def activations_from(fields: Mapping[str, Any]) -> ActivationRecord:
    """Activations from plain values."""
    return ActivationRecord(fields["epoch"], tuple(fields["means"]), tuple(fields["variances"]))
