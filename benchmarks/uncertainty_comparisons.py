"""Which comparisons the benchmark of uncertainty makes, and what comes of them.

Networks are chosen by their validation images alone. Over seeds: paired differences, tested by
exact sign flips and corrected by Holm within a family, as the study does. Of ensembles there are
fewer than seeds, of ten members one: their differences have the interval of a paired bootstrap over
the test images, for these very networks, and p values from its spread, corrected likewise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

from benchmarks.uncertainty_training import EVERY, LAST, UNDROPPED
from benchmarks.uncertainty_ways import JUDGED, PLAIN, SAMPLED, Way, by_group
from lightning_cifar.study.sign_flips import LEVEL
from lightning_cifar.study.statistics import Pairs, compare_family, holm
from lightning_cifar.uncertainty.bootstrap import paired_differences, resampled_measures
from lightning_cifar.uncertainty.corruptions import STRENGTHS
from lightning_cifar.uncertainty.foreign_images import FOREIGN
from lightning_cifar.uncertainty.scores import MEASURES

Record = dict[str, Any]
HIGHER_IS_BETTER = {each.key: each.higher_is_better for each in MEASURES} | {"auroc": True}
PLAIN_SCALED, SAMPLED_SCALED = Way(PLAIN, 1, True), Way(SAMPLED, 1, True)
NOTHING = "not enough evidence"


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a condition and a way to predict."""

    condition: str
    way: Way


@dataclass(frozen=True)
class Planned:
    """A comparison over seeds: the first's values minus the second's.

    Attributes:
        where: what is predicted: "test", "strength 3", "foreign noise".
    """

    first: Side
    second: Side
    measure: str
    where: str = "test"


def chosen(records: Mapping[str, Record]) -> dict[str, str]:
    """Role → condition with the lowest mean validation loss, each network with a temperature.

    Roles: "plain", the best without dropout; "undropped", the network to which dropout was added,
    if that is another; "last" and "every", the best of each place; "sampled", the better of these
    two. A role that no condition has is left out.
    """
    losses = {
        name: mean(record["parts"]["validation"][single(record).key]["nll"])
        for name, record in records.items()
    }

    def best(names: Sequence[str]) -> str | None:
        return min(names, key=losses.__getitem__, default=None)

    places = {
        place: [each for each in records if each.startswith(place)] for place in (LAST, EVERY)
    }
    dropout = [each for names in places.values() for each in names]
    plain = best([each for each in records if each not in dropout])
    roles = {
        "plain": plain,
        "undropped": UNDROPPED if UNDROPPED in records and plain != UNDROPPED else None,
        **{place: best(names) for place, names in places.items()},
        "sampled": best(dropout),
    }
    return {role: name for role, name in roles.items() if name is not None}


def single(record: Record) -> Way:
    """How one network of a condition is meant to predict: with its dropout, if it has any."""
    sampled = SAMPLED_SCALED.key in record["parts"]["temperatures"]
    return SAMPLED_SCALED if sampled else PLAIN_SCALED


def planned(records: Mapping[str, Record], roles: Mapping[str, str]) -> dict[str, list[Planned]]:
    """Family → its comparisons."""
    dropout = [name for name, record in records.items() if single(record) == SAMPLED_SCALED]
    found = {
        "rates": [
            Planned(Side(name, SAMPLED_SCALED), Side(name, PLAIN_SCALED), "nll") for name in dropout
        ],
        "instead": [
            Planned(Side(name, Way(SAMPLED, 1, False)), Side(name, PLAIN_SCALED), "nll")
            for name in dropout
        ],
    }
    if UNDROPPED in records:
        found["dropout"] = [
            Planned(Side(name, SAMPLED_SCALED), Side(UNDROPPED, PLAIN_SCALED), "nll")
            for name in dropout
        ]
    if {"plain", "sampled"} <= roles.keys():
        best = Side(roles["sampled"], SAMPLED_SCALED)
        rivals = rivals_of(roles)
        found["one run"] = [Planned(best, rival, key) for rival in rivals for key in JUDGED]
        found["shift"] = [
            Planned(best, rival, "calibration_error", f"strength {strength}")
            for rival in rivals
            for strength in STRENGTHS
        ]
        found["foreign"] = [
            Planned(best, rival, "auroc", f"foreign {kind}") for rival in rivals for kind in FOREIGN
        ]
    return found


def rivals_of(roles: Mapping[str, str]) -> list[Side]:
    """What one pass with a temperature gives, of a single training run.

    Of the best network without dropout, of the same network trained without it, and of the same
    network with it switched off.
    """
    names = [roles[role] for role in ("plain", "undropped", "sampled") if role in roles]
    return [Side(name, PLAIN_SCALED) for name in names]


