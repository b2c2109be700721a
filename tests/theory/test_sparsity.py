"""Question 6: soft thresholding, the Lasso, pruning and what zeros save, for any weights."""

import math

import numpy as np
import pytest
import torch
from controls import rejected
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from theory.draws import normal, uniform
from theory.errors import DomainError
from theory.sparsity import lasso, pruning, storage
from theory.sparsity.demo import demonstrate
from theory.sparsity.figure import draw
from theory.sparsity.training import train_embedding, train_network

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 40)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def is_the_proximal_step(shrink):
    """Among many points none has a smaller ½(x - y)² + amount·|x|, and zeros are exact."""

    @given(SEEDS, SIZES, st.floats(0.0, 2.0))
    def check(seed, size, amount):
        values = 2.0 * normal(generator(seed), size)
        shrunk = shrink(values, amount)
        assert ((shrunk == 0.0) == (np.abs(values) <= amount)).all()
        others = shrunk + normal(generator(seed + 1), 50, size)

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
    first, second = normal(generator(seed), 2, size)
    one, two = lasso.soft_threshold(first, amount), lasso.soft_threshold(second, amount)
    assert (np.abs(one) <= np.abs(first)).all()
    assert (one * first >= 0.0).all()
    assert (np.abs(one - two) <= np.abs(first - second) + 1e-15).all()


def finds_the_predicted_zeros(descend):
    @given(SEEDS, SIZES, st.floats(0.1, 1.5), st.floats(0.05, 1.0))
    @settings(max_examples=50)
    def check(seed, size, penalty, rate):
        targets = normal(generator(seed), size)
        start = normal(generator(seed + 1), size)
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
    targets = normal(generator(seed), 1000)
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
        inputs, targets = normal(generator(seed), rows, features), normal(generator(seed + 1), rows)
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
    for other in best + 0.01 * normal(generator(4), 200, 30):
        assert objective(other) > objective(best)


@given(PROBLEMS, st.floats(0.01, 5.0))
@settings(max_examples=40)
def test_ridge_solves_its_own_conditions_and_has_no_zeros(problem, penalty):
    rows, features, seed = problem
    inputs, targets = normal(generator(seed), rows, features), normal(generator(seed + 1), rows)
    weights = lasso.ridge(inputs, targets, penalty=penalty)
    slope = lasso.least_squares_gradient(inputs, targets)(weights) + penalty * weights
    assert np.abs(slope).max() <= 1e-9
    assert (weights != 0.0).all()


def test_a_third_of_the_features_of_a_problem_matter():
    inputs, targets = lasso.regression_problem(rows=500, features=9, seed=1)
    weights = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    assert (np.abs(weights) < 0.03).tolist() == [False, True, True] * 3
    assert np.std(targets - inputs @ weights) == pytest.approx(0.1, rel=0.2)


def prunes_by_magnitude(make_mask):
    @given(SEEDS, st.integers(1, 8), st.integers(1, 8), st.floats(0.0, 1.0), st.booleans())
    def check(seed, rows, columns, share, ties):
        weights = normal(generator(seed), rows, columns)
        weights = np.round(weights) if ties else weights
        mask = make_mask(weights, share)
        kept, dropped = np.abs(weights[mask == 1.0]), np.abs(weights[mask == 0.0])
        assert mask.shape == weights.shape
        assert kept.size + dropped.size == weights.size
        assert dropped.size == round(share * weights.size)
        assert kept.min(initial=math.inf) >= dropped.max(initial=0.0)

    return check


def test_pruning_drops_the_share_asked_for_and_the_smallest():
    prunes_by_magnitude(pruning.magnitude_mask)()


@pytest.mark.parametrize(
    "wrong",
    [
        pruning.inverted_mask,
        lambda w, share: (np.abs(w) > np.quantile(np.abs(w), share)).astype(float),
        lambda w, share: pruning.magnitude_mask(-np.maximum(w, 0.0), share),
        lambda w, share: pruning.magnitude_mask(w, 1.0 - share),
    ],
    ids=["largest", "quantile", "signed", "kept share"],
)
def test_another_mask_is_rejected(wrong):
    with rejected():
        prunes_by_magnitude(wrong)()


