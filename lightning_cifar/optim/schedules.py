"""Learning rates over a run, as factors of the rate: the same for training and for the search."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Schedule = Literal["constant", "one_cycle"]
Factor = Callable[[float], float]

# The shape of the published solution: linear from a tenth to the top at 45 % of the steps, linear
# back at 90 %, then linear to next to nothing.
ONE_CYCLE = ((0.0, 0.1), (0.45, 1.0), (0.9, 0.1), (1.0, 1e-4))


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def one_cycle(progress: float) -> float:
    """Smith's 1cycle (2018, "A disciplined approach", section 4.2) with straight edges.

    progress: share of the steps that are done, 0 to 1. Returns: the factor, at most 1.
    """
    for (start, low), (end, high) in pairwise(ONE_CYCLE):
        if progress <= end:
            return low + (high - low) * (progress - start) / (end - start)
    return ONE_CYCLE[-1][1]


def mean_factor(schedule: Schedule) -> float:
    """The mean of a schedule's factor over all its steps: 1 for a constant rate, 0.5 for 1cycle."""
    if schedule == "constant":
        return 1.0
    edges = pairwise(ONE_CYCLE)
    return sum((end - start) * (low + high) / 2 for (start, low), (end, high) in edges)


SCHEDULES: dict[Schedule, Factor] = {"constant": constant, "one_cycle": one_cycle}


def scheduled(optimiser: Optimizer, schedule: Schedule, steps: int) -> OptimizerLRSchedulerConfig:
    """What ``configure_optimizers`` returns: stepped per batch, stretched over ``steps``."""
    factor = SCHEDULES[schedule]
    scheduler = LambdaLR(optimiser, lambda step: factor(step / max(steps - 1, 1)))
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
