"""Intervals, equivalence and the two noises are as good as they say: simulations of known truth."""

import math

import numpy as np
import pytest
from rates import at_least, at_most
from scipy import stats

from lightning_cifar.errors import InputError
from lightning_cifar.study import statistics
from lightning_cifar.study.statistics import (
    LEVEL,
    bca_interval,
    equivalence_p,
    noises,
    sign_flip_p,
)

SEEDS = 10
STUDIES = 400


def covers(interval, rate):
    """A check that the interval of ten skewed or normal differences covers the truth at ``rate``.

    And misses it often enough: an interval that is always right says nothing.
    """

    def check():
        generator = np.random.default_rng(3)
        for draw in (generator.normal, lambda size: generator.gamma(4, size=size) / 2 - 2):
            covered = 0
            for _ in range(STUDIES):
                low, high = interval(draw(size=SEEDS), generator)
                covered += low <= 0 <= high
            at_least(covered, STUDIES, rate)
            at_most(covered, STUDIES, 0.95)

    return check


@pytest.fixture
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 999)


@pytest.mark.usefixtures("fewer_resamples")
def test_interval_covers_as_often_as_stated():
    covers(bca_interval, 0.88)()


@pytest.mark.usefixtures("fewer_resamples")
@pytest.mark.parametrize("factor", [0.6, 2.5], ids=["too narrow", "too wide"])
def test_other_widths_are_rejected(factor):
    def stretched(values, generator):
        low, high = bca_interval(values, generator)
        centre = values.mean()
        return centre + factor * (low - centre), centre + factor * (high - centre)

    with pytest.raises(AssertionError):
        covers(stretched, 0.88)()


def is_bca(interval):
    """A check against SciPy's, within the noise of two bootstraps of 99,999 resamples."""

    def check():
        values = np.random.default_rng(4).gamma(2, size=SEEDS)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=99_999, batch=9_999, method="BCa", random_state=5
        ).confidence_interval
        ours = interval(values, np.random.default_rng(6))
        spread = values.std() / SEEDS**0.5
        for mine, reference in zip(ours, theirs, strict=True):
            assert abs(mine - reference) < 0.08 * spread

    return check


def test_interval_is_bca():
    is_bca(bca_interval)()


def test_percentile_interval_is_rejected():
    def percentile(values, generator):
        means = generator.choice(values, (99_999, len(values))).mean(1)
        return np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])

    with pytest.raises(AssertionError):
        is_bca(percentile)()


def test_interval_of_equal_differences_is_a_point():
    assert bca_interval(np.full(8, 0.5), np.random.default_rng(0)) == (0.5, 0.5)


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
                for _ in range(STUDIES)
            )
            at_most(called, STUDIES, LEVEL)
        called = sum(
            p_of(0.3 * generator.normal(size=SEEDS), MARGIN) <= LEVEL for _ in range(STUDIES)
        )
        at_least(called, STUDIES, 0.99)

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