@given(SEEDS, st.integers(1, 60), st.floats(0.0, 1.0))
def test_pruning_agrees_with_torch(seed, size, share):
    weights = normal(generator(seed), size)
    theirs = prune.L1Unstructured(amount=share).compute_mask(
        torch.from_numpy(weights), torch.ones(size)
    )
    np.testing.assert_array_equal(pruning.magnitude_mask(weights, share), theirs.numpy())


@given(SEEDS, st.integers(1, 60), st.floats(0.0, 1.0))
def test_no_other_mask_of_that_size_changes_the_weights_less(seed, size, share):
    weights = normal(generator(seed), size)
    mask = pruning.magnitude_mask(weights, share)
    best = ((weights - weights * mask) ** 2).sum()
    shuffled = mask[torch.randperm(size, generator=generator(seed)).numpy()]
    assert ((weights - weights * shuffled) ** 2).sum() >= best - 1e-12


@given(SEEDS, st.integers(1, 40), st.floats(0.0, 1.0))
def test_the_inverted_mask_keeps_the_smallest(seed, size, share):
    weights = normal(generator(seed), size)
    mask = pruning.inverted_mask(weights, share)
    assert (mask == 0.0).sum() == round(share * size)
    kept, dropped = np.abs(weights[mask == 1.0]), np.abs(weights[mask == 0.0])
    assert kept.max(initial=0.0) <= dropped.min(initial=math.inf)


def removal_changes_nothing(activation, silence):
    @given(SEEDS, st.integers(1, 6), st.integers(2, 8), st.integers(1, 4))
    def check(seed, inputs, hidden, outputs):
        draws = generator(seed)
        layers = (
            normal(draws, hidden, inputs),
            normal(draws, hidden),
            normal(draws, outputs, hidden),
            normal(draws, outputs),
        )
        data = normal(draws, 5, inputs)
        neurons = np.flatnonzero(uniform(draws, hidden) < 0.5).astype(float)
        smaller = pruning.remove_neurons(layers, neurons)
        assert smaller[0].shape == (hidden - neurons.size, inputs)
        assert smaller[2].shape == (outputs, hidden - neurons.size)
        silenced = pruning.forward(silence(layers, neurons), data, activation)
        removed = pruning.forward(smaller, data, activation)
        assert np.abs(silenced - removed).max() <= 1e-12

    return check


@pytest.mark.parametrize("activation", [pruning.relu, np.tanh])
def test_a_silenced_neuron_can_be_removed_if_its_activation_of_0_is_0(activation):
    removal_changes_nothing(activation, pruning.silence_neurons)()


def test_a_logistic_neuron_speaks_when_silenced():
    with rejected():
        removal_changes_nothing(pruning.logistic, pruning.silence_neurons)()


def test_a_neuron_that_keeps_its_bias_is_not_silent():
    def with_biases(layers, neurons):
        silenced = pruning.silence_neurons(layers, neurons)
        return silenced[0], layers[1], *silenced[2:]

    with rejected():
        removal_changes_nothing(pruning.relu, with_biases)()


