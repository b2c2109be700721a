"""Means and variances of a network's activations, layer by layer, as training goes on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ActivationRecord:
    """What a fixed set of images looks like behind each hidden layer's activation function.

    Attributes:
        epoch: number of the epoch just done, counted from 0; -1 before training.
        means: over units and images, one for each hidden layer, 4 significant digits.
        variances: likewise.
    """

    epoch: int
    means: tuple[float, ...]
    variances: tuple[float, ...]
