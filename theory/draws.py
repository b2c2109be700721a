"""Random arrays from a torch generator, so that every draw of a demo has one kind of source."""

import numpy as np
import torch
from numpy.typing import NDArray


def normal(generator: torch.Generator, *shape: int) -> NDArray[np.float64]:
    """Standard normal draws of ``shape`` in float64."""
    draws: NDArray[np.float64] = torch.randn(
        shape, generator=generator, dtype=torch.float64
    ).numpy()
    return draws


def uniform(generator: torch.Generator, *shape: int) -> NDArray[np.float64]:
    """Draws of ``shape`` from the interval [0, 1) in float64."""
    draws: NDArray[np.float64] = torch.rand(shape, generator=generator, dtype=torch.float64).numpy()
    return draws
