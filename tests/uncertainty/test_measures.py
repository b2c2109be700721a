"""Uncertainty of single images against independent NumPy implementations."""

import math

import numpy as np
import pytest
import torch
from controls import assert_rejects
from graded_sets import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import entropy as scipy_entropy

from lightning_cifar.uncertainty import measures
from lightning_cifar.uncertainty.measures import (
    Prediction,
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
    return prediction_of(logits.mean(1, keepdim=True))


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
    prediction = prediction_of(sampled_logits(0)[:, :1])
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
