"""Questions 3 and 4: a grid of activation functions and starts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from benchmarks.real_network.comparing import compared, percent, steps_to
from benchmarks.real_network.measures import (
    gradient_norms,
    moments,
    silent_share,
    zero_share,
)
from benchmarks.real_network.runs import Runs, searched, smaller, trained
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.starts import network, torch_uniform
from benchmarks.real_network.telling import Record
from lightning_cifar.networks import Initialiser, he_normal, lecun_normal
from lightning_cifar.stack.network import StackedNetwork

STARTS: Mapping[str, Initialiser] = {
    "lecun": lecun_normal,
    "he": he_normal,
    "torch": torch_uniform,
}
# Each with the start that was made for it, where there is one.
OWN_START = {
    "relu": "he",
    "leaky_relu": "he",
    "elu": "he",
    "selu": "lecun",
    "tanh": "lecun",
    "logistic": "lecun",
}
CHECKS = 3  # validations in an epoch
OTHER_SEEDS = 3  # with the starts that are not its own, where no comparison is claimed


def measure(setting: Setting) -> Record:
    """Every cell: signal and gradient before training, accuracy and signal after it."""
    cells: dict[str, dict[str, Any]] = {}
    own = {}
    for name, start in OWN_START.items():
        own[name], found = row(name, start, setting)
        cells |= found
    accuracy = {name: percent(runs.curves.accuracy) for name, runs in own.items()}
    # A loss that every run with its function's own start reaches, those of the logistic
    # function left out: they do not learn.
    learners = [name for name in own if name != "logistic"]
    target = max(float(own[name].curves.losses.amin(0).max()) for name in learners)
    steps = {
        name: steps_to(own[name].curves.losses, own[name].curves.steps, target) for name in learners
    }
    others = [name for name in own if name != "selu"]
    return {
        "cells": cells,
        "target": target,
        "steps": steps,
        "comparisons": compared(
            {f"selu - {name}": (accuracy["selu"], accuracy[name]) for name in others}
            | {"tanh - logistic": (accuracy["tanh"], accuracy["logistic"])}
        ),
        "step_comparisons": compared(
            {f"selu - {name}": (steps["selu"], steps[name]) for name in learners if name != "selu"}
        ),
    }


def row(name: str, own: str, setting: Setting) -> tuple[Runs, dict[str, dict[str, Any]]]:
    """One activation function: its runs with its own start, and the cells of all its starts."""
    conditions = {
        start: partial(network, name, initialise, setting) for start, initialise in STARTS.items()
    }
    rates = searched(conditions, setting)
    others = [start for start in STARTS if start != own]
    first, second = (
        trained({start: conditions[start] for start in group}, rates, its, checks=CHECKS)
        for group, its in (([own], setting), (others, smaller(setting, OTHER_SEEDS)))
    )
    cells = {}
    for runs in (first, second):
        starts = [conditions[start](seed) for start in runs.rates for seed in runs.seeds]
        before = signal(StackedNetwork(starts).eval(), setting)
        after = signal(runs.stack.eval(), setting)
        for start, rows in runs.rows.items():
            cells[f"{name}, {start}"] = {
                "rate": rates[start],
                "accuracy": percent(runs.of(start).accuracy),
                "before": {key: value[rows].median(0).values for key, value in before.items()},
                "after": {
                    key: value[rows].median(0).values
                    for key, value in after.items()
                    if key != "gradients"
                },
            }
    return first, cells


def signal(stack: StackedNetwork, setting: Setting) -> dict[str, Any]:
    """Means, variances, gradient norms by layer, shares of zeros and of silent units."""
    labels = setting.validation.labels[: len(setting.probes)]
    means, variances = moments(stack, setting.probes)
    return {
        "means": means,
        "variances": variances,
        "gradients": gradient_norms(stack, setting.probes, labels),
        "zeros": zero_share(stack, setting.probes),
        "silent": silent_share(stack, setting.probes),
    }
