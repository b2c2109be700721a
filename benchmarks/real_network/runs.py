"""Conditions side by side: a rate for each by a search, then a run of each with every seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from benchmarks.real_network.setting import CHECKED, SEARCH_SEEDS, Setting
from benchmarks.real_network.starts import Build
from benchmarks.real_network.training import Curves, nadam, rows_of, train
from lightning_cifar.stack.network import StackedNetwork

RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
Optimise = Callable[[Any, Sequence[float]], Any]  # from a stack and its rates to an optimiser
Gather = Callable[[Sequence[Any]], nn.Module]  # from networks to a stack


@dataclass(frozen=True)
class Runs:
    """Trained conditions: a stack that holds the seeds of the first, then those of the next.

    Attributes:
        rates: of each condition.
        stack: as trained.
        curves: of all members.
    """

    rates: Mapping[str, float]
    seeds: tuple[int, ...]
    stack: Any
    curves: Curves

    @property
    def rows(self) -> Mapping[str, slice]:
        """Where each condition stands."""
        return rows_of(list(self.rates), len(self.seeds))

    def of(self, name: str) -> Curves:
        """The curves of one condition, (…, seeds)."""
        rows = self.rows[name]
        every = self.curves
        return Curves(
            every.steps,
            every.losses[:, rows],
            every.loss[rows],
            every.accuracy[rows],
            every.train_losses[:, rows],
        )


def searched(
    conditions: Mapping[str, Build],
    setting: Setting,
    *,
    rates: Sequence[float] = RATES,
    optimise: Optimise = nadam,
    gather: Gather = StackedNetwork,
) -> dict[str, float]:
    """Condition -> the rate with the lowest mean validation loss after an epoch of other seeds.

    conditions: of the same layers. A rate at which a loss is not finite cannot win.
    """
    names = list(conditions)
    seeds = SEARCH_SEEDS * (len(names) * len(rates))
    stack = gather(
        [conditions[name](seed) for name in names for _ in rates for seed in SEARCH_SEEDS]
    )
    optimiser = optimise(stack, [rate for rate in rates for _ in SEARCH_SEEDS] * len(names))
    curves = train(stack, optimiser, setting, seeds, epochs=1, judged_on=CHECKED)
    finite = curves.loss.nan_to_num(torch.inf, torch.inf)
    losses = finite.view(-1, len(SEARCH_SEEDS)).mean(1)
    return {
        name: rates[int(losses[rows].argmin())] for name, rows in rows_of(names, len(rates)).items()
    }


def trained(
    conditions: Mapping[str, Build],
    rates: Mapping[str, float],
    setting: Setting,
    *,
    optimise: Optimise = nadam,
    gather: Gather = StackedNetwork,
    watch: Callable[[int, Any], object] | None = None,
    **options: Any,
) -> Runs:
    """Every condition with every seed, in one stack.

    watch: called with the step's number and the stack after each step.
    options: of ``train``.
    """
    seeds = setting.seeds
    stack = gather([build(seed) for build in conditions.values() for seed in seeds])
    optimiser = optimise(stack, [rates[name] for name in conditions for _ in seeds])
    if watch is not None:
        options["after_step"] = lambda step: watch(step, stack)
    options.setdefault("epochs", setting.epochs)
    curves = train(stack, optimiser, setting, seeds * len(conditions), **options)
    return Runs({name: rates[name] for name in conditions}, seeds, stack, curves)


def smaller(setting: Setting, seeds: int) -> Setting:
    """The same with the first seeds only."""
    return replace(setting, seeds=setting.seeds[:seeds])
