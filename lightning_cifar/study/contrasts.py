"""Comparisons of two sides from a study's records, judged as one family."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lightning_cifar.study.measures import SECOND_RULE, Measure, values
from lightning_cifar.study.statistics import (
    FEWEST_PAIRS,
    Comparison,
    Pairs,
    compare_family,
    holm,
    paired_differences,
)
from lightning_cifar.study.study_files import Cell, Study, planned_seeds
from lightning_cifar.study.two_noises import Noises, noises

Key = tuple[Cell, Cell, str, str]

BETTER, WORSE, EQUIVALENT, UNDECIDED = "better", "worse", "equivalent", "not enough evidence"
FASTER, SLOWER = "faster", "slower"
MISSING, DESCRIBED = "not answered", "described, not tested"
# The class of each verdict's colour.
TONES = {
    **dict.fromkeys((BETTER, FASTER), "true"),
    **dict.fromkeys((WORSE, SLOWER), "false"),
    **dict.fromkeys((UNDECIDED, DESCRIBED, MISSING), "not-checkable"),
    EQUIVALENT: "depends",
}


@dataclass(frozen=True)
class Contrast:
    """The first cell minus the second, seed by seed.

    Attributes:
        measure: what is compared.
        other: the measure of the second, where it is another.
        margin: differences smaller than this do not matter; None if equivalence is not asked.
        tested: whether it belongs to the family that is tested and corrected together.
    """

    first: Cell
    second: Cell
    measure: Measure
    other: Measure
    margin: float | None = None
    tested: bool = True

    @property
    def key(self) -> Key:
        """Who is compared with whom on what."""
        return self.first, self.second, self.measure.key, self.other.key


@dataclass(frozen=True)
class Finding:
    """What the runs say of a contrast.

    Attributes:
        comparison: None if fewer than two seeds have a value on both sides.
        means: of both sides, over the seeds compared.
        failed: seeds planned on both sides that could not be compared.
        noises: of a difference of test accuracies, in points; else None.
        machines: the devices and the torch of either side's runs.
    """

    contrast: Contrast
    comparison: Comparison | None
    means: tuple[float, float]
    failed: int
    noises: Noises | None
    machines: tuple[str, str]

    @property
    def measure(self) -> Measure:
        """Unit and direction of the difference."""
        return self.contrast.measure

    @property
    def verdict(self) -> str:
        """One of the words above, by the tests alone; of epochs and seconds fewer are "faster".

        A difference that is certain comes first; a small one may then be within the margin too.
        """
        if self.comparison is None:
            return MISSING
        if not self.contrast.tested:
            return DESCRIBED
        if self.comparison.is_different:
            better, worse = (
                (FASTER, SLOWER) if self.measure.unit in ("epochs", "seconds") else (BETTER, WORSE)
            )
            gain = self.comparison.mean > 0
            return better if gain == self.measure.higher_is_better else worse
        return EQUIVALENT if self.comparison.is_equivalent else UNDECIDED

    @property
    def tone(self) -> str:
        """The class of the verdict's colour."""
        return TONES[self.verdict]


class Findings:
    """All findings of a study by family, found again by who is compared with whom on what."""

    def __init__(self, families: dict[str, list[Finding]]) -> None:
        self.families = families
        self.by_key = {found.contrast.key: found for found in self.all()}

    def find(
        self, first: Cell, second: Cell, measure: Measure, other: Measure | None = None
    ) -> Finding | None:
        """The finding of two cells; ``other`` is the measure of the second, if another."""
        return self.by_key.get((first, second, measure.key, (other or measure).key))

    def by_accuracy(self, found: Finding) -> Finding | None:
        """The same comparison by the second rule of selection."""
        first, second, *keys = found.contrast.key
        return self.by_key.get((first, second, *(f"{key}{SECOND_RULE}" for key in keys)))  # type: ignore[arg-type]

    def all(self) -> Iterator[Finding]:
        """Every finding, the planned ones first."""
        for family in self.families.values():
            yield from family


def compare_contrasts(study: Study, contrasts: Sequence[Contrast]) -> list[Finding]:
    """Judge ``contrasts`` as one family: p values are corrected for all of them."""
    sides = [
        (values(study, each.first, each.measure), values(study, each.second, each.other))
        for each in contrasts
    ]
    pairs = [
        Pairs(paired_differences(*side), contrast.tested, contrast.margin)
        for contrast, side in zip(contrasts, sides, strict=True)
    ]
    planned = planned_seeds(study.plan)
    findings = []
    for contrast, side, pair, comparison in zip(
        contrasts, sides, pairs, compare_family(pairs), strict=True
    ):
        cells = contrast.first, contrast.second
        # Planned on both sides; those that ran where no plan says.
        first, second = (
            set(planned.get(cell) or ran) for cell, ran in zip(cells, side, strict=True)
        )
        failed = len(first & second) - len(pair.differences)
        machines = machines_of(study, contrast.first), machines_of(study, contrast.second)
        noise = noises_of(study, contrast)
        findings.append(Finding(contrast, comparison, means_of(side), failed, noise, machines))
    return findings


def means_of(sides: tuple[dict[int, float], dict[int, float]]) -> tuple[float, float]:
    """Means of both sides over the seeds at which both have a figure; NaN without such seeds."""
    first, second = sides
    both = [(first[seed], second[seed]) for seed in first.keys() & second.keys()]
    pairs = [pair for pair in both if all(map(math.isfinite, pair))]
    one, other = np.mean(pairs, axis=0) if pairs else (math.nan, math.nan)
    return float(one), float(other)


def noises_of(study: Study, contrast: Contrast) -> Noises | None:
    """The noises of a difference of test accuracies, in points; None without common images."""
    if contrast.measure.key != "test_accuracy":
        return None
    runs = [*study.runs(*contrast.first), *study.runs(*contrast.second)]
    if len({each.run.data_fingerprint for each in runs}) != 1:
        return None
    first, second = (
        {each.seed: each.right_images for each in study.runs(*cell) if each.test_right}
        for cell in (contrast.first, contrast.second)
    )
    rows = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
    lengths = {len(row) for row in rows}
    if len(rows) < FEWEST_PAIRS or len(lengths) != 1 or lengths == {1}:  # one has no spread
        return None
    return noises(100 * np.stack(rows).astype(np.float64))


def machines_of(study: Study, cell: Cell) -> str:
    """The devices and versions of torch on which a cell was trained."""
    runs = (run.run for run in study.runs(*cell))
    return " and ".join(
        dict.fromkeys(f"{run.device} with torch {run.versions.get('torch', '?')}" for run in runs)
    )


def in_one_family(findings: Findings) -> dict[Key, float]:
    """Key -> p value of every test, corrected as if all families were one.

    The second looks at the same runs by another rule of selection are left out.
    """
    tested = {
        found.contrast.key: found.comparison.p_value if found.comparison else 1.0
        for found in findings.all()
        if found.contrast.tested and not found.measure.key.endswith(SECOND_RULE)
    }
    return dict(zip(tested, holm(list(tested.values())), strict=True))