def values(record: Record, way: Way, measure: str, where: str) -> list[float]:
    """The figure of each group; under a strength the mean over the corruptions."""
    part = record["parts"][where]
    if where.startswith("strength"):
        part = part["mean"]
    figures: list[float] = part[way.key]["entropy" if measure == "auroc" else measure]
    return figures


def over_seeds(records: Mapping[str, Record], family: Sequence[Planned]) -> list[dict[str, Any]]:
    """What the seeds say of a family, corrected for all of it; plain values."""
    pairs = []
    for each in family:
        first, second = (
            values(records[side.condition], side.way, each.measure, each.where)
            for side in (each.first, each.second)
        )
        pairs.append(Pairs(np.array(first) - np.array(second)))
    found = []
    for each, pair, comparison in zip(family, pairs, compare_family(pairs), strict=True):
        fields = {
            "first": [each.first.condition, each.first.way.key],
            "second": [each.second.condition, each.second.way.key],
            "measure": each.measure,
            "where": each.where,
            "seeds": len(pair.differences),
            "verdict": NOTHING,
        }
        if comparison is not None:
            fields |= {
                key: getattr(comparison, key) for key in ("mean", "low", "high", "p_adjusted")
            }
            if comparison.is_different:
                better = (comparison.mean > 0) == HIGHER_IS_BETTER[each.measure]
                fields["verdict"] = "better" if better else "worse"
        found.append(fields)
    return found


def ensembles_planned(roles: Mapping[str, str], sizes: Sequence[int]) -> list[tuple[Side, Side]]:
    """Comparisons over images: ensembles without dropout against Monte Carlo dropout.

    One network with dropout against ensembles of each size; and with as many networks on both
    sides, against the best without dropout and against the same networks without sampling.
    """
    if not {"plain", "sampled"} <= roles.keys():
        return []
    plain, sampled = roles["plain"], roles["sampled"]
    found = [(Side(plain, Way(PLAIN, size, True)), Side(sampled, SAMPLED_SCALED)) for size in sizes]
    for size in sizes:
        ensemble = Side(sampled, Way(SAMPLED, size, True))
        found += [
            (ensemble, Side(plain, Way(PLAIN, size, True))),
            (ensemble, Side(sampled, Way(PLAIN, size, True))),
        ]
    return found


def over_images(
    comparisons: Sequence[tuple[Side, Side]],
    predictions: Mapping[str, Mapping[str, Tensor]],
    records: Mapping[str, Record],
    labels: Tensor,
) -> list[dict[str, Any]]:
    """What the test images say; a side's figure is the mean over its groups.

    predictions: condition → kind → log-probabilities (networks, images, classes) of the test part.
    """
    seen: dict[Side, dict[str, Tensor]] = {}

    def resampled(side: Side) -> dict[str, Tensor]:
        if side not in seen:
            fitted = records[side.condition]["parts"]["temperatures"]
            members = by_group(predictions[side.condition], side.way, fitted)
            each = [resampled_measures(one, labels, seed=0) for one in members]
            seen[side] = {key: torch.stack([one[key] for one in each]).mean(0) for key in each[0]}
        return seen[side]

    found = []
    for first, second in comparisons:
        resamples = resampled(second), resampled(first)
        differences = paired_differences(*resamples, images=len(labels))
        measures = {
            key: {name: getattr(differences[key], name) for name in ("value", "low", "high")}
            | {"p": normal_p(resamples[1][key] - resamples[0][key])}
            for key in JUDGED
        }
        found.append(
            {
                "first": [first.condition, first.way.key],
                "second": [second.condition, second.way.key],
                "measures": measures,
            }
        )
        print(f"{first.condition} {first.way.key} against {second.condition} {second.way.key}")
    judge(found)
    return found


def normal_p(values: Tensor) -> float:
    """Two-sided p of a difference ``values[0]`` from the bias and spread of the resampled others.

    A share of 2,000 resamples could not be small enough to be corrected for a table of comparisons.
    """
    value, others = float(values[0]), values[1:][~values[1:].isnan()]
    bias, deviation = abs(float(others.mean()) - value), float(others.std())
    beyond = max(0.0, abs(value) - bias)
    return float(2 * norm.sf(beyond / deviation)) if deviation > 0 else float(value == 0)


def judge(comparisons: Sequence[dict[str, Any]]) -> None:
    """Give each measure of each comparison its p, corrected by Holm for all of them, and verdict.

    As over seeds: different if the corrected test passes and its own interval excludes 0.
    """
    tested = [(key, each) for found in comparisons for key, each in found["measures"].items()]
    for (key, each), adjusted in zip(
        tested, holm([each.pop("p") for _, each in tested]), strict=True
    ):
        each["p_adjusted"] = adjusted
        each["verdict"] = NOTHING
        if adjusted <= LEVEL and not each["low"] <= 0 <= each["high"]:
            better = (each["value"] > 0) == HIGHER_IS_BETTER[key]
            each["verdict"] = "better" if better else "worse"
