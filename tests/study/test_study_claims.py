"""What a study claims is right as often as it says: simulated studies with known truth.

The claims are those of the path that a report takes: from records to findings.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rates import at_least, at_most
from scipy import stats
from study_samples import sample_record

from lightning_cifar.study import statistics
from lightning_cifar.study.contrasts import BETTER, UNDECIDED, WORSE, Contrast, compare_contrasts
from lightning_cifar.study.measures import MEASURES
from lightning_cifar.study.sign_flips import LEVEL, sign_flip_p
from lightning_cifar.study.statistics import (
    Pairs,
    compare_family,
    holm,
    paired_differences,
    seeds_needed,
)
from lightning_cifar.study.study_files import Cell, Study

VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
PAIRS = tuple(itertools.combinations(VARIANTS, 2))
ACCURACY = MEASURES["test_accuracy"]
CONTRASTS = [
    Contrast(Cell("exercise", first), Cell("exercise", second), ACCURACY, ACCURACY)
    for first, second in PAIRS
]
SEEDS = 10
STUDIES = 400
# Points of accuracy: what all variants of a seed share (split, order), and what each has alone.
SHARED_NOISE, OWN_NOISE = 1.0, 0.5


@pytest.fixture(scope="module")
def records():
    """One record of each variant and seed, into which simulated accuracies are written."""
    made = (sample_record("exercise", name, seed) for name in VARIANTS for seed in range(SEEDS))
    return [replace(record, test={}, test_right="") for record in made]


def simulated(generator, advantage):
    """Accuracies (variants, seeds) of one study in which the second variant is truly better."""
    shared = SHARED_NOISE * generator.normal(size=SEEDS)
    own = OWN_NOISE * generator.normal(size=(len(VARIANTS), SEEDS))
    truth = np.array([50.0, 50.0 + advantage, 50.0, 50.0])
    return truth[:, None] + shared + own


def verdicts(records, accuracies):
    """What a report says of ``PAIRS``."""
    for record, accuracy in zip(records, accuracies.ravel(), strict=True):
        record.test["accuracy"] = accuracy / 100
    study = Study({}, tuple(records), (), {}, None)
    return [found.verdict for found in compare_contrasts(study, CONTRASTS)]


def planted_point_is_found(records, rate=0.8):
    """A true difference of one point over ten seeds is found at ``rate``.

    The rate is that of each single comparison, after the correction for six.
    """
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(STUDIES):
        said = verdicts(records, simulated(generator, 1.0))
        found += said[PAIRS.index(("elu", "batch_norm"))] == WORSE
    at_least(found, STUDIES, rate)


def nothing_is_rarely_found(records, advantage=0.0):
    """Equal variants give any claim at all in at most 5 % of the studies."""
    generator = np.random.default_rng(2)
    false = sum(
        bool({BETTER, WORSE} & set(verdicts(records, simulated(generator, advantage))))
        for _ in range(STUDIES)
    )
    at_most(false, STUDIES, LEVEL)


def test_planted_point_is_found(records):
    planted_point_is_found(records)


def test_pairing_by_another_seed_finds_too_little(records, monkeypatch):
    """What seeds share does not cancel if other seeds are compared."""

    def shifted(first, second):
        return np.array([first[seed] - second[(seed + 1) % SEEDS] for seed in sorted(first)])

    monkeypatch.setattr("lightning_cifar.study.contrasts.paired_differences", shifted)
    with pytest.raises(AssertionError):
        planted_point_is_found(records)


def test_the_stated_rate_is_not_understated_by_much(records):
    with pytest.raises(AssertionError):
        planted_point_is_found(records, rate=0.94)


def test_nothing_is_rarely_found(records):
    nothing_is_rarely_found(records)


def test_a_report_without_correction_is_rejected(records, monkeypatch):
    monkeypatch.setattr(statistics, "holm", list)
    with pytest.raises(AssertionError):
        nothing_is_rarely_found(records)


def test_a_hidden_difference_is_rejected(records):
    with pytest.raises(AssertionError):
        nothing_is_rarely_found(records, advantage=0.7)


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


def test_p_value_is_scipys():
    values = np.random.default_rng(3).normal(0.4, 1, 9)
    theirs = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(values) == pytest.approx(theirs.pvalue, rel=1e-12)
    assert sign_flip_p(values[1:]) != pytest.approx(theirs.pvalue, rel=1e-12)  # control


def test_p_value_of_many_seeds_is_near_the_exact_one():
    """With more seeds than can be tried, sign patterns are drawn: 65,535 of them."""
    assert sign_flip_p(np.arange(1.0, 41.0)) == 2 / 2**16  # none drawn is as far away
    values = np.random.default_rng(4).normal(0.3, 1, 20)
    theirs = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=99_999, random_state=5
    )
    assert sign_flip_p(values) == pytest.approx(theirs.pvalue, rel=0.1)


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


def compared(differences, **settings):
    (result,) = compare_family([Pairs(np.array(differences), **settings)])
    return result


def test_comparison_in_full():
    result = compared([1.0, 2.0, 1.5, 0.5, 1.0, 2.5, 1.0], margin=3.0)
    assert result.mean == pytest.approx(9.5 / 7)
    assert result.p_value == result.p_adjusted == 2 / 2**7
    assert 0.5 <= result.low < result.mean < result.high <= 2.5
    assert result.is_different
    assert result.is_equivalent


def test_what_is_not_tested_is_not_corrected():
    first, second = compare_family(
        [Pairs(np.arange(1.0, 8.0)), Pairs(np.arange(7.0), tested=False)]
    )
    assert (first.family, first.p_adjusted) == (1, 2 / 2**7)
    assert second.p_adjusted == 1
    assert not second.is_different


def test_comparison_without_runs_counts_in_the_correction():
    found, missing = compare_family([Pairs(np.arange(1.0, 8.0)), Pairs(np.array([1.0]))])
    assert missing is None
    assert found.p_adjusted == 2 * found.p_value == 4 / 2**7


def test_differences_are_of_the_same_seed():
    assert paired_differences({3: 5.0, 1: 2.0}, {1: 1.0, 3: 1.0, 4: 9.0}).tolist() == [1.0, 4.0]


def test_failed_runs_are_left_out():
    first = {0: 1.0, 1: math.nan, 2: 2.0}
    assert paired_differences(first, dict.fromkeys(range(3), 0.0)).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("seeds", [2, 5])
def test_too_few_seeds_show_nothing(records, seeds):
    few = [record for record in records if record.seed < seeds]
    for record in few:
        record.test["accuracy"] = 0.5 + 0.1 * VARIANTS.index(record.variant)
    study = Study({}, tuple(few), (), {}, None)
    assert {found.verdict for found in compare_contrasts(study, CONTRASTS)} == {UNDECIDED}
