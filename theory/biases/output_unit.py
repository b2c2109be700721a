"""One logistic output unit: where its bias should start."""

import math

from theory.errors import DomainError


def initial_loss(rate: float, *, bias: float) -> float:
    """Cross-entropy in nats of a logistic unit that gives sigmoid(bias) for every input.

    Args:
        rate: share of positive examples, in (0, 1).
        bias: the unit's bias; its weights count as 0.

    Raises:
        DomainError: for a rate outside (0, 1).
    """
    _check_rate(rate)
    probability = 1.0 / (1.0 + math.exp(-bias))
    return -rate * math.log(probability) - (1.0 - rate) * math.log1p(-probability)


def best_bias(rate: float) -> float:
    """The bias at which ``initial_loss`` is least: log(rate / (1 - rate)) (Lin et al. 2017).

    Raises:
        DomainError: for a rate outside (0, 1).
    """
    _check_rate(rate)
    return math.log(rate / (1.0 - rate))


def _check_rate(rate: float) -> None:
    if not 0.0 < rate < 1.0:
        raise DomainError(f"rate must lie between 0 and 1, got {rate}")
