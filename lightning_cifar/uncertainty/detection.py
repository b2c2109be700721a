"""Does uncertainty tell images of another kind from the known ones?"""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.measures import entropy
from lightning_cifar.uncertainty.weighted import auroc, tie_groups

# Name → uncertainty (images,) from log-probabilities (images, classes), in float64: the entropy in
# nats, or 1 minus the largest probability, exact also where that rounds to 1.
UNCERTAINTIES: dict[str, Callable[[Tensor], Tensor]] = {
    "entropy": lambda log_probabilities: entropy(log_probabilities.double(), -1),
    "confidence": lambda log_probabilities: -torch.expm1(log_probabilities.double().amax(-1)),
}


def detection_auroc(known: Tensor, foreign: Tensor) -> float:
    """Chance that a foreign image is more uncertain than a known one; ties count half.

    known, foreign: uncertainties (images,), of sets of any two sizes. Exact: by ranks.

    Raises:
        InputError: one of the two is empty.
    """
    if len(known) == 0 or len(foreign) == 0:
        raise InputError(
            f"detection needs images of both kinds, got {len(known)} known and {len(foreign)} "
            "foreign ones"
        )
    sought = torch.cat([torch.zeros(len(known)), torch.ones(len(foreign))]).double()
    groups = tie_groups(torch.cat([known, foreign]))
    return float(auroc(sought, groups, torch.ones(1, len(sought), dtype=torch.float64)))
