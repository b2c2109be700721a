"""Measures of a set against definitions written as loops, and against torchmetrics."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from controls import assert_rejects
from graded_sets import SEEDS, graded_set
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import (
    binary_auroc,
    multiclass_accuracy,
    multiclass_calibration_error,
)

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import scores, weighted


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
