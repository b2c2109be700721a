"""The exact sign-flip test of a mean difference: p value, interval and power.

All three rest on the means of the subsets of the differences: under a value of the true mean each
subset's mean lies beyond it as often as not (Hartigan 1969).
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.05  # of a family of comparisons
# Of the test that an interval inverts. At 0.05, intervals of ten differences with skewness 1 cover
# 93.8 %; at this level 94 to 96 % for every skewness from 0 to 1 (benchmarks/interval_coverage.py).
INTERVAL_LEVEL = 0.045
EXACT_SEEDS = 16  # up to which all sign patterns are tried
SIMULATED = 2_000  # studies of which the power is a share

Values = NDArray[np.float64]


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


def confidence_interval(differences: Values, level: float = INTERVAL_LEVEL) -> tuple[float, float]:
    """95 % interval of the mean: every value that the exact sign-flip test does not reject.

    level: at which it rejects. The ends are means of subsets (Hartigan 1969). The level is
    kept for differences that are symmetric about their mean; how well for others,
    ``benchmarks/interval_coverage.py`` measures. With fewer than six seeds the test rejects
    nothing: the interval is then Student's t, which is for normal differences.
    """
    means = np.sort(subset_weights(len(differences)) @ differences)
    rejected = rejected_subsets(len(differences), level)
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
