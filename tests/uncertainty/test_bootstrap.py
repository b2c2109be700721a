"""The paired bootstrap: weights are resamples, intervals cover the truth, words follow."""

import functools
import math

import pytest
import torch
from controls import assert_rejects
from graded_sets import SEEDS, graded_set
from hypothesis import given

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import bootstrap
from lightning_cifar.uncertainty.bootstrap import (
    Difference,
    paired_differences,
    resample_weights,
    resampled_measures,
    verdict_of,
    widened_interval,
)
from lightning_cifar.uncertainty.scores import MEASURES, scores_of, weighted_measures
from lightning_cifar.uncertainty.weighted import graded


def test_a_lone_image_shows_no_difference():
    alike = torch.full((2001,), 0.25)
    found = bootstrap.difference_of(alike, higher_is_better=True, images=1)
    assert found.value == 0.25
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.verdict == "no difference that 1 images can show"
    # The control: of several images the same resamples are evidence.
    assert bootstrap.difference_of(alike, higher_is_better=True, images=9).verdict == "better"


def weights_are_repetitions(measures):
    """A weight of k is k copies of the image, for each measure."""

    @given(SEEDS)
    def check(seed):
        log_probabilities, labels = graded_set(seed)
        weights = next(iter(resample_weights(60, 1, seed)))
        copies = torch.arange(60).repeat_interleave(weights[0].long())
        repeated = scores_of(log_probabilities[copies], labels[copies])
        for key, measure in measures(graded(log_probabilities, labels)).items():
            # Equal-mass bins are those of the whole set, so they differ from the copies' own.
            if key != "equal_mass_calibration_error":
                value = float(measure(weights))
                assert value == pytest.approx(repeated[key], abs=1e-9, nan_ok=True), key

    return check


def test_weights_are_repetitions():
    weights_are_repetitions(weighted_measures)()


def unweighted(graded):
    return {
        key: lambda weights, measure=measure: measure(torch.ones_like(weights))
        for key, measure in weighted_measures(graded).items()
    }


def squared_weights(graded):
    return {
        key: lambda weights, measure=measure: measure(weights.square())
        for key, measure in weighted_measures(graded).items()
    }


@pytest.mark.parametrize("mutant", [unweighted, squared_weights])
def test_wrong_weights_are_caught(mutant):
    assert_rejects(weights_are_repetitions(mutant))


def test_resamples_have_the_size_of_the_set_and_follow_the_seed():
    weights = torch.cat(list(resample_weights(30, 120, 7)))
    assert weights.shape == (120, 30)
    assert (weights.sum(1) == 30).all()
    assert torch.equal(weights, torch.cat(list(resample_weights(30, 120, 7))))
    assert not torch.equal(weights, torch.cat(list(resample_weights(30, 120, 8))))
    # Each image is drawn once on average; 3600 draws leave a standard error of 0.09 per image.
    assert ((weights.mean(0) - 1).abs() < 6.2 * 0.09).all()


def differences_between(baseline, other, labels, seed=1):
    values = [resampled_measures(each, labels, seed) for each in (baseline, other)]
    return paired_differences(*values, images=len(labels))


def test_differences_are_those_of_the_scores():
    baseline, labels = graded_set(0, images=300)
    other = graded_set(0, images=300, sharpness=2.0)[0]
    found = differences_between(baseline, other, labels)
    first, second = scores_of(baseline, labels), scores_of(other, labels)
    assert found.keys() == {measure.key for measure in MEASURES}
    for key, difference in found.items():
        assert difference.value == pytest.approx(second[key] - first[key])
        assert difference.low <= difference.high
    assert found["nll"].verdict == "worse"
    assert found["calibration_error"].verdict == "worse"
    # Sharper, but in the same order: not one image changes its class.
    assert (found["accuracy"].low, found["accuracy"].high) == (0, 0)
    assert found["accuracy"].verdict == "no difference that 300 images can show"
    assert found == differences_between(baseline, other, labels)


