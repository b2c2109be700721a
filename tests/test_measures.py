"""Uncertainty of single images against independent NumPy implementations."""

import math

import numpy as np
import pytest
import torch
<<<<<<< HEAD
from controls import assert_rejects
=======
from controls import assert_refuted
from graded_sets import SEEDS
>>>>>>> uncertainty
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import entropy as scipy_entropy

from lightning_cifar.uncertainty import measures
from lightning_cifar.uncertainty.measures import (
    Prediction,
    deterministic_prediction,
    joined,
    log_probabilities_by_count,
    prediction_of,
)


def sampled_logits(seed, *, images=7, samples=5, classes=4, size=3.0):
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(images, samples, classes, generator=generator, dtype=torch.float64)


def averages_as_numpy_does(predict):
    @given(SEEDS, st.floats(0.01, 20), st.integers(1, 6))
    def check(seed, size, samples):
        logits = sampled_logits(seed, samples=samples, size=size)
        prediction = predict(logits)
        each = softmax(logits.numpy(), axis=-1)
        mean = each.mean(1)
        near = {"rtol": 1e-9, "atol": 1e-9}
        assert np.allclose(prediction.probabilities, mean, **near)
        assert np.allclose(prediction.confidence, mean.max(-1), **near)
        assert np.allclose(prediction.predictive_entropy, scipy_entropy(mean, axis=-1), **near)
        expected = scipy_entropy(each, axis=-1).mean(1)
        assert np.allclose(prediction.expected_entropy, expected, **near)
        # Mutual information in its other form: the mean divergence of a sample from the average.
        disagreement = scipy_entropy(each, mean[:, None], axis=-1).mean(1)
        assert np.allclose(prediction.mutual_information, disagreement, **near)

    return check


def test_prediction_is_numpys():
    averages_as_numpy_does(prediction_of)()


def averaged_logits(logits):
    return deterministic_prediction(logits.mean(1))


def averaged_log_probabilities(logits):
    mean = logits.log_softmax(-1).mean(1)
    return Prediction(mean, prediction_of(logits).expected_entropy)


def entropy_of_the_average_twice(logits):
    right = prediction_of(logits)
    return Prediction(right.log_probabilities, right.predictive_entropy)


@pytest.mark.parametrize(
    "mutant", [averaged_logits, averaged_log_probabilities, entropy_of_the_average_twice]
)
def test_averaging_something_else_is_caught(mutant):
    assert_rejects(averages_as_numpy_does(mutant))


@given(SEEDS, st.floats(0.01, 1e4), st.sampled_from([torch.float32, torch.float64]))
def test_uncertainties_stay_within_their_bounds(seed, size, dtype):
    prediction = prediction_of(sampled_logits(seed, size=size).to(dtype))
    slack = 1e-5
    assert (prediction.log_probabilities <= 0).all()
    assert prediction.log_probabilities.isfinite().all()
    for value in (prediction.expected_entropy, prediction.mutual_information):
        assert (value >= 0).all()
        assert (value <= prediction.predictive_entropy + slack).all()
    assert (prediction.predictive_entropy <= math.log(4) + slack).all()


def test_one_sample_has_no_mutual_information():
    prediction = deterministic_prediction(sampled_logits(0)[:, 0])
    assert prediction.mutual_information.max() < 1e-12
    assert prediction_of(sampled_logits(0)).mutual_information.min() > 1e-3


def survives_certainty(log_mean):
    """A label of probability exp(-200) in every float32 sample has a likelihood all the same."""

    def check():
        log_probabilities = torch.tensor([[[0.0, 0.0], [-200.0, -201.0]]])
        expected = logsumexp([-200.0, -201.0]) - math.log(2)
        assert log_mean(log_probabilities)[0, 1] == pytest.approx(expected, rel=1e-6)

    return check


def test_a_tiny_probability_does_not_become_zero():
    survives_certainty(measures.log_mean)()
    assert_rejects(survives_certainty(lambda values: values.exp().mean(-1).log()))


def test_rounding_never_exceeds_probability_one():
    logits = torch.zeros(2000, 7, 10)
    logits[:, :, 0] = torch.linspace(0, 40, 2000)[:, None]
    assert (prediction_of(logits).probabilities <= 1).all()


def test_an_entropy_of_minus_infinite_logits_is_a_number():
    logits = torch.tensor([[[0.0, 0.0, -math.inf]]])
    assert prediction_of(logits).predictive_entropy.item() == pytest.approx(math.log(2))


def test_both_memory_layouts_give_the_same():
    logits = sampled_logits(3)
    other = logits.mT.contiguous().mT
    assert torch.equal(
        prediction_of(logits).log_probabilities, prediction_of(other).log_probabilities
    )


def test_counts_take_the_first_samples():
    logits = sampled_logits(1, samples=10)
    averages = log_probabilities_by_count(logits, [1, 3, 10])
    for count, average in zip((1, 3, 10), averages, strict=True):
        assert torch.allclose(average, prediction_of(logits[:, :count]).log_probabilities)


