"""One output unit: where its bias should start, and that training moves it anyway."""

import math

from theory.errors import DomainError

_INPUTS = (-1.0, 0.0, 1.0, 2.0)


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


def fitted_bias(
    offset: float, *, start: float, trained: bool, learning_rate: float = 0.2, steps: int = 400
) -> float:
    """The bias after gradient descent of ``weight * x + bias`` towards ``x + offset``.

    Mean squared error on four inputs; the weight starts at 0. ``trained`` says whether the bias
    is a parameter at all, or keeps its start.
    """
    weight, bias = 0.0, start
    for _ in range(steps):
        errors = [weight * x + bias - (x + offset) for x in _INPUTS]
        weight -= learning_rate * _mean([e * x for e, x in zip(errors, _INPUTS, strict=True)])
        if trained:
            bias -= learning_rate * _mean(errors)
    return bias


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _check_rate(rate: float) -> None:
    if not 0.0 < rate < 1.0:
        raise DomainError(f"rate must lie between 0 and 1, got {rate}")
