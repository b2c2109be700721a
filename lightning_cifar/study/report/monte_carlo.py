"""Monte Carlo dropout over the seeds: against its rivals, how reliable, how many samples."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightning_cifar.study.contrasts import Finding, Findings
from lightning_cifar.study.measures import SCORES, way_measure
from lightning_cifar.study.report.families import RIVALS, SCALED
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Study

EDGES = np.linspace(0, 1, 16)


@dataclass(frozen=True)
class MonteCarlo:
    """What many passes give against one pass and against temperature scaling.

    Attributes:
        recorded: what each run recorded, as ``uncertainty.report.to_json`` writes it.
        samples: number of passes, if all runs agree on one; else 0.
        found: a finding for each rival and score that has enough runs.
        accuracy, likelihood: against one pass.  rival: likelihood against temperature scaling.
        scaled: likelihood against temperature scaling, each with its own temperature; None
            where the records do not hold it.
    """

    recorded: tuple[Mapping[str, Any], ...]
    samples: int
    found: tuple[Finding, ...]
    accuracy: Finding | None
    likelihood: Finding | None
    rival: Finding | None
    scaled: Finding | None

    @property
    def is_split(self) -> bool:
        """Whether it takes more than one word to answer."""
        asked = (self.accuracy, self.likelihood, self.rival)
        return all(asked) and len({each.verdict for each in asked if each}) > 1


def monte_carlo(study: Study, findings: Findings, question: Question) -> MonteCarlo:
    """Every score against both rivals, over the seeds."""
    cell = question.cells[0]
    pairs = [*(("monte_carlo", rival) for rival in RIVALS), (SCALED, "temperature")]
    found: dict[tuple[str, str, str], Finding] = {}
    for (way, rival), score in itertools.product(pairs, SCORES):
        finding = findings.find(cell, cell, way_measure(way, score), way_measure(rival, score))
        if finding and finding.comparison:
            found[way, rival, score[0]] = finding
    recorded = tuple(run.monte_carlo for run in study.runs(*cell) if run.monte_carlo)
    counts = {compared.get("samples", 0) for compared in recorded}
    return MonteCarlo(
        recorded,
        int(counts.pop()) if len(counts) == 1 else 0,
        tuple(found.values()),
        accuracy=found.get(("monte_carlo", "deterministic", "accuracy")),
        likelihood=found.get(("monte_carlo", "deterministic", "nll")),
        rival=found.get(("monte_carlo", "temperature", "nll")),
        scaled=found.get((SCALED, "temperature", "nll")),
    )


@dataclass(frozen=True)
class Bin:
    """The images of all seeds within one step of confidence."""

    confidence: float
    accuracy: float
    images: int


def pooled_reliability(compared: Sequence[Mapping[str, Any]], way: str) -> list[Bin]:
    """The bins of all seeds together, from unsure to sure; empty ones are left out.

    They are those of the records: equally wide, with their lower edge, and one for exactly 1.
    """
    sums = np.zeros((len(EDGES), 3))
    for comparison in compared:
        for each in comparison.get("reliability", {}).get(way, ()):
            place = np.searchsorted(EDGES, each["confidence"], side="right") - 1
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
