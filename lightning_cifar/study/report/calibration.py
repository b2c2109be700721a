"""Monte Carlo dropout over the seeds: pooled reliability, and scores by number of samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightning_cifar.study.report.declared import MAIN
from lightning_cifar.study.report.study_files import Study

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The images of all seeds within one step of confidence."""

    confidence: float
    accuracy: float
    images: int


def comparisons(study: Study) -> list[Mapping[str, Any]]:
    """What the runs of the exercise recorded of Monte Carlo dropout."""
    runs = study.runs(MAIN, "alpha_dropout")
    return [record.monte_carlo for record in runs if record.monte_carlo]


def pooled_reliability(compared: Sequence[Mapping[str, Any]], way: str) -> list[Bin]:
    """The bins of all seeds together, from unsure to sure; empty ones are left out."""
    sums = np.zeros((BINS, 3))
    for comparison in compared:
        for each in comparison.get("reliability", {}).get(way, ()):
            place = min(max(math.ceil(each["confidence"] * BINS) - 1, 0), BINS - 1)
            images = each["images"]
            sums[place] += images, images * each["confidence"], images * each["accuracy"]
    return [Bin(sure / count, right / count, int(count)) for count, sure, right in sums if count]


def scores_by_count(compared: Sequence[Mapping[str, Any]], key: str) -> dict[int, list[float]]:
    """Number of samples -> one score for each seed."""
    found: dict[int, list[float]] = {}
    for comparison in compared:
        for each in comparison.get("by_count", ()):
            if each[key] is not None:
                found.setdefault(each["samples"], []).append(each[key])
    return dict(sorted(found.items()))


def mean_score(compared: Sequence[Mapping[str, Any]], way: str, key: str) -> float:
    """Over the seeds; NaN if none has it."""
    found = [comparison.get("scores", {}).get(way, {}).get(key) for comparison in compared]
    known = [each for each in found if each is not None]
    return float(np.mean(known)) if known else math.nan
