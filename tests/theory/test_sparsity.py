"""Question 6: soft thresholding, and the Lasso with its certificate, for any weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded

from theory.draws import normal
from theory.sparsity import lasso

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 40)


def is_the_proximal_step(shrink):
    """Among many points none has a smaller ½(x - y)² + amount·|x|, and zeros are exact."""

    @given(SEEDS, SIZES, st.floats(0.0, 2.0))
    def check(seed, size, amount):
        values = 2.0 * normal(seeded(seed), size)
        shrunk = shrink(values, amount)
        assert ((shrunk == 0.0) == (np.abs(values) <= amount)).all()
        others = shrunk + normal(seeded(seed + 1), 50, size)

        def loss(x):
            return 0.5 * (x - values) ** 2 + amount * np.abs(x)

        assert (loss(others) >= loss(shrunk) - 1e-12).all()

    return check


def test_the_soft_threshold_is_the_proximal_step_of_l1():
    is_the_proximal_step(lasso.soft_threshold)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda y, t: np.where(np.abs(y) > t, y, 0.0),
        lambda y, t: np.maximum(np.abs(y) - t, 0.0),
        lambda y, t: np.sign(y) * (np.abs(y) - t),
        lambda y, t: y,
        lambda y, t: y / (1.0 + t),
    ],
    ids=["hard threshold", "lost sign", "no clamp", "identity", "ridge"],
)
def test_another_shrinkage_is_rejected(wrong):
    with rejected():
        is_the_proximal_step(wrong)()


@given(SEEDS, SIZES, st.floats(0.0, 2.0))
def test_the_soft_threshold_never_grows_nor_flips_nor_spreads(seed, size, amount):
    first, second = normal(seeded(seed), 2, size)
    one, two = lasso.soft_threshold(first, amount), lasso.soft_threshold(second, amount)
    assert (np.abs(one) <= np.abs(first)).all()
    assert (one * first >= 0.0).all()
    assert (np.abs(one - two) <= np.abs(first - second) + 1e-15).all()


def finds_the_predicted_zeros(descend):
    @given(SEEDS, SIZES, st.floats(0.1, 1.5), st.floats(0.05, 1.0))
    @settings(max_examples=50)
    def check(seed, size, penalty, rate):
        targets = normal(seeded(seed), size)
        start = normal(seeded(seed + 1), size)
        found = descend(
            lambda w: w - targets, start, penalty=penalty, learning_rate=rate, steps=800
        )
        expected = np.sign(targets) * np.maximum(np.abs(targets) - penalty, 0.0)
        assert ((found == 0.0) == (expected == 0.0)).all()
        np.testing.assert_allclose(found, expected, atol=1e-12)

    return check


def test_proximal_descent_finds_exactly_the_predicted_zeros():
    finds_the_predicted_zeros(lasso.proximal_descent)()


def test_the_gradient_of_the_penalty_does_not():
    with rejected():
        finds_the_predicted_zeros(lasso.subgradient_descent)()


@given(SEEDS, st.floats(0.1, 1.5), st.floats(0.01, 0.5))
@settings(max_examples=50)
def test_the_gradient_of_the_penalty_flutters_within_one_step_of_zero(seed, penalty, rate):
    targets = normal(seeded(seed), 1000)
    found = lasso.subgradient_descent(
        lambda w: w - targets, targets, penalty=penalty, learning_rate=rate, steps=2000
    )
    zero = np.abs(targets) <= penalty
    assert np.abs(found[zero]).max() <= 2 * rate * penalty + 1e-12
    assert (found == 0.0).sum() <= 3  # only a coincidence of rounding reaches 0


def test_dyadic_numbers_reach_zero_even_by_the_gradient():
    half = np.array([0.5])
    found = lasso.subgradient_descent(
        lambda w: 0.0 * w, half, penalty=1.0, learning_rate=0.125, steps=9
    )
    assert found.tolist() == [0.0]


PROBLEMS = st.tuples(st.integers(20, 60), st.integers(1, 12), SEEDS)


def is_optimal(solve):
    @given(PROBLEMS, st.floats(0.02, 1.0))
    @settings(max_examples=40)
    def check(problem, penalty):
        rows, features, seed = problem
        inputs, targets = normal(seeded(seed), rows, features), normal(seeded(seed + 1), rows)
        weights = solve(inputs, targets, penalty)
        assert lasso.optimality_gap(inputs, targets, weights, penalty=penalty) <= 1e-7

    return check


def by_coordinates(inputs, targets, penalty):
    return lasso.coordinate_descent(inputs, targets, penalty=penalty, sweeps=300)


def by_proximal_steps(inputs, targets, penalty):
    rate = len(targets) / np.linalg.norm(inputs, 2) ** 2
    return lasso.proximal_descent(
        lasso.least_squares_gradient(inputs, targets),
        np.zeros(inputs.shape[1]),
        penalty=penalty,
        learning_rate=rate,
        steps=2000,
    )


@pytest.mark.parametrize("solve", [by_coordinates, by_proximal_steps])
def test_both_solvers_meet_the_conditions_of_optimality(solve):
    is_optimal(solve)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, y, p: lasso.ridge(x, y, penalty=p),
        lambda x, y, p: by_coordinates(x, y, 2 * p),
        lambda x, y, p: by_coordinates(x, y, p / len(y)),
        lambda x, y, p: np.zeros(x.shape[1]),
    ],
    ids=["ridge", "twice the penalty", "not averaged", "nothing"],
)
def test_other_weights_do_not(wrong):
    with rejected():
        is_optimal(wrong)()


def test_no_perturbation_of_the_optimum_has_a_smaller_objective():
    inputs, targets = lasso.regression_problem(rows=60, features=30, seed=3)

    def objective(weights):
        error = targets - inputs @ weights
        return 0.5 * (error**2).mean() + 0.1 * np.abs(weights).sum()

    best = lasso.coordinate_descent(inputs, targets, penalty=0.1, sweeps=200)
    for other in best + 0.01 * normal(seeded(4), 200, 30):
        assert objective(other) > objective(best)


@given(PROBLEMS, st.floats(0.01, 5.0))
@settings(max_examples=40)
def test_ridge_solves_its_own_conditions_and_has_no_zeros(problem, penalty):
    rows, features, seed = problem
    inputs, targets = normal(seeded(seed), rows, features), normal(seeded(seed + 1), rows)
    weights = lasso.ridge(inputs, targets, penalty=penalty)
    slope = lasso.least_squares_gradient(inputs, targets)(weights) + penalty * weights
    assert np.abs(slope).max() <= 1e-9
    assert (weights != 0.0).all()


def test_a_third_of_the_features_of_a_problem_matter():
    inputs, targets = lasso.regression_problem(rows=1000, features=90, seed=1)
    weights = np.abs(np.linalg.lstsq(inputs, targets, rcond=None)[0])
    # Estimates of 0 have a standard deviation of 0.0033; one normal draw in 40 is below 0.03.
    assert weights[np.arange(90) % 3 != 0].max() < 0.03
    assert (weights[::3] > 0.03).sum() >= 15
    rest = targets - inputs @ np.linalg.lstsq(inputs, targets, rcond=None)[0]
    assert np.std(rest) == pytest.approx(0.1, rel=0.2)


def test_a_problem_is_drawn_from_its_seed_alone():
    inputs, targets = lasso.regression_problem(rows=5, features=4, seed=9)
    draws = torch.Generator().manual_seed(9)
    expected = normal(draws, 5, 4)
    weights = normal(draws, 4) * np.array([1.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(inputs, expected)
    np.testing.assert_allclose(targets, expected @ weights + 0.1 * normal(draws, 5))
