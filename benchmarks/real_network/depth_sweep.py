"""The depth sweep: where do the four variants break, and what mends them?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean
from typing import Any

from torch import nn

from benchmarks.real_network.blocks import DenseBlocks, dense_layers
from benchmarks.real_network.comparing import compared, percent
from benchmarks.real_network.runs import Gather, searched, smaller, trained
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.starts import generator_of
from benchmarks.real_network.telling import Finding, Record, Told, average, points, table
from lightning_cifar.networks import (
    alpha_dropout_network,
    batch_norm_network,
    elu_network,
    selu_network,
)
from lightning_cifar.stack.network import StackedNetwork

DEPTHS = (1, 5, 20, 35, 50)
SEEDS = 3  # below the greatest depth, where no comparison is claimed
IMAGES = 0.8  # of the training images
RATES = (1e-4, 3e-4, 1e-3, 3e-3)
PLAIN = "elu"
BROKEN = 5.0  # points below a kind's best depth


@dataclass(frozen=True)
class Kind:
    """How a network of this kind is built for a seed, and how many are gathered in a stack."""

    build: Any
    gather: Gather = StackedNetwork


def variant(builder: Any, setting: Setting, seed: int) -> nn.Sequential:
    """One of the exercise's networks with the setting's depth."""
    network: nn.Sequential = builder(setting.depth, setting.width, generator_of(seed, "weights"))
    return network


def blocks(normalised: bool, residual: bool) -> Kind:
    """Dense layers with normalisation or residual connections between them."""
    return Kind(dense_layers, partial(DenseBlocks, normalised=normalised, residual=residual))


KINDS: Mapping[str, Kind] = {
    "elu": Kind(partial(variant, elu_network)),
    "batch_norm": Kind(partial(variant, batch_norm_network)),
    "selu": Kind(partial(variant, selu_network)),
    "alpha_dropout": Kind(
        partial(variant, partial(alpha_dropout_network, dropout_rate=0.1, dropout_everywhere=False))
    ),
    "layer_norm": blocks(True, False),
    "residual": blocks(False, True),
    "residual + layer_norm": blocks(True, True),
}


def measure(setting: Setting, depths: tuple[int, ...] = DEPTHS) -> Record:
    """Accuracy of every kind at every depth, each cell at its own rate."""
    setting = setting.with_images(round(IMAGES * len(setting.train)))
    cells: dict[str, dict[str, Any]] = {name: {} for name in KINDS}
    deepest = {}
    for depth in depths:
        at_depth = replace(setting, depth=depth)
        if depth < max(depths):
            at_depth = smaller(at_depth, SEEDS)
        for name, kind in KINDS.items():
            found = {name: partial(kind.build, at_depth)}
            rates = searched(found, at_depth, rates=RATES, gather=kind.gather)
            runs = trained(found, rates, at_depth, gather=kind.gather)
            accuracy = percent(runs.curves.accuracy)
            cells[name][str(depth)] = {"rate": rates[name], "accuracy": accuracy}
            if depth == max(depths):
                deepest[name] = accuracy
    return {
        "images_used": len(setting.train),
        "depths": list(depths),
        "cells": cells,
        "comparisons": compared(
            {
                f"{name} - {PLAIN}": (deepest[name], deepest[PLAIN])
                for name in KINDS
                if name != PLAIN
            }
        ),
    }


def tell(record: Record) -> Told:
    """The section of the page."""
    depths = record["depths"]
    accuracy = {
        name: {depth: average(cells[str(depth)]["accuracy"]) for depth in depths}
        for name, cells in record["cells"].items()
    }
    breaks = {name: breaking(values) for name, values in accuracy.items()}
    deepest = depths[-1]
    judged = record["comparisons"]
    mends = [
        name.removesuffix(f" - {PLAIN}")
        for name, each in judged.items()
        if each["differs"] and each["mean"] > 0
    ]
    selu = judged[f"selu - {PLAIN}"]
    at_20 = accuracy["selu"].get(20, mean(accuracy["selu"].values()))
    return Told(
        "where the plain network breaks, and what mends it",
        f"{record['images_used']:,} training images; every cell has the best of four rates and "
        f"{SEEDS} seeds. At the greatest depth, where the kinds are compared, it has all seeds. "
        "Layer normalisation stands before the activation function. A residual layer adds to its "
        "input a dense layer of the activated (and normalised) input.",
        (
            table(
                ("validation accuracy (%)", *map(layers, depths), "breaks at"),
                [
                    (
                        name,
                        *(f"{values[depth]:.1f}" for depth in depths),
                        breaks[name] or f"not up to {deepest}",
                    )
                    for name, values in accuracy.items()
                ],
            ),
            f"A kind breaks at the first depth, beyond its best one, at which it is {BROKEN:g} "
            "points below its best accuracy.",
            table(
                ("rate", *map(layers, depths)),
                [
                    (name, *(f"{cells[str(depth)]['rate']:g}" for depth in depths))
                    for name, cells in record["cells"].items()
                ],
            ),
            f"At {deepest} layers:\n\n"
            + "\n".join(f"- {name}: {points(each)}." for name, each in judged.items())
            + f"\n\nBetter than the plain network there: {', '.join(mends) or 'none'}.",
        ),
        (
            Finding(
                "Q3.6",
                f"The SELU network reaches {accuracy['selu'][depths[0]]:.1f} % with one hidden "
                f"layer, {at_20:.1f} % with 20 and {accuracy['selu'][deepest]:.1f} % with "
                f"{deepest}; against ELU at {deepest}: {points(selu)}.",
                selu["differs"] and selu["mean"] > 0,
            ),
        ),
    )


def layers(depth: int) -> str:
    """The depth in words."""
    return f"{depth} layer{'s' * (depth > 1)}"


def breaking(values: Mapping[int, float]) -> int | None:
    """The first depth beyond the best that is ``BROKEN`` points worse; None if there is none."""
    best = max(values, key=lambda depth: values[depth])
    return next(
        (depth for depth in values if depth > best and values[depth] < values[best] - BROKEN), None
    )
