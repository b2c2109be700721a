"""Comparisons of two sides, judged as one family: interval, exact test, correction, equivalence."""

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_cifar.study.report.measures import Measure, Values, values
from lightning_cifar.study.report.plan_cells import planned_seeds
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.statistics import (
    LEVEL,
    MOST_SEEDS,
    Comparison,
    Noises,
    bca_interval,
    equivalence_p,
    holm,
    noises,
    paired_differences,
    sign_flip_p,
)
from lightning_cifar.study.statistics import Values as Differences

Outcomes = NDArray[np.int8]

BETTER, WORSE, EQUIVALENT, UNDECIDED = "better", "worse", "equivalent", "not enough evidence"
MISSING, DESCRIBED = "not answered", "described, not tested"
FEWEST_PAIRS = 2  # below that there is no spread


@dataclass(frozen=True)
class Side:
    """One of two things compared: a cell of the plan and the figure taken from its runs."""

    variant: str
    set_up: str
    measure: Measure


@dataclass(frozen=True)
class Contrast:
    """First minus second, seed by seed.

    Attributes:
        question: the words under which it was declared.
        margin: differences smaller than this do not matter; None if equivalence is not asked.
        tested: whether it belongs to the family that is tested and corrected together.
    """

    question: str
    first: Side
    second: Side
    margin: float | None = None
    tested: bool = True

    @property
    def measure(self) -> Measure:
        """Unit and direction of the difference."""
        return self.first.measure


@dataclass(frozen=True)
class Finding:
    """What the runs say of a contrast.

    Attributes:
        comparison: None if fewer than two seeds have a value on both sides.
        means: of both sides, over the seeds compared.
        equivalence: adjusted p value of the two one-sided tests; None if not asked.
        noises: of a difference of test accuracies, in points; else None.
        family: number of contrasts that were tested and corrected together.
    """

    contrast: Contrast
    comparison: Comparison | None
    means: tuple[float, float]
    equivalence: float | None
    noises: Noises | None
    family: int

    @property
    def verdict(self) -> str:
        """One of the words above, by the tests alone.

        A difference that is certain comes first; a small one may then be within the margin too.
        """
        if self.comparison is None:
            return MISSING
        if not self.contrast.tested:
            return DESCRIBED
        if self.comparison.found:
            gain = self.comparison.mean > 0
            return BETTER if gain == self.contrast.measure.higher_is_better else WORSE
        return EQUIVALENT if self.is_equivalent else UNDECIDED

    @property
    def is_equivalent(self) -> bool:
        """Whether the difference is shown to be smaller than the margin."""
        return self.equivalence is not None and self.equivalence <= LEVEL


def judge(study: Study, contrasts: Sequence[Contrast]) -> list[Finding]:
    """Judge ``contrasts`` as one family: p values are corrected for all of them.

    A contrast without enough runs counts in the correction with p = 1: what was declared stays
    declared.
    """
    sides = [
        (side_values(study, each.first), side_values(study, each.second)) for each in contrasts
    ]
    differences = [limited(paired_differences(first, second)) for first, second in sides]
    tested = [place for place, contrast in enumerate(contrasts) if contrast.tested]
    p_values = [sign_flip_p(each) if enough(each) else 1.0 for each in differences]
    adjusted = dict(zip(tested, holm([p_values[place] for place in tested]), strict=True))
    equivalences = equivalence_p_values(contrasts, differences)
    return [
        Finding(
            contrast,
            comparison_of(
                differences[place],
                len(common_seeds(study, contrast)) - len(differences[place]),
                p_values[place],
                adjusted.get(place, 1.0),
            ),
            means_of(sides[place]),
            equivalences.get(place),
            noises_of(study, contrast),
            len(tested),
        )
        for place, contrast in enumerate(contrasts)
    ]


def equivalence_p_values(
    contrasts: Sequence[Contrast], differences: Sequence[Differences]
) -> dict[int, float]:
    """Place -> p value of equivalence where it is asked, corrected for all that are asked."""
    asked = {place: contrast.margin for place, contrast in enumerate(contrasts) if contrast.margin}
    p_values = [
        equivalence_p(differences[place], margin) if enough(differences[place]) else 1.0
        for place, margin in asked.items()
    ]
    return dict(zip(asked, holm(p_values), strict=True))


def common_seeds(study: Study, contrast: Contrast) -> set[int]:
    """The seeds that were planned on both sides; those that ran where no plan says."""
    planned = planned_seeds(study.plan)
    first, second = (
        set(planned.get((side.set_up, side.variant)) or side_values(study, side))
        for side in (contrast.first, contrast.second)
    )
    return first & second


def side_values(study: Study, side: Side) -> Values:
    """Seed -> figure."""
    return values(study, side.set_up, side.variant, side.measure)


def enough(differences: Differences) -> bool:
    """Whether there is anything to judge."""
    return len(differences) >= FEWEST_PAIRS


def limited(differences: Differences) -> Differences:
    """The first seeds only, where the exact test could not count all sign patterns."""
    return differences[:MOST_SEEDS]


def comparison_of(
    differences: Differences, failed: int, p_value: float, adjusted: float
) -> Comparison | None:
    """The figures of one contrast; its resamples are the same whatever else is compared."""
    if not enough(differences):
        return None
    low, high = bca_interval(differences, np.random.default_rng(0))
    return Comparison(
        "first",
        "second",
        tuple(differences.tolist()),
        failed,
        float(differences.mean()),
        low,
        high,
        p_value,
        adjusted,
    )


def means_of(sides: tuple[Values, Values]) -> tuple[float, float]:
    """Means of both sides over the seeds at which both have a figure."""
    first, second = sides
    seeds = [
        seed
        for seed in first.keys() & second.keys()
        if math.isfinite(first[seed]) and math.isfinite(second[seed])
    ]
    if not seeds:
        return math.nan, math.nan
    return mean([first[seed] for seed in seeds]), mean([second[seed] for seed in seeds])


def mean(figures: Sequence[float]) -> float:
    """Of at least one figure."""
    return float(np.mean(figures))


def noises_of(study: Study, contrast: Contrast) -> Noises | None:
    """The noises of a difference of test accuracies, in points."""
    if not contrast.first.measure.key == contrast.second.measure.key == "test_accuracy":
        return None
    rows = list(outcome_differences(study, contrast))
    if len(rows) < FEWEST_PAIRS or len({len(row) for row in rows}) != 1:
        return None
    return noises(100 * np.stack(rows).astype(np.float64))


def outcome_differences(study: Study, contrast: Contrast) -> Iterator[Outcomes]:
    """Per seed that both sides have, (images,): right of the first minus right of the second."""
    first, second = (
        {
            record.seed: record.test_right
            for record in study.runs(side.set_up, side.variant)
            if record.test_right
        }
        for side in (contrast.first, contrast.second)
    )
    for seed in sorted(first.keys() & second.keys()):
        yield unpacked(first[seed]) - unpacked(second[seed])


def unpacked(right: str) -> Outcomes:
    """What ``test_right`` holds, int8 (images,); bits of a last, partly used byte are 0."""
    return np.unpackbits(np.frombuffer(base64.b64decode(right), np.uint8)).astype(np.int8)
