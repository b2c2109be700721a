"""What a study may claim: paired differences by seed, their intervals, tests and equivalence.

Everything is in the unit of the values that come in, such as points of accuracy. Two runs of one
seed share split, order and initial stream, and are compared with each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lightning_cifar.errors import InputError

LEVEL = 0.05  # of the family of comparisons, and of intervals
POWER, SIMULATED = 0.8, 2_000  # studies of which the power is a share
EXACT_SEEDS = 16  # up to which all sign patterns are tried
FEWEST_PAIRS = 2  # below that there is no spread

Values = NDArray[np.float64]


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
        """Whether a difference may be claimed; the interval then excludes 0 too."""
        return self.p_adjusted <= LEVEL

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
    """Judge comparisons that were declared together; None where fewer than two pairs are there.

    One without pairs counts in the corrections with p = 1: what was declared stays declared.
    """
    p_values = [sign_flip_p(each.differences) if each.are_enough else 1.0 for each in family]
    tested = [place for place, each in enumerate(family) if each.tested]
    adjusted = dict(zip(tested, holm([p_values[place] for place in tested]), strict=True))
    equivalences = equivalences_of(family)
    return [
        Comparison(
            tuple(each.differences.tolist()),
            float(each.differences.mean()),
            *confidence_interval(each.differences),
            p_values[place],
            adjusted.get(place, 1.0),
            equivalences.get(place),
            len(tested),
        )
        if each.are_enough
        else None
        for place, each in enumerate(family)
    ]


def equivalences_of(family: Sequence[Pairs]) -> dict[int, float]:
    """Place in the family -> p value of equivalence, corrected for all that are asked."""
    asked = {place: each for place, each in enumerate(family) if each.margin is not None}
    p_values = [
        equivalence_p(each.differences, each.margin) if each.are_enough and each.margin else 1.0
        for each in asked.values()
    ]
    return dict(zip(asked, holm(p_values), strict=True))


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> Values:
    """First minus second at every seed where both have a value, in the order of the seeds."""
    seeds = sorted(first.keys() & second.keys())
    differences = np.array([first[seed] - second[seed] for seed in seeds], dtype=np.float64)
    return differences[np.isfinite(differences)]


def seeds_needed(comparisons: int) -> int:
    """The fewest seeds with which the smallest sign-flip p, 2 / 2^n, passes the correction."""
    return max(2, 1 + math.ceil(math.log2(comparisons / LEVEL)))


def sign_flip_p(differences: Values) -> float:
    """Exact two-sided p: the share of sign patterns whose sum is as far from 0 as the one seen.

    Without a difference each sign is a fair coin (Fisher 1935, chapter 3). Turning the signs of a
    subset moves the sum as far on the other side of 0 just when the subset's mean is.
    """
    means = subset_weights(len(differences)) @ differences
    rounding = 1e-12 * np.abs(differences).max()
    beyond = min((means <= rounding).sum(), (means >= -rounding).sum())
    return min(1.0, 2 * (1 + int(beyond)) / (1 + len(means)))


@cache
def subset_weights(seeds: int) -> Values:
    """Weights of the mean of every subset but the empty one, (2^seeds - 1, seeds).

    Beyond ``EXACT_SEEDS`` of as many subsets as that number has, drawn once: the test is then a
    Monte Carlo test, whose level is exact too.
    """
    if seeds <= EXACT_SEEDS:
        chosen = np.arange(1, 2**seeds)[:, None] >> np.arange(seeds) & 1
    else:
        chosen = np.random.default_rng(0).integers(0, 2, (2**EXACT_SEEDS - 1, seeds))
        chosen = chosen[chosen.any(1)]
    return np.asarray(chosen / chosen.sum(1, keepdims=True), np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values: at any level, the family's false-alarm rate is kept (Holm 1979)."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values).tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def confidence_interval(differences: Values) -> tuple[float, float]:
    """95 % interval of the mean: every value that the exact sign-flip test would not reject.

    The ends are means of subsets (Hartigan 1969). It holds its level for differences that are
    symmetric about their mean; how well for others, ``benchmarks/interval_coverage.py`` measures.
    With fewer than six seeds the test rejects nothing: the interval is then Student's t, which is
    for normal differences.
    """
    means = np.sort(subset_weights(len(differences)) @ differences)
    rejected = rejected_subsets(len(differences), LEVEL)
    if rejected:
        return float(means[rejected - 1]), float(means[-rejected])
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    half = float(stats.t.ppf(1 - LEVEL / 2, len(differences) - 1) * error)
    return float(differences.mean()) - half, float(differences.mean()) + half


def rejected_subsets(seeds: int, level: float) -> int:
    """How many of the subsets may lie beyond a value, the empty one among them, to reject it."""
    return int(level * (1 + len(subset_weights(seeds))) / 2)


@cache
def least_differences(seeds: int, level: float) -> Values:
    """True difference from which each of ``SIMULATED`` studies would find one, (studies,).

    In standard deviations of normal differences; infinite where no difference can be found.
    """
    rejected = rejected_subsets(seeds, level)
    if not rejected:
        return np.full(SIMULATED, math.inf)
    draws = np.random.default_rng(0).standard_normal((seeds, SIMULATED))
    blocks = np.array_split(draws, SIMULATED // 50, axis=1)
    lowest = (np.partition(subset_weights(seeds) @ each, rejected - 1, axis=0) for each in blocks)
    return -np.concatenate([each[rejected - 1] for each in lowest])


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


@dataclass(frozen=True)
class Noises:
    """Standard errors of a mean over seeds and test images, from what could have been otherwise.

    Attributes:
        over_seeds: other seeds, these very images: is one variant better on this test set?
        over_images: other images, these very networks: are these networks better in general?
        over_both: other seeds and other images.
    """

    over_seeds: float
    over_images: float
    over_both: float


def noises(outcomes: Values) -> Noises:
    """The two noises of the mean of ``outcomes`` (seeds, images), and both together.

    outcomes: 1 where the network of a seed is right on an image, else 0; or for a comparison, the
    difference of two such tables. Two-way layout with one value per cell: both marginal errors
    contain the interaction, so that of the sum it is subtracted once.
    """
    seeds, images = outcomes.shape
    by_seed, by_image = outcomes.mean(1), outcomes.mean(0)
    rest = outcomes - by_seed[:, None] - by_image[None, :] + outcomes.mean()
    interaction = (rest**2).sum() / ((seeds - 1) * (images - 1) * seeds * images)
    seed_part = by_seed.var(ddof=1) / seeds
    image_part = by_image.var(ddof=1) / images
    both = max(seed_part + image_part - interaction, seed_part, image_part)
    return Noises(*(math.sqrt(part) for part in (seed_part, image_part, both)))
