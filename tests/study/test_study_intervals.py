"""Intervals, power, equivalence and the two noises are as good as they say: simulated truth."""

import math

import numpy as np
import pytest
from controls import assert_rejects
from rates import at_least, at_most

from benchmarks.interval_coverage import differences
from lightning_cifar.errors import InputError
from lightning_cifar.study.sign_flips import (
    INTERVAL_LEVEL,
    LEVEL,
    confidence_interval,
    rejected_subsets,
    sign_flip_p,
)
from lightning_cifar.study.statistics import POWER, Pairs, compare_family, equivalence_p
from lightning_cifar.study.two_noises import noises

SEEDS = 10
STUDIES = 4000


def covers(interval, seeds=SEEDS, skewness=0.0):
    """A check that the interval of a mean covers the truth in 94 to 96 % of studies."""

    def check():
        draws = differences(np.random.default_rng(3), skewness, seeds, STUDIES)
        covered = sum(low <= 0 <= high for low, high in map(interval, draws))
        at_least(covered, STUDIES, 0.94)
        at_most(covered, STUDIES, 0.96)

    return check


@pytest.mark.parametrize(("seeds", "skewness"), [(3, 0), (SEEDS, 0), (SEEDS, 0.5), (SEEDS, 1)])
def test_interval_covers_as_often_as_stated(seeds, skewness):
    covers(confidence_interval, seeds, skewness)()


def students_t(values):
    half = 2.262 * values.std(ddof=1) / SEEDS**0.5
    return values.mean() - half, values.mean() + half


def test_students_interval_of_skewed_differences_is_rejected():
    assert_rejects(covers(students_t, skewness=2))


def test_a_difference_is_claimed_only_where_its_interval_excludes_nothing():
    """p between the two levels: 24 of 1,024 subsets lie beyond 0."""
    generator = np.random.default_rng(8)
    draws = generator.normal(0.7, 1, (2000, SEEDS))
    between = [each for each in draws if INTERVAL_LEVEL < sign_flip_p(each) <= LEVEL]
    assert between
    for values in between:
        (comparison,) = compare_family([Pairs(values)])
        assert comparison.p_adjusted <= LEVEL
        assert comparison.low <= 0 <= comparison.high
        assert not comparison.is_different


def stretched(factor):
    def interval(values):
        centre = values.mean()
        return tuple(centre + factor * (end - centre) for end in confidence_interval(values))

    return interval


def normal_ends(values):
    half = 1.96 * values.std(ddof=1) / SEEDS**0.5
    return values.mean() - half, values.mean() + half


@pytest.mark.parametrize(
    "wrong", [stretched(0.8), stretched(1.25), normal_ends], ids=["narrow", "wide", "normal"]
)
def test_intervals_that_miss_their_level_are_rejected(wrong):
    assert_rejects(covers(wrong))


def agrees_with_the_test(interval):
    """A check that the interval holds just the values that the sign-flip test does not reject."""

    def check():
        generator = np.random.default_rng(4)
        for seeds in (6, 9, 12):
            values = generator.gamma(2, size=seeds)
            for end, outwards in zip(interval(values), (-1, 1), strict=True):
                assert sign_flip_p(values - end - outwards * 1e-6) <= INTERVAL_LEVEL
                assert sign_flip_p(values - end + outwards * 1e-6) > INTERVAL_LEVEL

    return check


def test_interval_inverts_the_test():
    agrees_with_the_test(confidence_interval)()


@pytest.mark.parametrize(
    "wrong", [stretched(0.99), stretched(1.01), normal_ends], ids=["narrow", "wide", "normal"]
)
def test_other_intervals_are_rejected(wrong):
    assert_rejects(agrees_with_the_test(wrong))


def test_interval_of_equal_differences_is_a_point():
    assert confidence_interval(np.full(8, 0.5)) == (0.5, 0.5)
    assert confidence_interval(np.full(3, 0.5)) == (0.5, 0.5)


def keeps_its_power(stated, tests=5):
    """A check by new studies that the difference ``stated`` is found in 80 % of them.

    The test is the strictest step of Holm's correction for ``tests`` comparisons.
    """

    def check():
        generator = np.random.default_rng(6)
        values = generator.normal(size=SEEDS)
        family = [Pairs(values)] * tests
        comparison = compare_family(family)[0]
        studies = generator.normal(stated(comparison), comparison.deviation, (STUDIES, SEEDS))
        found = sum(sign_flip_p(each) <= LEVEL / tests for each in studies)
        at_least(found, STUDIES, POWER - 0.03)
        at_most(found, STUDIES, POWER + 0.03)

    return check


