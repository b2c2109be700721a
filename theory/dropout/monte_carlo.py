"""Monte Carlo dropout: several predictions with dropout on, averaged (Gal & Ghahramani 2016)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from theory.dropout.networks import AlwaysOnDropout, private_random

# AlphaDropout is a sibling of Dropout and not a subclass, so the common base is what counts.
DROPOUT_MODULES: tuple[type[nn.Module], ...] = (_DropoutNd, AlwaysOnDropout)


def sample_probabilities(
    network: nn.Sequential,
    inputs: Tensor,
    *,
    samples: int,
    generator: torch.Generator,
    kinds: tuple[type[nn.Module], ...] = DROPOUT_MODULES,
    share_prefix: bool = False,
) -> Tensor:
    """Class probabilities (samples, rows, classes) with modules of ``kinds`` dropping units.

    With ``share_prefix`` the layers before the first of these run once for all samples: nothing
    is random there. All modes are restored.
    """
    first = next((i for i, module in enumerate(network) if isinstance(module, kinds)), 0)
    split = first if share_prefix else 0
    with torch.no_grad(), dropout_on(network, kinds), private_random(generator):
        start = network[:split](inputs)
        return torch.stack([network[split:](start).softmax(-1) for _ in range(samples)])


@contextmanager
def dropout_on(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[None]:
    """Everything in evaluation mode but the modules of ``kinds``; modes are restored after."""
    modes = [(module, module.training) for module in network.modules()]
    for module, _ in modes:
        module.training = isinstance(module, kinds)
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
