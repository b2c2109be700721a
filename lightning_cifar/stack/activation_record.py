"""How activations are written down; without torch, so that a report need not load it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ActivationRecord:
    """Moments over images and units after each hidden layer's activation function.

    means, variances: one entry for each hidden layer, four significant digits.  epoch: -1 before
    training, otherwise the epoch after which they were taken.
    """

    epoch: int
    means: tuple[float, ...]
    variances: tuple[float, ...]
