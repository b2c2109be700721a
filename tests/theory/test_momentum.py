"""Question 5: what is known of momentum on a quadratic holds for every momentum and step."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from controls import rejected
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov

from theory.errors import DomainError
from theory.momentum import conditioning, descent, quadratic
from theory.momentum.demo import demonstrate, regime
from theory.momentum.figure import draw

MOMENTUMS = st.floats(0.0, 0.9999)
STEPS = st.floats(1e-3, 3.9)


def torch_positions(momentum, step, steps, *, dampening=0.0, nesterov=False):
    """Positions of the optimiser itself, with autograd's gradients."""
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD(
        [x], lr=step, momentum=momentum, dampening=dampening, nesterov=nesterov, foreach=False
    )
    positions = [1.0]
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * x**2).backward()
        optimizer.step()
        positions.append(x.item())
    return np.array(positions)


def is_sgd(trajectory):
    @given(st.floats(0.01, 0.99), st.floats(1e-3, 1.5), st.floats(0.0, 1.0), st.booleans())
    @settings(max_examples=40)
    def check(momentum, step, dampening, nesterov):
        options = {"nesterov": True} if nesterov else {"dampening": dampening}
        expected = torch_positions(momentum, step, 8, **options)
        ours = trajectory(momentum, step, 8, **options)
        assert np.abs(ours - expected).max() <= 1e-11 * np.abs(expected).max()

    return check


def test_the_trajectory_is_that_of_torch_sgd():
    is_sgd(quadratic.trajectory)()


def without_velocity(momentum, step, steps, **_):
    return quadratic.trajectory(0.0, step, steps)


def never_nesterov(momentum, step, steps, *, dampening=0.0, nesterov=False):
    return quadratic.trajectory(momentum, step, steps, dampening=dampening)


def never_damped(momentum, step, steps, *, dampening=0.0, nesterov=False):
    return quadratic.trajectory(momentum, step, steps, nesterov=nesterov)


@pytest.mark.parametrize("wrong", [without_velocity, never_nesterov, never_damped])
def test_another_trajectory_is_rejected(wrong):
    with rejected():
        is_sgd(wrong)()


def test_a_diverging_trajectory_ends_before_it_overflows():
    run = quadratic.trajectory(0.9, 5.0, 10_000)
    assert len(run) < 1000
    assert np.isfinite(run).all()
    assert abs(run[-1]) > 1e150 >= abs(run[-2])


def is_the_largest_eigenvalue(radius):
    @given(MOMENTUMS, st.floats(0.0, 6.0))
    def check(momentum, step):
        roots = np.linalg.eigvals(quadratic.iteration_matrix(momentum, step))
        # A double root is known to half the digits only.
        assert radius(momentum, step) == pytest.approx(np.abs(roots).max(), abs=1e-6)

    return check


def test_the_spectral_radius_is_the_largest_eigenvalue():
    is_the_largest_eigenvalue(quadratic.spectral_radius)()


@pytest.mark.parametrize(
    "wrong",
    [lambda m, s: math.sqrt(m), lambda m, s: abs(1 - s), lambda m, s: 1 + m - s],
    ids=["always ringing", "no momentum", "trace"],
)
def test_another_radius_is_rejected(wrong):
    with rejected():
        is_the_largest_eigenvalue(wrong)()


def separates_stable_from_unstable(limit):
    @given(MOMENTUMS, st.floats(1e-3, 5.0))
    def check(momentum, step):
        assume(abs(step - 2 * (1 + momentum)) > 1e-3)
        assert (quadratic.spectral_radius(momentum, step) < 1.0) == (step < limit(momentum))

    return check


def test_the_distance_shrinks_exactly_below_the_stability_limit():
    separates_stable_from_unstable(quadratic.stability_limit)()


@pytest.mark.parametrize(
    "wrong",
    [lambda m: 2.0, lambda m: 2.0 * (1.0 - m), lambda m: 2.0 / (1.0 - m)],
    ids=["no momentum", "shrinking", "effective rate"],
)
def test_another_limit_is_rejected(wrong):
    with rejected():
        separates_stable_from_unstable(wrong)()


@given(st.floats(0.01, 1.0), st.floats(0.01, 0.99))
def test_every_learning_rate_in_the_ringing_range_has_the_same_pace(momentum, place):
    low, high = quadratic.ringing_range(momentum)
    step = low + place * (high - low)
    assert quadratic.spectral_radius(momentum, step) == pytest.approx(math.sqrt(momentum))


def conserves_energy(trajectory):
    @given(st.floats(0.01, 3.9))
    def check(step):
        x = trajectory(1.0, step, 300)
        velocity = x[:-1] - x[1:]
        energy = step * x[1:] ** 2 + step * x[1:] * velocity + velocity**2
        assert np.abs(energy - step).max() <= 1e-9 * step

    return check