def test_joined_blocks_are_the_whole():
    logits = sampled_logits(2, images=9)
    whole, parts = prediction_of(logits), joined(map(prediction_of, logits.split(4)))
    assert torch.allclose(whole.log_probabilities, parts.log_probabilities)
    assert torch.allclose(whole.expected_entropy, parts.expected_entropy)
    assert torch.equal(whole.predicted, parts.predicted)
<<<<<<< HEAD


# Per set: reference implementations, written from the definitions with loops.


def numpy_scores(log_probabilities, labels):
    probabilities, labels = log_probabilities.exp().numpy(), labels.numpy()
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    edges = [*np.linspace(0, 1, 16), math.inf]
    width = [(low <= confidence) & (confidence < high) for low, high in pairwise(edges)]
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, 15)
    mass = [np.isin(np.arange(len(order)), part) for part in parts]
    return {
        "accuracy": np.mean(right),
        "nll": -np.mean(
            [math.log(row[label]) for row, label in zip(probabilities, labels, strict=True)]
        ),
        "brier": np.mean(
            [
                sum((p - (k == label)) ** 2 for k, p in enumerate(row))
                for row, label in zip(probabilities, labels, strict=True)
            ]
        ),
        "calibration_error": binned_gap(width, confidence, right),
        "equal_mass_calibration_error": binned_gap(mass, confidence, right),
        "error_auroc": pairwise_auroc(1 - confidence, right),
        "area_under_risk_coverage": np.mean(
            [1 - right[confidence >= threshold].mean() for threshold in confidence]
        ),
    }


def binned_gap(bins, confidence, right):
    full = [chosen for chosen in bins if chosen.any()]
    gaps = [chosen.sum() * abs(right[chosen].mean() - confidence[chosen].mean()) for chosen in full]
    return sum(gaps) / len(confidence)


def pairwise_auroc(uncertainty, right):
    wrong_above = [
        float(wrong > other) + 0.5 * float(wrong == other)
        for wrong in uncertainty[~right]
        for other in uncertainty[right]
    ]
    return np.mean(wrong_above) if wrong_above else math.nan


def scores_as_defined(scores_of, *, ties=False):
    @given(SEEDS, st.sampled_from([15, 60, 75]))
    def check(seed, images):
        log_probabilities, labels = graded_set(seed, images=images, ties=ties)
        expected, found = (
            numpy_scores(log_probabilities, labels),
            scores_of(log_probabilities, labels),
        )
        assert found.keys() == expected.keys() == {measure.key for measure in scores.MEASURES}
        for key, value in expected.items():
            # Which of two tied images falls into which equal-mass bin is a matter of order.
            if not (ties and key == "equal_mass_calibration_error"):
                assert found[key] == pytest.approx(value, abs=1e-9, nan_ok=True), key

    return check


def test_scores_are_as_defined():
    scores_as_defined(scores.scores_of)()


def test_scores_with_tied_confidences_are_as_defined():
    scores_as_defined(scores.scores_of, ties=True)()


def with_one_score(key, function):
    def scores_of(log_probabilities, labels):
        changed = function(log_probabilities, labels)
        return {**scores.scores_of(log_probabilities, labels), key: changed}

    return scores_of


def halved_brier(log_probabilities, labels):
    return scores.scores_of(log_probabilities, labels)["brier"] / 2


def auroc_of_being_right(log_probabilities, labels):
    return 1 - scores.scores_of(log_probabilities, labels)["error_auroc"]


def ten_bins(log_probabilities, labels):
    probabilities = log_probabilities.exp()
    return float(multiclass_calibration_error(probabilities, labels, 4, n_bins=10))


@pytest.mark.parametrize(
    "mutant",
    [
        with_one_score("brier", halved_brier),
        with_one_score("error_auroc", auroc_of_being_right),
        with_one_score("calibration_error", ten_bins),
    ],
    ids=["halved Brier", "AUROC of right", "ten bins"],
)
def test_other_scores_are_caught(mutant):
    assert_rejects(scores_as_defined(mutant))


@given(SEEDS, st.integers(1, 80))
def test_equal_mass_bins_are_equally_full_and_sorted(seed, images):
    confidence = graded_set(seed, images=images)[0].amax(1).exp()
    bins = weighted.equal_mass_bins(confidence)
    sizes = torch.bincount(bins, minlength=15)
    assert sizes.max() - sizes.min() <= 1
    assert (bins[confidence.argsort()].diff() >= 0).all()


def test_all_images_tied_make_detection_a_coin():
    log_probabilities = torch.tensor([0.7, 0.3]).log().expand(10, 2)
    labels = torch.tensor([0, 1] * 5)
    found = scores.scores_of(log_probabilities, labels)
    assert found["error_auroc"] == 0.5
    assert found["area_under_risk_coverage"] == 0.5