def test_power_is_as_stated():
    keeps_its_power(lambda comparison: comparison.detectable)()


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_other_differences_have_another_power(factor):
    assert_rejects(keeps_its_power(lambda comparison: factor * comparison.detectable))


def test_power_and_detectable_difference_are_one_curve():
    (comparison,) = compare_family([Pairs(np.random.default_rng(7).normal(size=SEEDS))])
    assert comparison.power(comparison.detectable) == pytest.approx(POWER, abs=1e-3)
    assert comparison.power(-comparison.detectable) == comparison.power(comparison.detectable)
    assert comparison.power(0.0) < 2 * LEVEL


def test_with_too_few_seeds_nothing_can_be_found():
    (comparison,) = compare_family([Pairs(np.arange(4.0))])
    assert math.isinf(comparison.detectable)
    assert comparison.power(1e9) == 0


MARGIN = 0.5


def equivalence_is_right(p_of):
    """A check of both errors: a difference as large as the margin, and none at all.

    The first is called equivalent in at most 5 % of the studies, whatever the noise; the second,
    at a noise of 0.3 points, in at least 99 %.
    """

    def check():
        generator = np.random.default_rng(7)
        for truth, noise in ((MARGIN, 0.3), (-MARGIN, 1.5)):
            called = sum(
                p_of(truth + noise * generator.normal(size=SEEDS), MARGIN) <= LEVEL
                for _ in range(400)
            )
            at_most(called, 400, LEVEL)
        called = sum(p_of(0.3 * generator.normal(size=SEEDS), MARGIN) <= LEVEL for _ in range(400))
        at_least(called, 400, 0.99)

    return check


def test_equivalence_is_right():
    equivalence_is_right(equivalence_p)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda values, margin: 0.0 if sign_flip_p(values) > LEVEL else 1.0,
        lambda values, margin: 0.0 if abs(values.mean()) < margin else 1.0,
        lambda values, margin: equivalence_p(values, 1.3 * margin),
        lambda values, margin: equivalence_p(values, margin / 2),
    ],
    ids=["no difference found", "mean only", "larger margin", "smaller margin"],
)
def test_other_ideas_of_equivalence_are_rejected(wrong):
    with pytest.raises(AssertionError):
        equivalence_is_right(wrong)()


def test_equivalence_without_noise():
    assert equivalence_p(np.full(5, 0.4), MARGIN) == 0.0
    assert equivalence_p(np.full(5, 0.6), MARGIN) == 1.0


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan])
def test_margin_must_be_positive(margin):
    with pytest.raises(InputError, match="margin"):
        equivalence_p(np.arange(3.0), margin)


def keeps_the_noises_apart(implementation):
    """A check of the squared errors' averages over simulated tables with known parts.

    Seeds, images and their interaction have variances 4, 25 and 100; averages over 2,000 tables
    deviate by about 2 %, the bound of 12 % is six times that.
    """

    def check():
        generator = np.random.default_rng(8)
        seeds, images, tables = 6, 20, 2000
        squares = np.zeros(3)
        for _ in range(tables):
            table = (
                2 * generator.normal(size=(seeds, 1))
                + 5 * generator.normal(size=(1, images))
                + 10 * generator.normal(size=(seeds, images))
            )
            found = implementation(table)
            squares += np.array([found.over_seeds, found.over_images, found.over_both]) ** 2
        interaction = 100 / (seeds * images)
        truth = np.array([4 / seeds + interaction, 25 / images + interaction, 0])
        truth[2] = truth[0] + truth[1] - interaction
        assert np.abs(squares / tables / truth - 1).max() < 0.12

    return check


def test_noises_are_kept_apart():
    keeps_the_noises_apart(noises)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda table: noises(table.T),
        lambda table: noises(table[:, :10]),
        lambda table: noises(table - table.mean(0)),
    ],
    ids=["exchanged", "fewer images", "images' part lost"],
)
def test_mixed_noises_are_rejected(wrong):
    with pytest.raises(AssertionError):
        keeps_the_noises_apart(wrong)()


@pytest.mark.parametrize(
    ("seeds", "level", "count"),
    [(3, 0.9, 3), (3, 0.1, 0), (6, 0.05, 1), (10, 0.05, 25), (10, 0.045, 23)],
)
def test_a_two_sided_test_rejects_half_its_level_of_all_subsets(seeds, level, count):
    """Of the 2 ** seeds subsets, at one side."""
    assert rejected_subsets(seeds, level) == count == int(level * 2**seeds / 2)