def test_momentum_one_conserves_energy():
    conserves_energy(quadratic.trajectory)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda m, s, n: quadratic.trajectory(0.999, s, n),
        lambda m, s, n: quadratic.trajectory(m, s, n, dampening=1.0),
        lambda m, s, n: quadratic.trajectory(m, s, n, nesterov=True),
    ],
    ids=["friction", "dampening", "Nesterov"],
)
def test_friction_and_dampening_do_not_conserve_energy(wrong):
    with rejected():
        conserves_energy(wrong)()


def keeps_its_side(momentum_of):
    @given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
    def check(momentum, place):
        step = place * quadratic.ringing_range(momentum)[0]
        run = quadratic.trajectory(momentum_of(momentum), step, 400)
        assert (run >= 0.0).all()

    return check


def test_below_the_ringing_range_the_minimum_is_never_crossed():
    keeps_its_side(lambda momentum: momentum)()


def test_more_momentum_than_that_crosses_it():
    with rejected():
        keeps_its_side(lambda momentum: math.sqrt(momentum))()


def counts_crossings(per_step):
    @given(st.floats(0.5, 0.99999), st.floats(0.05, 0.95))
    def check(momentum, place):
        low, high = quadratic.ringing_range(momentum)
        step = low + place * (high - low)
        run = quadratic.trajectory(momentum, step, 150)
        crossings = quadratic.count_sign_changes(run)
        assert abs(crossings - 150 * per_step(momentum, step)) <= 1.0 + 1e-6

    return check


def test_crossings_are_counted_by_the_closed_form():
    counts_crossings(quadratic.crossings_per_step)()


def test_a_pendulum_without_steps_has_another_period():
    with rejected():
        counts_crossings(lambda momentum, step: math.sqrt(step) / math.pi)()


@given(MOMENTUMS, st.floats(1e-3, 1.9), st.integers(0, 60))
def test_a_power_of_the_matrix_is_as_many_steps(momentum, step, steps):
    expected = quadratic.trajectory(momentum, step, steps)[-1]
    assert quadratic.position_after(momentum, step, steps) == pytest.approx(expected, abs=1e-9)


def test_a_million_steps_at_once():
    assert abs(quadratic.position_after(0.99999, 0.01, 1_000_000)) < 0.0068  # √momentum^steps
    assert quadratic.position_after(0.9, 0.01, 1_000_000) == 0.0


def solves_lyapunov(variance):
    @given(st.floats(0.0, 0.99), st.floats(0.01, 0.95), st.floats(0.1, 10.0), st.floats(0.1, 3.0))
    def check(momentum, place, curvature, noise):
        rate = place * quadratic.stability_limit(momentum) / curvature
        matrix = quadratic.iteration_matrix(momentum, rate * curvature)
        kick = rate * noise * np.array([-1.0, 1.0])
        expected = solve_discrete_lyapunov(matrix, np.outer(kick, kick))[0, 0]
        assert variance(momentum, rate, curvature=curvature, noise=noise) == pytest.approx(
            expected, rel=1e-6
        )

    return check


def test_the_stationary_variance_solves_the_lyapunov_equation():
    solves_lyapunov(quadratic.stationary_variance)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda m, r, *, curvature, noise: r * noise**2 / (curvature * (2 - r * curvature)),
        lambda m, r, *, curvature, noise: r * noise**2 / (2 * curvature * (1 - m)),
    ],
    ids=["no momentum", "small rates"],
)
def test_another_variance_is_rejected(wrong):
    with rejected():
        solves_lyapunov(wrong)()


def test_noise_without_friction_or_stability_has_no_stationary_variance():
    assert quadratic.stationary_variance(1.0, 0.1) == math.inf
    assert quadratic.stationary_variance(0.9, 3.8) == math.inf
    assert quadratic.stationary_variance(0.9, 3.79) < math.inf
    assert quadratic.stationary_variance(0.99999, 0.1) == pytest.approx(5128.2, rel=1e-4)


def test_small_helpers_count_as_a_person_would():
    assert quadratic.count_sign_changes(np.array([1.0, 0.0, 2.0, -1.0, 0.0, -2.0, 3.0])) == 2
    assert quadratic.count_sign_changes(np.array([1.0, 2.0])) == 0
    assert quadratic.steps_to_shrink(0.1) == pytest.approx(3.0)
    assert quadratic.steps_to_shrink(0.5, 4.0) == pytest.approx(2.0)
    assert quadratic.steps_to_shrink(0.0) == 1.0
    assert quadratic.steps_to_shrink(1e-9) == 1.0
    assert quadratic.steps_to_shrink(1.0) == math.inf


