"""The order of a quiz: the same for a seed on every machine, and in the page."""

from collections.abc import Sequence
from typing import TypeVar

from theory.errors import DomainError

Item = TypeVar("Item")

SEEDS = 2**32
_FIRST_DRAWS = 16  # left out: those of neighbouring seeds are alike


def shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    """``items`` in the order that ``seed`` gives; ``report/quiz.js`` has the same function.

    A Fisher-Yates shuffle from a linear congruential generator, which is easily written twice.

    Raises:
        DomainError: the seed is not from 0 to 4,294,967,295.
    """
    if not 0 <= seed < SEEDS:
        raise DomainError(f"--seed must be from 0 to {SEEDS - 1}, got {seed}")
    state, order = seed, list(items)
    for place in range(len(order) - 1 + _FIRST_DRAWS, 0, -1):
        state = (1664525 * state + 1013904223) % SEEDS
        if place < len(order):
            other = state * (place + 1) // SEEDS
            order[place], order[other] = order[other], order[place]
    return order
