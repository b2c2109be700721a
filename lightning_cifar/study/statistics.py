"""What a study may claim: paired differences by seed, their intervals, tests and equivalence.

Everything is in the unit of the values that come in, such as points of accuracy. Two runs of one
seed share split, order and initial stream, and are compared with each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lightning_cifar.errors import InputError
from lightning_cifar.study.sign_flips import (
    LEVEL,
    SIMULATED,
    Values,
    confidence_interval,
    least_differences,
    sign_flip_p,
)

POWER = 0.8  # with which a difference is called detectable
FEWEST_PAIRS = 2  # below that there is no spread


@dataclass(frozen=True)
class Pairs:
    """One comparison of a family, before it is judged.

    Attributes:
        differences: first minus second at every seed at which both have a value, (seeds,).
        tested: whether it counts in the correction.
        margin: of equivalence, above 0; None where equivalence is not asked.
    """

    differences: Values
    tested: bool = True
    margin: float | None = None

    @property
    def are_enough(self) -> bool:
        """Whether there is a spread to judge by."""
        return len(self.differences) >= FEWEST_PAIRS


@dataclass(frozen=True)
class Comparison:
    """How much larger the values of the first are than those of the second, pair by pair.

    Attributes:
        low, high: 95 % interval of the mean difference, of this comparison alone.
        p_value: of the exact sign-flip test, two-sided.
        p_adjusted: the same after Holm's correction for its family; 1 where it was not tested.
        equivalence: p value of equivalence, corrected likewise; None where it was not asked.
        family: number of comparisons that were tested and corrected together.
    """

    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    equivalence: float | None
    family: int

    @property
    def is_different(self) -> bool:
        """Whether a difference may be claimed: its test passes and its interval excludes 0."""
        return self.p_adjusted <= LEVEL and not self.low <= 0 <= self.high

    @property
    def deviation(self) -> float:
        """Standard deviation of the differences over seeds."""
        return float(np.std(self.differences, ddof=1))

    @property
    def detectable(self) -> float:
        """The true difference that such studies find with ``POWER``, by simulation.

        Simulated from normal differences of the deviation observed, at the first step of Holm's
        correction, which is the strictest. Infinite where no difference can be found.
        """
        return float(np.sort(self.least_differences)[math.ceil(POWER * SIMULATED) - 1])

    def power(self, difference: float) -> float:
        """Share of such studies that find a true ``difference``, by the same simulation."""
        return float((self.least_differences < abs(difference)).mean())

    @property
    def least_differences(self) -> Values:
        """The true difference from which each simulated study would find one, (studies,)."""
        level = LEVEL / max(self.family, 1)
        deviation = max(self.deviation, np.finfo(float).tiny)
        return deviation * least_differences(len(self.differences), level)

    @property
    def is_equivalent(self) -> bool:
        """Whether the difference is shown to be smaller than the margin."""
        return self.equivalence is not None and self.equivalence <= LEVEL


def compare_family(family: Sequence[Pairs]) -> list[Comparison | None]:
    """Test comparisons that were planned together; None where there are fewer than two pairs.

    One without pairs counts in the corrections with p = 1: what was planned counts.
    """
    p_values = [sign_flip_p(each.differences) if each.are_enough else 1.0 for each in family]
    tested = [place for place, each in enumerate(family) if each.tested]
    adjusted = dict(zip(tested, holm([p_values[place] for place in tested]), strict=True))
    asked = [place for place, each in enumerate(family) if each.margin is not None]
    equivalences = [
        equivalence_p(each.differences, each.margin) if each.are_enough and each.margin else 1.0
        for each in (family[place] for place in asked)
    ]
    equivalent = dict(zip(asked, holm(equivalences), strict=True))
    return [
        Comparison(
            tuple(each.differences.tolist()),
            float(each.differences.mean()),
            *confidence_interval(each.differences),
            p_values[place],
            adjusted.get(place, 1.0),
            equivalent.get(place),
            len(tested),
        )
        if each.are_enough
        else None
        for place, each in enumerate(family)
    ]


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> Values:
    """First minus second at every seed where both have a value, in the order of the seeds."""
    seeds = sorted(first.keys() & second.keys())
    differences = np.array([first[seed] - second[seed] for seed in seeds], dtype=np.float64)
    return differences[np.isfinite(differences)]


def seeds_needed(comparisons: int) -> int:
    """The fewest seeds with which the smallest sign-flip p, 2 / 2^n, passes the correction."""
    return max(2, 1 + math.ceil(math.log2(comparisons / LEVEL)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values: at any level, the family's false-alarm rate is kept (Holm 1979)."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values).tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def equivalence_p(differences: Values, margin: float) -> float:
    """Two one-sided t tests (Schuirmann 1987): small when the mean lies within ± ``margin``.

    The larger of the two p values: below ``LEVEL`` the difference is too small to matter. A large
    value of a difference test would only say that not enough was measured.
    Raises: InputError for a margin that is not positive.
    """
    if not margin > 0:
        raise InputError(f"the margin of an equivalence must be above 0, got {margin}")
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    distance = margin - abs(differences.mean())
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / error, len(differences) - 1))
