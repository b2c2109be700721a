"""Question 6: the demo finds the predicted zeros by one algorithm and none by the other."""

import math

import numpy as np
import pytest
import torch
from seeded import seeded

from theory.draws import normal, uniform
from theory.errors import DomainError
from theory.sparsity import lasso
from theory.sparsity.demo import demonstrate
from theory.sparsity.figure import draw


@pytest.mark.parametrize("draw_from", [normal, uniform])
def test_draws_are_in_double_precision(draw_from):
    draws = draw_from(seeded(0), 3, 2)
    assert draws.dtype == np.float64
    assert draws.shape == (3, 2)
    assert (draws != draws.astype(np.float32)).any()


def test_the_demo_finds_the_predicted_zeros_and_none():
    result = demonstrate(weights=1000, penalty=0.5, learning_rate=0.1, steps=500, seed=7)
    targets = np.array(result.targets)
    assert (np.diff(targets) >= 0.0).all()
    assert result.predicted_zeros == (np.abs(targets) <= 0.5).sum() == result.proximal_zeros
    assert 300 < result.predicted_zeros < 460  # 383 expected, 5 standard errors
    assert result.proximal_misplaced_zeros == 0
    assert result.proximal_largest_error < 1e-12
    assert result.subgradient_zeros == 0
    assert 0.01 < result.subgradient_largest_flutter <= result.flutter_bound
    assert result.flutter_bound == pytest.approx(0.1)
    assert result.zeros_after_pruning >= result.predicted_zeros
    expected = lasso.soft_threshold(targets, 0.5)
    np.testing.assert_allclose(result.proximal_weights, expected, atol=1e-12)
    away = np.abs(targets) > 0.7
    np.testing.assert_allclose(
        np.array(result.subgradient_weights)[away], expected[away], atol=1e-9
    )


def test_too_few_steps_misplace_zeros():
    result = demonstrate(weights=1000, learning_rate=0.01, steps=5)
    assert result.proximal_misplaced_zeros > 0
    assert result.proximal_largest_error > 0.1


def test_a_penalty_that_zeroes_nothing_has_no_flutter():
    result = demonstrate(weights=5, penalty=1e-9, steps=3)
    assert result.predicted_zeros == 0
    assert result.subgradient_largest_flutter == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": 0}, "weights must be from 1 to 100000, got 0"),
        ({"penalty": 0.0}, "penalty must be finite and above 0, got 0"),
        ({"penalty": math.nan}, "penalty must be finite and above 0, got nan"),
        ({"penalty": 1e308}, "penalty must be from 0 to 1000000, got 1e.308"),
        ({"learning_rate": -0.1}, "learning_rate must be finite and above 0, got -0.1"),
        ({"learning_rate": 1.5}, "learning_rate must be from 0 to 1, got 1.5; above 1 each step"),
        ({"steps": 0}, "steps must be from 1 to 100000, got 0"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seed": 2**63}, "seed must be from 0"),
    ],
)
def test_parameters_outside_their_domain_are_refused(options, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**options)


def test_the_bounds_themselves_are_accepted():
    assert demonstrate(weights=1, learning_rate=1.0, steps=1).proximal_misplaced_zeros == 0
    assert demonstrate(weights=1, steps=1, seed=2**63 - 1).weights == 1


def test_a_target_as_large_as_the_penalty_becomes_zero_either_way():
    (target,) = demonstrate(weights=1).targets
    result = demonstrate(weights=1, penalty=abs(target), learning_rate=1.0, steps=1)
    assert result.predicted_zeros == result.proximal_zeros == result.subgradient_zeros == 1


def test_the_figure_holds_the_weights_of_both_algorithms():
    result = demonstrate(weights=30)
    left, right = draw(result).axes
    np.testing.assert_array_equal(left.lines[1].get_ydata(), result.subgradient_weights)
    np.testing.assert_array_equal(left.lines[2].get_ydata(), result.proximal_weights)
    assert (np.diff(right.lines[0].get_ydata()) >= 0.0).all()
    assert right.lines[1].get_ydata()[0] == 1e-6


def test_draws_are_standard_and_follow_the_generator():
    draws = normal(seeded(3), 50_000)
    assert draws.dtype == np.float64
    assert abs(draws.mean()) < 6.2 / 50_000**0.5
    assert abs(draws.var() - 1.0) < 6.2 * (2 / 50_000) ** 0.5
    even = uniform(seeded(3), 100, 500)
    assert even.shape == (100, 500)
    assert 0.0 <= even.min() < 0.01
    assert 0.99 < even.max() < 1.0
    assert (normal(seeded(3), 50_000) == draws).all()
    assert (uniform(seeded(3), 100, 500) == even).all()


def test_the_demo_is_the_two_descents_it_says():
    result = demonstrate(weights=100, penalty=0.4, learning_rate=0.3, steps=7, seed=3)
    draws = torch.randn(100, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    targets = np.sort(draws.numpy())
    followed, proximal = targets.copy(), targets.copy()
    for _ in range(7):
        followed = followed - 0.3 * (followed - targets + 0.4 * np.sign(followed))
        step = proximal - 0.3 * (proximal - targets)
        proximal = np.sign(step) * np.maximum(np.abs(step) - 0.12, 0.0)
    assert result.targets == pytest.approx(targets)
    assert result.subgradient_weights == pytest.approx(followed)
    assert result.proximal_weights == pytest.approx(proximal)
    zero = np.abs(targets) <= 0.4
    assert result.predicted_zeros == zero.sum()
    assert result.flutter_bound == pytest.approx(0.24)
    assert result.subgradient_largest_flutter == pytest.approx(np.abs(followed[zero]).max())
    assert result.zeros_after_pruning == (np.abs(followed) <= 0.24).sum()
    assert (result.weights, result.penalty, result.learning_rate, result.steps) == (
        100,
        0.4,
        0.3,
        7,
    )