@given(SEEDS, st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_the_forward_pass_is_that_of_torch(seed, inputs, hidden, outputs):
    network = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    draws = generator(seed)
    layers = (
        normal(draws, hidden, inputs),
        normal(draws, hidden),
        normal(draws, outputs, hidden),
        normal(draws, outputs),
    )
    names = ("0.weight", "0.bias", "2.weight", "2.bias")
    network.double().load_state_dict(
        {name: torch.from_numpy(layer) for name, layer in zip(names, layers, strict=True)}
    )
    data = normal(draws, 3, inputs)
    expected = network(torch.from_numpy(data)).detach().numpy()
    np.testing.assert_allclose(pruning.forward(layers, data, pruning.relu), expected, atol=1e-12)


def test_activations_by_hand():
    np.testing.assert_array_equal(pruning.relu(np.array([-1.0, 0.0, 2.0])), [0.0, 0.0, 2.0])
    np.testing.assert_allclose(pruning.logistic(np.array([0.0, 1.0])), [0.5, 0.731058], atol=1e-6)


@given(SEEDS, st.integers(1, 20), st.integers(1, 20), st.floats(0.0, 1.0))
@settings(max_examples=20)
def test_what_zeros_save_by_form(seed, outputs, inputs, share):
    weights = normal(generator(seed), outputs, inputs).astype(np.float32)
    mask = pruning.magnitude_mask(weights, share)
    pruned, kept = (weights * mask).astype(np.float32), weights.size - round(share * weights.size)
    full = storage.module_cost(storage.linear(weights), inputs)
    assert full == storage.Cost(4 * weights.size, 2 * weights.size)
    assert storage.module_cost(storage.linear(pruned), inputs) == full
    masked = storage.module_cost(storage.masked_linear(weights, share), inputs)
    assert masked == storage.Cost(8 * weights.size, 2 * weights.size)
    compressed = storage.compressed_cost(pruned)
    assert compressed == storage.Cost(8 * kept + 4 * (outputs + 1), 2 * kept)
    assert storage.counted_by_hand(pruned) == storage.Cost(4 * kept, 2 * kept)


def test_layers_hold_what_they_were_given_and_draw_nothing():
    before = torch.get_rng_state()
    weights = normal(generator(1), 4, 3).astype(np.float32)
    assert (storage.linear(weights).weight.detach().numpy() == weights).all()
    masked = storage.masked_linear(weights, 0.5)
    expected = weights * pruning.magnitude_mask(weights, 0.5)
    assert (masked.weight.detach().numpy() == expected).all()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_training_updates_every_weight_in_every_step(scale):
    training = train_network(inputs=5, hidden=7, scale=scale, seed=2)
    assert training.weights.shape == training.update_counts.shape == (42,)
    assert (training.update_counts == 30).all()
    assert (training.weights != 0.0).all()
    assert training.largest_relative_change > 0.01


def test_masked_weights_stay_zero():
    training = train_network(inputs=40, hidden=50, zeros=0.9, seed=2)
    zero = training.weights == 0.0
    assert (training.update_counts[zero] == 0).all()
    assert (training.update_counts[~zero] == 30).any()
    assert np.mean(training.weights == 0.0) == pytest.approx(0.9, abs=0.05)


def test_only_rows_that_are_looked_up_are_updated():
    training = train_embedding(words=20, width=3, seed=2)
    counts = training.update_counts.reshape(20, 3)
    assert (counts == counts[:, :1]).all()
    assert len(np.unique(counts)) > 1


def test_a_run_of_training_is_reproducible_and_follows_its_seed():
    one, two, other = (train_network(inputs=4, hidden=3, seed=seed).weights for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).all()


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
        ({"learning_rate": -0.1}, "learning_rate must be finite and above 0, got -0.1"),
        ({"learning_rate": 1.5}, "learning_rate must be from 0 to 1, got 1.5; above 1 each step"),
        ({"steps": 0}, "steps must be from 1 to 100000, got 0"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_parameters_outside_their_domain_are_refused(options, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**options)


def test_the_bounds_themselves_are_accepted():
    assert demonstrate(weights=1, learning_rate=1.0, steps=1).proximal_misplaced_zeros == 0


def test_the_figure_holds_the_weights_of_both_algorithms():
    result = demonstrate(weights=30)
    left, right = draw(result).axes
    np.testing.assert_array_equal(left.lines[1].get_ydata(), result.subgradient_weights)
    np.testing.assert_array_equal(left.lines[2].get_ydata(), result.proximal_weights)
    assert (np.diff(right.lines[0].get_ydata()) >= 0.0).all()
    assert right.lines[1].get_ydata()[0] == 1e-6


def test_draws_are_standard_and_follow_the_generator():
    draws = normal(generator(3), 50_000)
    assert draws.dtype == np.float64
    assert abs(draws.mean()) < 6.2 / 50_000**0.5
    assert abs(draws.var() - 1.0) < 6.2 * (2 / 50_000) ** 0.5
    even = uniform(generator(3), 100, 500)
    assert even.shape == (100, 500)
    assert 0.0 <= even.min() < 0.01
    assert 0.99 < even.max() < 1.0
    assert (normal(generator(3), 50_000) == draws).all()
    assert (uniform(generator(3), 100, 500) == even).all()
