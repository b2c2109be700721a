"""Question 5: the best pace by condition number, and the optimiser itself on other losses."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rejection import rejected

from theory.momentum import conditioning, descent, quadratic

MOMENTUMS = st.floats(0.0, 0.9999)


def is_the_best_rate(best_rate):
    @given(MOMENTUMS, st.floats(1.0, 1e4), st.floats(-0.5, 0.5))
    @example(0.5, 100.0, 0.176)  # where momentum makes the better rate half as large again
    def check(momentum, condition_number, exponent):
        def slowest(rate):
            steps = rate * np.array([1.0, condition_number])
            return quadratic.spectral_radius(momentum, steps).max()

        best = best_rate(momentum, condition_number)
        other = best * 10.0**exponent
        assert slowest(best) <= slowest(other) + 1e-9

    return check


@given(MOMENTUMS, st.floats(1.0, 1e4))
def test_the_best_radius_is_that_of_the_slower_direction(momentum, condition_number):
    rate = conditioning.best_learning_rate(momentum, condition_number)
    steps = rate * np.array([1.0, condition_number])
    slowest = quadratic.spectral_radius(momentum, steps).max()
    assert conditioning.best_radius(momentum, condition_number) == slowest


def test_no_other_learning_rate_beats_the_best():
    is_the_best_rate(conditioning.best_learning_rate)()


@pytest.mark.parametrize(
    "wrong",
    [lambda m, k: 1.0 / k, lambda m, k: 2.0 / (1.0 + k), lambda m, k: 2 * (1 + m) / k],
    ids=["steepest alone", "no momentum", "edge"],
)
def test_another_learning_rate_is_beaten(wrong):
    with rejected():
        is_the_best_rate(wrong)()


@given(st.floats(1.0, 1e6))
def test_the_best_momentum_is_polyaks(condition_number):
    root = math.sqrt(condition_number)
    expected = ((root - 1.0) / (root + 1.0)) ** 2
    assert conditioning.best_momentum(condition_number) == pytest.approx(expected, abs=2e-5)
    # At a double root the radius is the square root of a small error, so few digits are left.
    radius = conditioning.best_radius(expected, condition_number)
    assert radius == pytest.approx((root - 1.0) / (root + 1.0), abs=1e-5)


def weighs_by_age(weights_of):
    @given(st.integers(1, 6), st.integers(1, 20))
    def check(halvings, steps):
        momentum = 1.0 - 2.0**-halvings  # dyadic: the sums are exact
        age = np.arange(steps - 1, -1, -1)
        expected = momentum**age
        np.testing.assert_allclose(weights_of(momentum, steps), expected, rtol=1e-14)

    return check


def test_a_gradient_weighs_momentum_to_the_power_of_its_age():
    weighs_by_age(descent.gradient_weights)()


def test_dampening_weighs_otherwise():
    with rejected():
        weighs_by_age(lambda m, n: descent.gradient_weights(m, n, dampening=0.5))()


LOSSES = {
    "quadratic": lambda x: x,
    "double well": descent.tilted_double_well,
    "wall": descent.slope_before_a_valley,
    "wave": math.sin,
}


@given(st.sampled_from(sorted(LOSSES)), st.floats(-2.0, 2.0), st.floats(1e-3, 0.1))
def test_with_dampening_one_the_path_is_straight_for_every_loss(name, start, rate):
    gradient = LOSSES[name]
    run = descent.descend(
        gradient, start=start, momentum=1.0, learning_rate=rate, steps=20, dampening=1.0
    )
    expected = start - rate * gradient(start) * np.arange(21)
    np.testing.assert_allclose(run, expected, rtol=1e-9, atol=1e-12)


@given(st.sampled_from(sorted(LOSSES)), st.floats(-2.0, 2.0), st.floats(1e-3, 0.1))
def test_with_momentum_one_every_update_is_the_sum_of_all_gradients(name, start, rate):
    gradient = LOSSES[name]
    run = descent.descend(gradient, start=start, momentum=1.0, learning_rate=rate, steps=20)
    sums = np.cumsum([gradient(x) for x in run[:-1]])
    np.testing.assert_allclose(np.diff(run), -rate * sums, rtol=1e-9, atol=1e-12)


def test_a_run_that_flies_off_ends():
    run = descent.descend(lambda x: -x, start=1.0, momentum=0.0, learning_rate=9.0, steps=100)
    assert run.tolist() == [10.0**k for k in range(10)]


@given(st.floats(-1.5, 60.0))
def test_the_gradient_of_the_valley_is_that_of_its_loss(x):
    loss, width = descent.slope_before_a_valley_loss, 1e-6
    slope = (loss(np.array([x + width])) - loss(np.array([x - width])))[0] / (2 * width)
    assert descent.slope_before_a_valley(x) == pytest.approx(slope, abs=2e-5)


def rolls_like_the_optimiser(roll):
    @given(st.floats(-1.9, 1.9), st.floats(0.0, 1.0), st.floats(0.001, 0.05))
    def check(start, momentum, rate):
        settings_ = {"start": start, "momentum": momentum, "learning_rate": rate, "steps": 30}
        ours = roll(descent.tilted_double_well, **settings_)
        theirs = descent.descend(descent.tilted_double_well, **settings_)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)

    return check


def test_plain_numbers_roll_like_the_optimiser():
    rolls_like_the_optimiser(descent.roll)()


def test_another_momentum_does_not():
    def wrong(gradient, *, momentum, **settings_):
        return descent.roll(gradient, momentum=momentum / 2, **settings_)

    with rejected():
        rolls_like_the_optimiser(wrong)()


def test_the_gradient_of_the_double_well_is_that_of_its_loss():
    for x in (-1.7, -0.3, 0.2, 1.4):
        loss = descent.tilted_double_well_loss
        slope = (loss(x + 1e-6) - loss(x - 1e-6)) / 2e-6
        assert descent.tilted_double_well(x) == pytest.approx(slope, abs=1e-8)


def test_the_double_well_has_its_bottoms_and_its_barrier_where_they_are_said_to_be():
    loss, points = descent.tilted_double_well_loss, (-1.04668, 0.10103, 0.94565)
    found = descent.BEST_BOTTOM, descent.BARRIER, descent.WORSE_BOTTOM
    assert found == pytest.approx(points, abs=1e-5)
    assert [descent.tilted_double_well(x) for x in found] == pytest.approx([0, 0, 0], abs=1e-12)
    assert loss(found[0]) < loss(found[2]) < loss(found[1])


def test_the_double_well_has_a_better_and_a_worse_valley_and_a_barrier():
    gradient = descent.tilted_double_well
    assert [gradient(x) > 0.0 for x in (-1.2, -0.9, 0.3, 1.2)] == [False, True, False, True]
    assert gradient(0.0) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("x", "loss"), [(-1.0, 1.5), (0.0, 0.0), (0.25, 0.03515625), (0.5, 0.1875), (2.5, 2.1875)]
)
def test_the_loss_of_the_valley_at_points_worked_by_hand(x, loss):
    assert descent.slope_before_a_valley_loss(np.array([x])) == pytest.approx(loss)