@given(SEEDS)
def test_scores_agree_with_torchmetrics(seed):
    log_probabilities, labels = graded_set(seed)
    found = scores.scores_of(log_probabilities, labels)
    probabilities = log_probabilities.exp()
    accuracy = multiclass_accuracy(probabilities, labels, 4, average="micro")
    assert found["accuracy"] == pytest.approx(float(accuracy), rel=1e-6)
    error = multiclass_calibration_error(probabilities, labels, 4, n_bins=15)
    assert found["calibration_error"] == pytest.approx(float(error), abs=1e-6)
    wrong = (probabilities.argmax(1) != labels).long()
    auroc = binary_auroc(1 - probabilities.amax(1), wrong)
    assert found["error_auroc"] == pytest.approx(float(auroc), abs=1e-6)


def test_saturated_confidences_agree_with_torchmetrics():
    logits = torch.tensor([[0.0, -900.0], [0.0, -900.0], [0.0, -4.0], [0.0, -0.1]])
    labels = torch.tensor([0, 1, 0, 0])
    log_probabilities = logits.log_softmax(1)
    found = scores.scores_of(log_probabilities, labels)["calibration_error"]
    expected = multiclass_calibration_error(log_probabilities.exp(), labels, 2, n_bins=15)
    assert found == pytest.approx(float(expected), abs=1e-6)


def test_no_errors_leave_the_detection_undefined():
    log_probabilities, _ = graded_set(0)
    found = scores.scores_of(log_probabilities, log_probabilities.argmax(1))
    assert math.isnan(found["error_auroc"])
    assert found["area_under_risk_coverage"] == 0


def test_labels_that_do_not_match_are_refused():
    log_probabilities, labels = graded_set(0)
    with pytest.raises(InputError, match="got 59 labels for 60 images"):
        scores.scores_of(log_probabilities, labels[:-1])
    with pytest.raises(InputError, match="got 0 labels"):
        scores.scores_of(log_probabilities[:0], labels[:0])


@given(SEEDS)
def test_curves_end_in_the_scores(seed):
    log_probabilities, labels = graded_set(seed, images=130)
    found = scores.scores_of(log_probabilities, labels)
    bins = scores.reliability(log_probabilities, labels)
    assert sum(item.images for item in bins) == 130
    gap = sum(item.images * abs(item.accuracy - item.confidence) for item in bins) / 130
    assert gap == pytest.approx(found["calibration_error"])
    points = scores.risk_coverage(log_probabilities, labels)
    assert len(points) == 100
    assert points[-1].coverage == 1
    assert points[-1].risk == pytest.approx(1 - found["accuracy"])
    area = np.mean([point.risk for point in points])
    assert area == pytest.approx(found["area_under_risk_coverage"], abs=0.05)


# Metrics over batches and processes.

METRICS = {
    "nll": metrics.NegativeLogLikelihood,
    "brier": metrics.BrierScore,
    "equal_mass_calibration_error": metrics.EqualMassCalibrationError,
    "area_under_risk_coverage": metrics.AreaUnderRiskCoverage,
    "error_auroc": metrics.ErrorAUROC,
}


def adds_up(key, make_metric):
    """Two processes, unequal batches: the value is that of the whole set."""

    @given(SEEDS, st.integers(1, 59))
    def check(seed, cut):
        log_probabilities, labels = graded_set(seed)
        first, second = make_metric(), make_metric()
        for part in (slice(0, cut // 2 + 1), slice(cut // 2 + 1, cut)):
            if log_probabilities[part].numel():
                first.update(log_probabilities[part], labels[part])
        second.update(log_probabilities[cut:], labels[cut:])
        if first.update_called:
            second.merge_state(first)
        value = float(second.compute())
        expected = scores.scores_of(log_probabilities, labels)[key]
        assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)

    return check


@pytest.mark.parametrize("key", METRICS)
def test_metrics_add_up_over_batches_and_processes(key):
    adds_up(key, METRICS[key])()


class MeanOfBatches(metrics.MeanOfImages):
    """A wrong metric: batches count alike, however small."""

    def of_images(self, graded):
        return graded.nll.mean(0, keepdim=True)

    def update(self, log_probabilities, labels):
        super().update(log_probabilities, labels)
        self.images += 1 - len(labels)


def test_a_mean_of_batch_means_is_caught():
    assert_rejects(adds_up("nll", MeanOfBatches))


def test_metrics_forget_after_reset():
    log_probabilities, labels = graded_set(0)
    for make_metric in METRICS.values():
        metric = make_metric()
        metric.update(log_probabilities, labels)
        before = metric.compute()
        metric.reset()
        metric.update(*graded_set(1))
        metric.reset()
        metric.update(log_probabilities, labels)
        assert torch.equal(metric.compute(), before)
=======
>>>>>>> uncertainty
