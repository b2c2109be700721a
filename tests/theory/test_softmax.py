"""Question 4: softmax and its losses."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.activations.softmax import (
    backward_factor,
    best_log_loss,
    independent_logistics,
    log_loss,
    probability_within,
    softmax,
    softmax_over_batch,
)

SEEDS = st.integers(0, 2**32)


SCORES = arrays.arrays(
    "float64", st.tuples(st.integers(2, 5), st.integers(2, 6)), elements=st.floats(-1e4, 1e4)
).map(torch.from_numpy)


def is_a_distribution(normalisation):
    @given(SCORES, st.floats(-1e3, 1e3), SEEDS)
    def check(scores, shift, seed):
        probabilities = normalisation(scores)
        assert (probabilities >= 0).all()
        assert (probabilities <= 1).all()
        assert torch.allclose(probabilities.sum(-1), torch.ones(len(scores), dtype=torch.float64))
        shifted = normalisation(scores + shift)
        assert torch.allclose(shifted, probabilities, atol=1e-9)
        order = torch.randperm(scores.shape[1], generator=seeded(seed))
        assert torch.allclose(normalisation(scores[:, order]), probabilities[:, order], atol=1e-12)
        best = scores.argmax(-1, keepdim=True)
        assert torch.equal(probabilities.gather(1, best)[:, 0], probabilities.amax(-1))

    return check


def test_softmax_gives_a_distribution():
    is_a_distribution(softmax)()
    scores = torch.randn(7, 4, generator=seeded(), dtype=torch.float64)
    assert torch.allclose(softmax(scores), torch.softmax(scores, -1), rtol=1e-13)
    assert torch.allclose(softmax_over_batch(scores), torch.softmax(scores, 0), rtol=1e-13)
    assert torch.allclose(independent_logistics(scores), torch.sigmoid(scores), rtol=1e-13)


@pytest.mark.parametrize(
    "wrong",
    [
        softmax_over_batch,
        independent_logistics,
        lambda scores: torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True),
        lambda scores: scores / scores.sum(-1, keepdim=True),
        lambda scores: softmax(-scores),
    ],
    ids=["over the batch", "logistics", "overflow", "no exponential", "sign"],
)
def test_what_is_no_softmax_is_rejected(wrong):
    with rejected():
        is_a_distribution(wrong)()


def two_labels_cost_two_bits(normalisation):
    @given(SCORES)
    def check(scores):
        labels = torch.zeros_like(scores)
        labels[:, :2] = 1
        losses = log_loss(normalisation(scores / 100), labels)
        assert (losses >= 2 * math.log(2) - 1e-9).all()

    return check


def test_softmax_cannot_give_two_labels_their_due():
    two_labels_cost_two_bits(softmax)()
    with rejected():
        two_labels_cost_two_bits(independent_logistics)()


def test_log_loss_is_torchs():
    generator = seeded()
    probabilities = torch.rand(6, 4, generator=generator, dtype=torch.float64)
    labels = (torch.rand(6, 4, generator=generator) < 0.5).double()
    wanted = nn.functional.binary_cross_entropy(probabilities, labels, reduction="none").sum(-1)
    assert torch.allclose(log_loss(probabilities, labels), wanted, rtol=1e-12)
    ends = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert log_loss(ends, ends).tolist() == [0.0]


def test_best_log_losses():
    one = torch.tensor([[1.0, 0, 0]], dtype=torch.float64)
    two = torch.tensor([[1.0, 1, 0]], dtype=torch.float64)
    assert best_log_loss(softmax, one) == pytest.approx(0, abs=1e-12)
    assert best_log_loss(softmax, two) == pytest.approx(2 * math.log(2))
    assert best_log_loss(independent_logistics, two) == pytest.approx(0, abs=1e-12)
    # A constant answer of one half costs ln 2 a class, whatever the scores.
    assert best_log_loss(lambda scores: 0.5 + 0 * scores, two) == pytest.approx(3 * math.log(2))


def test_best_log_loss_tries_one_score_and_minus_it():
    labels = torch.tensor([[1.0, 1, 0]], dtype=torch.float64)
    tried = []

    def note(scores):
        tried.append(scores)
        return 0.5 + 0 * scores

    best_log_loss(note, labels)
    sizes = [float(scores[0, 0]) for scores in tried]
    assert (sizes[0], sizes[-1]) == (0.0, 50.0)
    for size, scores in zip(sizes, tried, strict=True):
        assert scores.tolist() == [[size, size, -size]]


@given(st.integers(2, 50))
@settings(max_examples=20)
def test_softmax_passes_a_gradient_back_by_one_over_the_units(units):
    assert backward_factor(softmax, units) == pytest.approx(1 / units, rel=1e-9)
    assert backward_factor(independent_logistics, units) == pytest.approx(0.25, rel=1e-9)


@given(st.integers(2, 1000), st.floats(0.1, 20), st.integers(0, 2**32))
def test_no_scores_within_the_limit_give_a_larger_probability(classes, limit, seed):
    best = probability_within(limit, classes)
    scores = torch.full((1, classes), -limit, dtype=torch.float64)
    scores[0, 0] = limit
    assert float(softmax(scores)[0, 0]) == pytest.approx(best, rel=1e-9)
    drawn = limit * (2 * torch.rand(1, classes, generator=seeded(seed), dtype=torch.float64) - 1)
    assert float(softmax(drawn).max()) <= best * (1 + 1e-12)
