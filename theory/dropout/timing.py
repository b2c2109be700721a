"""Wall time of two actions as ratios of pairs: to report, never to decide by.

The two take turns, so that whatever else the machine does slows both alike.
"""

import time
from collections.abc import Callable

import numpy as np

_WARM_UP = 3


def paired_ratios(
    first: Callable[[], object], second: Callable[[], object], *, pairs: int
) -> tuple[float, ...]:
    """Time of ``second`` over that of ``first`` in each of ``pairs`` turns, after a warm-up."""
    ratios = []
    for turn in range(_WARM_UP + pairs):
        # Every other turn the order is reversed: the one that comes second may find a warm cache.
        times = {action: _seconds(action) for action in ((first, second)[:: (-1) ** turn])}
        if turn >= _WARM_UP:
            ratios.append(times[second] / times[first])
    return tuple(ratios)


def quartiles(values: tuple[float, ...]) -> tuple[float, ...]:
    """Lower quartile, median and upper quartile; empty for no values."""
    return tuple(float(q) for q in np.quantile(values, (0.25, 0.5, 0.75))) if values else ()


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
