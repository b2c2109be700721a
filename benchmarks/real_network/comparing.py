"""Differences paired by seed, with the study's intervals and Holm's correction, as plain values."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_cifar.study.statistics import Pairs, compare_family

DIGITS = 4


def compared(
    pairs: Mapping[str, tuple[Tensor, Tensor]], margin: float | None = None
) -> dict[str, dict[str, Any]]:
    """Name -> first minus second over the seeds: mean, interval, corrected p, verdicts.

    pairs: values by seed, (seeds,), in the same order in both; all are one family.
    margin: of equivalence, in the unit of the values; None if it is not asked.
    """
    family = [
        Pairs((first.double() - second.double()).numpy().astype(np.float64), margin=margin)
        for first, second in pairs.values()
    ]
    judged = {}
    for name, each in zip(pairs, compare_family(family), strict=True):
        assert each is not None, "there are at least two seeds"
        judged[name] = {
            "mean": each.mean,
            "low": each.low,
            "high": each.high,
            "p": each.p_adjusted,
            "differs": each.is_different,
        } | ({} if margin is None else {"equivalent": each.is_equivalent})
    return judged


def percent(shares: Tensor) -> Tensor:
    """Shares as percent."""
    return 100 * shares.double()


def plain(value: Any) -> Any:
    """Tensors as lists, every number with four significant digits, for a record.

    What is not finite becomes None: JSON has no other word for it.
    """
    if isinstance(value, Tensor):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def steps_to(losses: Tensor, steps: Tensor, target: float) -> Tensor:
    """Steps until each member's loss is first at the target, (members,); infinite if never.

    losses: (checks, members), at ``steps`` (checks,); in a straight line between two checks.
    """
    reached = losses <= target
    first = reached.int().argmax(0)
    before = (first - 1).clamp(min=0)
    members = torch.arange(losses.shape[1])
    high, low = losses[before, members], losses[first, members]
    share = torch.where(first > 0, (high - target) / (high - low), 1)
    start = torch.where(first > 0, steps[before], 0)
    found = start + share * (steps[first] - start)
    return torch.where(reached.any(0), found.double(), torch.inf)
