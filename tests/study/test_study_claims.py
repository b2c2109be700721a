"""What a study claims is right as often as it says: simulated studies with known truth."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rates import at_least, at_most
from scipy import special

from lightning_cifar.errors import InputError
from lightning_cifar.study.statistics import (
    LEVEL,
    Comparison,
    compare_all,
    holm,
    paired_differences,
    seeds_needed,
    sign_flip_p,
)

VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
PAIRS = tuple(itertools.combinations(VARIANTS, 2))
SEEDS = 10
STUDIES = 400
# Points of accuracy: what all variants of a seed share (split, order), and what each has alone.
SHARED_NOISE, OWN_NOISE = 1.0, 0.5


def simulated(generator, advantage):
    """Accuracies (variants, seeds) of one study in which the second variant is truly better."""
    shared = SHARED_NOISE * generator.normal(size=SEEDS)
    own = OWN_NOISE * generator.normal(size=(len(VARIANTS), SEEDS))
    truth = np.array([50.0, 50.0 + advantage, 50.0, 50.0])
    return truth[:, None] + shared + own


def paired_p(first, second):
    return sign_flip_p(first - second)


def unpaired_p(first, second):
    """Student's t test of two independent samples."""
    error = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / SEEDS)
    return 2 * special.stdtr(2 * SEEDS - 2, -abs(first.mean() - second.mean()) / error)


def claims(accuracies, p_of, correct):
    """Which of ``PAIRS`` a study would claim to differ."""
    rows = dict(zip(VARIANTS, accuracies, strict=True))
    p_values = [p_of(rows[first], rows[second]) for first, second in PAIRS]
    return [p_value <= LEVEL for p_value in correct(p_values)]


def planted_point_is_found(p_of=paired_p, correct=holm, rate=0.8):
    """A check that a true difference of one point over ten seeds is found at ``rate``.

    The rate is that of each single comparison, after Holm's correction for six.
    """

    def check():
        generator = np.random.default_rng(1)
        found = 0
        for _ in range(STUDIES):
            results = claims(simulated(generator, 1.0), p_of, correct)
            found += results[PAIRS.index(("elu", "batch_norm"))]
        at_least(found, STUDIES, rate)

    return check


def nothing_is_rarely_found(p_of=paired_p, correct=holm, simulate=simulated):
    """A check that equal variants give any claim at all in at most 5 % of the studies."""

    def check():
        generator = np.random.default_rng(2)
        false = sum(any(claims(simulate(generator, 0.0), p_of, correct)) for _ in range(STUDIES))
        at_most(false, STUDIES, LEVEL)

    return check


def test_planted_point_is_found():
    planted_point_is_found()()


def test_unpaired_comparison_finds_too_little():
    with pytest.raises(AssertionError):
        planted_point_is_found(p_of=unpaired_p)()


def test_the_stated_rate_is_not_understated_by_much():
    with pytest.raises(AssertionError):
        planted_point_is_found(rate=0.94)()


def test_nothing_is_rarely_found():
    nothing_is_rarely_found()()


def one_sided_p(first, second):
    return sign_flip_p(first - second) / 2


@pytest.mark.parametrize(
    "wrong",
    [{"correct": list}, {"p_of": one_sided_p, "correct": list}],
    ids=["no correction", "one-sided and no correction"],
)
def test_uncorrected_claims_are_rejected(wrong):
    with pytest.raises(AssertionError):
        nothing_is_rarely_found(**wrong)()


def test_a_hidden_difference_is_rejected():
    with pytest.raises(AssertionError):
        nothing_is_rarely_found(simulate=lambda generator, _: simulated(generator, 0.7))()


differences = st.lists(
    st.integers(-5, 5).map(lambda number: number / 7), min_size=1, max_size=7
).map(np.array)


def counts_sign_patterns(implementation):
    """A check against the definition: try every pattern of signs."""

    @given(differences)
    def check(values):
        signs = np.array(list(itertools.product((-1, 1), repeat=len(values))))
        as_far = np.abs(signs @ values) >= abs(values.sum()) - 1e-9
        assert math.isclose(implementation(values), as_far.mean(), abs_tol=1e-12)

    return check


def test_p_value_counts_sign_patterns():
    counts_sign_patterns(sign_flip_p)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda values: sign_flip_p(values) / 2,
        lambda values: sign_flip_p(np.abs(values)),
        lambda values: sign_flip_p(values - 1e-6),
    ],
    ids=["one-sided", "signs lost", "ties lost"],
)
def test_other_p_values_are_rejected(wrong):
    with pytest.raises(AssertionError):
        counts_sign_patterns(wrong)()


def test_p_value_of_many_seeds():
    """All of one sign: only this pattern and its mirror image are as far away."""
    assert sign_flip_p(np.arange(1.0, 41.0)) == 2 / 2**40


def test_holm_by_hand():
    """Ordered .01 .02 .03 .04: times 4, 3, 2, 1, then never below the one before."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (2, 7), (6, 8), (12, 9)])
def test_seeds_needed(comparisons, seeds):
    """One seed fewer cannot pass even when all differences have the same sign."""
    assert seeds_needed(comparisons) == seeds
    smallest = [sign_flip_p(np.ones(count)) * comparisons for count in (seeds - 1, seeds)]
    assert smallest[0] > LEVEL >= smallest[1]


def study_of(differences_by_seed):
    """Values of two variants that differ as given."""
    seeds = range(len(differences_by_seed))
    first = {seed: 50.0 + difference for seed, difference in enumerate(differences_by_seed)}
    return {"batch_norm": first, "elu": dict.fromkeys(seeds, 50.0)}


def compared(differences_by_seed):
    (result,) = compare_all(
        study_of(differences_by_seed), [("batch_norm", "elu")], np.random.default_rng(9)
    )
    return result


def test_comparison_in_full():
    result = compared([1.0, 2.0, 1.5, 0.5, 1.0, 2.5, 1.0])
    assert result.mean == pytest.approx(9.5 / 7)
    assert result.p_value == result.p_adjusted == 2 / 2**7
    assert 0.5 < result.low < result.mean < result.high < 2.5
    assert result.failed == 0
    assert result.found


def test_failed_runs_are_left_out_and_counted():
    result = compared([1.0, math.nan, 2.0, 1.5, 0.5, 1.0, 2.5, math.nan])
    assert result.failed == 2
    assert result.differences == (1.0, 2.0, 1.5, 0.5, 1.0, 2.5)


@pytest.mark.parametrize(
    ("low", "p_adjusted", "found"), [(0.1, 0.05, True), (-0.1, 0.01, False), (0.1, 0.06, False)]
)
def test_a_claim_needs_test_and_interval(low, p_adjusted, found):
    comparison = Comparison("elu", "selu", (1.0,), 0, 1.0, low, 2.0, 0.01, p_adjusted)
    assert comparison.found is found


def test_differences_are_of_the_same_seed():
    assert paired_differences({3: 5.0, 1: 2.0}, {1: 1.0, 3: 1.0, 4: 9.0}).tolist() == [1.0, 4.0]


@pytest.mark.parametrize("seeds", [1, 5, 41])
def test_too_few_or_too_many_seeds_are_refused(seeds):
    message = f"batch_norm - elu: {seeds} pairs of finished runs; .* needs 6 to 40 seeds"
    with pytest.raises(InputError, match=message):
        compared([1.0] * seeds)