def is_the_best_rate(best_rate):
    @given(MOMENTUMS, st.floats(1.0, 1e4), st.floats(-0.5, 0.5))
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


def test_the_double_well_has_a_better_and_a_worse_valley_and_a_barrier():
    gradient = descent.tilted_double_well
    assert [gradient(x) > 0.0 for x in (-1.2, -0.9, 0.3, 1.2)] == [False, True, False, True]
    assert gradient(0.0) == pytest.approx(0.1)


def test_the_demo_shows_the_momentum_it_was_asked_for():
    result = demonstrate(momentum=0.999, learning_rate=0.1, steps=5000)
    assert result.regime == "rings around the minimum and converges"
    assert result.crossings == 506
    assert result.predicted_crossings == pytest.approx(505.54, abs=0.01)
    assert result.factor_per_step == pytest.approx(math.sqrt(0.999))
    assert result.steps_per_factor_e == pytest.approx(1999.0, abs=0.1)
    assert result.reference_steps_per_factor_e == pytest.approx(18.98, abs=0.01)
    assert result.largest_stable_learning_rate == pytest.approx(3.998)
    assert result.deepest_overshoot == pytest.approx(1.004, abs=0.01)
    assert result.final_distance <= math.sqrt(0.999) ** 5000 * 1.1
    assert result.noise_gain == pytest.approx(1.9 * 1.999 / (0.001 * 3.898), rel=1e-9)
    assert len(result.position_steps) == len(result.positions) == 801
    assert result.position_steps[-1] == 5000
    assert max(map(abs, result.positions[400:])) == pytest.approx(0.999**1250, abs=0.02)
    assert max(map(abs, result.reference_positions[400:])) < 1e-9


def test_a_short_demo_keeps_every_position():
    result = demonstrate(momentum=0.5, learning_rate=0.25, steps=3, curvature=2.0)
    assert result.position_steps == (0, 1, 2, 3)
    assert result.positions == (1.0, 0.5, 0.0, -0.25)
    assert result.final_distance == result.deepest_overshoot == 0.25
    assert result.largest_stable_learning_rate == 1.5


def test_the_curvature_counts_as_much_as_the_learning_rate():
    one = dataclasses.asdict(demonstrate(learning_rate=0.2, curvature=0.5))
    two = dataclasses.asdict(demonstrate(learning_rate=0.1, curvature=1.0))
    differing = {name for name in one if one[name] != two[name]}
    assert differing == {"learning_rate", "curvature", "largest_stable_learning_rate"}


@pytest.mark.parametrize(
    ("momentum", "step", "word"),
    [
        (0.5, 0.01, "creeps"),
        (0.5, 0.5, "rings around"),
        (0.5, 2.95, "jumps"),
        (0.5, 3.0, "edge"),
        (0.5, 3.01, "diverges"),
        (1.0, 0.5, "rings for ever"),
        (1.0, 4.0, "edge"),
        (0.0, 1.0, "creeps"),
        (0.0, 1.5, "jumps"),
    ],
)
def test_the_regime_is_named(momentum, step, word):
    assert word in regime(momentum, step)


def test_a_diverging_demo_stays_finite():
    result = demonstrate(momentum=0.9, learning_rate=5.0, steps=2000)
    assert result.regime.startswith("diverges")
    assert result.steps_per_factor_e == math.inf
    assert math.isnan(result.noise_gain)
    assert 1e150 < result.final_distance < math.inf
    assert 1 < len(result.positions) < 30
    assert max(map(abs, result.positions)) <= 1e6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1.5}, "momentum must be from 0 to 1, got 1.5; above 1 the velocity grows"),
        ({"momentum": -0.1}, "momentum must be from 0 to 1, got -0.1$"),
        ({"momentum": math.nan}, "momentum must be from 0 to 1, got nan$"),
        ({"momentum": math.inf}, "momentum must be from 0 to 1, got inf$"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and above 0, got 0"),
        ({"curvature": math.inf}, "curvature must be finite and above 0, got inf"),
        ({"steps": 0}, "steps must be from 1 to 1e\\+06, got 0"),
        ({"steps": 1_000_001}, "steps must be from 1"),
    ],
)
def test_a_demo_that_cannot_be_shown_says_why(options, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**options)


def test_the_bounds_themselves_are_shown():
    assert demonstrate(momentum=0.0, steps=1).steps == 1
    assert demonstrate(momentum=1.0, steps=10).steps_per_factor_e == math.inf


def test_the_figure_holds_both_paths_and_the_point():
    result = demonstrate(momentum=0.99, steps=50)
    left, right = draw(result).axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), result.positions)
    np.testing.assert_array_equal(left.lines[1].get_ydata(), result.reference_positions)
    assert right.lines[0].get_xydata().tolist() == [[0.99, 0.1]]
