"""Question 5: what is known of momentum on a quadratic holds for every momentum and step."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rejection import rejected
from scipy.linalg import solve_discrete_lyapunov

from theory.momentum import quadratic

MOMENTUMS = st.floats(0.0, 0.9999)


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