def test_turning_the_comparison_round_turns_the_verdict():
    baseline, labels = graded_set(0, images=300)
    other = graded_set(0, images=300, sharpness=2.0)[0]
    there = differences_between(baseline, other, labels)
    back = differences_between(other, baseline, labels)
    for key in there:
        assert back[key].low == pytest.approx(-there[key].high)
        assert back[key].high == pytest.approx(-there[key].low)
    assert back["nll"].verdict == "better"


@pytest.mark.parametrize(
    ("low", "high", "higher", "lower"),
    [
        (0.1, 0.2, "better", "worse"),
        (-0.2, -0.1, "worse", "better"),
        (-0.1, 0.1, "no difference", "no difference"),
        (0.0, 0.1, "no difference", "no difference"),
        (math.nan, math.nan, "no difference", "no difference"),
    ],
)
def test_verdicts_follow_from_the_interval(low, high, higher, lower):
    for wanted, higher_is_better in ((higher, True), (lower, False)):
        words = verdict_of(low, high, higher_is_better=higher_is_better, images=10_000)
        assert words.removesuffix(" that 10,000 images can show") == wanted


def test_a_set_without_errors_has_no_difference_in_detection():
    log_probabilities, _ = graded_set(0)
    labels = log_probabilities.argmax(1)
    difference = differences_between(log_probabilities, log_probabilities, labels)["error_auroc"]
    assert all(map(math.isnan, (difference.value, difference.low, difference.high)))
    assert isinstance(difference, Difference)
    assert difference.verdict == "no difference that 60 images can show"


def test_labels_that_do_not_match_are_refused():
    log_probabilities, labels = graded_set(0)
    with pytest.raises(InputError, match="got 59 labels for 60 images"):
        resampled_measures(log_probabilities, labels[:-1], seed=0)


def pairs_shrink_the_interval(differences):
    """Two nearly equal predictions: pairing removes the images' own difficulty."""

    def check():
        baseline, labels = graded_set(0, images=400)
        other = graded_set(0, images=400, sharpness=1.01)[0]
        low, high = differences(baseline, other, labels)
        alone = resampled_measures(baseline, labels, 0)["nll"][1:].std()
        assert high - low < float(alone) / 5

    return check


def paired(baseline, other, labels):
    found = differences_between(baseline, other, labels)["nll"]
    return found.low, found.high


def unpaired(baseline, other, labels):
    first = resampled_measures(baseline, labels, 0)["nll"]
    second = resampled_measures(other, labels, 1)["nll"]
    return widened_interval(float(second[0] - first[0]), (second - first)[1:])


def test_resamples_are_shared():
    pairs_shrink_the_interval(paired)()
    assert_rejects(pairs_shrink_the_interval(unpaired))


@functools.cache
def simulated_changes():
    """The true change of a calibration error, then 60 sets' own change and its resamples.

    The baseline is too sharp, the other calibrated: the hardest case, as the bias is all on one
    side.
    """
    truth = float(calibration_change(0, images=200_000, resamples=0)[0])
    return truth, [calibration_change(seed, images=1000) for seed in range(1, 61)]


def calibration_change(seed, *, images, resamples=100):
    baseline, labels = graded_set(seed, images=images, sharpness=1.4)
    other = graded_set(seed, images=images)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "RESAMPLES", resamples)
        first, second = (resampled_measures(each, labels, seed) for each in (baseline, other))
    return second["calibration_error"] - first["calibration_error"]


def covers_the_truth(interval_of):
    """A 95 % interval misses at least 18 of 60 true values with probability 2e-9 (binomial)."""

    def check():
        truth, changes = simulated_changes()
        intervals = [interval_of(float(change[0]), change[1:]) for change in changes]
        assert sum(low <= truth <= high for low, high in intervals) > 42

    return check


def percentiles(_, resampled):
    return float(resampled.quantile(0.025)), float(resampled.quantile(0.975))


def half_as_wide(value, resampled):
    low, high = widened_interval(value, resampled)
    middle = (low + high) / 2
    return (low + middle) / 2, (high + middle) / 2


def test_intervals_of_a_calibration_error_cover_the_truth():
    covers_the_truth(widened_interval)()


@pytest.mark.parametrize("mutant", [percentiles, half_as_wide])
def test_intervals_beside_the_truth_are_caught(mutant):
    assert_rejects(covers_the_truth(mutant))
