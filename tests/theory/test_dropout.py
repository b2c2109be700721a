"""Question 7: what dropout computes, by enumeration of masks and in evaluation mode."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from torch import nn

from theory.draws import normal
from theory.dropout import exact
from theory.dropout.networks import (
    AlwaysOnDropout,
    dense_network,
    private_random,
)
from theory.statistics import mean_band, samples_needed

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.floats(0.05, 0.9)
WIDTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def data(seed, rows, columns):
    return torch.from_numpy(normal(generator(seed), rows, columns))


def network_of(widths, rates, **options):
    return dense_network(inputs=5, widths=widths, outputs=3, rates=rates, **options)


def is_inverted_dropout(drop):
    @given(SEEDS, RATES, st.integers(1, 50))
    def check(seed, rate, size):
        values = data(seed, 1, size)
        with private_random(generator(seed)):
            dropped = drop(values, rate)
        kept = dropped != 0.0
        torch.testing.assert_close(dropped[kept], values[kept] / (1.0 - rate))

    return check


def test_kept_values_are_scaled_by_the_chance_of_being_kept():
    is_inverted_dropout(lambda values, rate: nn.Dropout(rate)(values))()
    is_inverted_dropout(lambda values, rate: AlwaysOnDropout(rate).eval()(values))()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda v, p: nn.Dropout(p)(v) * (1 - p),
        lambda v, p: nn.Dropout(1 - p)(v),
        lambda v, p: nn.AlphaDropout(p)(v),
        lambda v, p: nn.Dropout(p).eval()(v),
    ],
    ids=["not scaled", "kept and dropped exchanged", "alpha dropout", "evaluation mode"],
)
def test_another_dropout_is_rejected(wrong):
    with rejected():
        is_inverted_dropout(wrong)()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_share_kept_is_within_its_band(rate):
    samples = samples_needed(0.02)
    with private_random(generator(6)):
        kept = (AlwaysOnDropout(rate)(torch.ones(samples)) != 0.0).double().mean().item()
    assert abs(kept - (1.0 - rate)) <= mean_band(samples)


@given(st.integers(1, 8), RATES)
def test_the_masks_are_all_there_and_their_chances_sum_to_one(units, rate):
    masks = exact.all_masks(units)
    assert len(np.unique(masks, axis=0)) == 2**units == len(masks)
    chances = exact.mask_chances(masks, rate)
    assert chances.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(chances @ masks, 1.0 - rate)


def is_the_mean_over_masks(loss):
    @given(SEEDS, st.integers(1, 6), st.floats(0.0, 0.9))
    def check(seed, features, rate):
        draws = generator(seed)
        inputs, targets = normal(draws, 7, features), normal(draws, 7)
        weights = normal(draws, features)
        masks = exact.all_masks(features)
        predictions = (masks * weights / (1.0 - rate)) @ inputs.T
        errors = ((predictions - targets) ** 2).mean(axis=1)
        expected = exact.mask_chances(masks, rate) @ errors
        assert loss(inputs, targets, weights, rate) == pytest.approx(expected, rel=1e-9)

    return check


def test_the_expected_loss_is_the_plain_one_and_a_weighted_l2_penalty():
    # The masks of different rows may be shared or not: the mean square does not see it.
    is_the_mean_over_masks(exact.expected_loss)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, y, w, p: np.mean((x @ w - y) ** 2),
        lambda x, y, w, p: exact.expected_loss(x, y, w, p / (1 + p)),
        lambda x, y, w, p: np.mean((x @ w - y) ** 2) + p / (1 - p) * (w**2).sum(),
    ],
    ids=["no penalty", "rate for odds", "unweighted"],
)
def test_another_loss_is_rejected(wrong):
    with rejected():
        is_the_mean_over_masks(wrong)()


def test_descent_follows_the_gradient_of_the_expected_loss():
    draws = generator(8)
    inputs, targets = normal(draws, 20, 3), normal(draws, 20)
    weights = np.zeros(3)
    path = []
    for _ in range(4):
        path.append(np.mean((inputs @ weights - targets) ** 2))
        slope = [
            (
                exact.expected_loss(inputs, targets, weights + 1e-6 * unit, 0.4)
                - exact.expected_loss(inputs, targets, weights - 1e-6 * unit, 0.4)
            )
            / 2e-6
            for unit in np.eye(3)
        ]
        weights = weights - 0.05 * np.array(slope)
    settings_ = {"rate": 0.4, "learning_rate": 0.05, "limit": 10}
    between = [(one + two) / 2 for one, two in pairwise(path)]
    steps = [exact.steps_to_reach(inputs, targets, loss=loss, **settings_) for loss in between]
    assert steps == [1.0, 2.0, 3.0]
    assert exact.steps_to_reach(inputs, targets, loss=path[0], **settings_) == 0.0
    assert exact.steps_to_reach(inputs, targets, loss=0.0, **settings_) == math.inf


@given(SEEDS, st.floats(0.05, 0.8), st.floats(0.05, 0.95))
@settings(max_examples=30)
def test_dropout_never_reaches_a_loss_in_fewer_steps_on_independent_inputs(seed, rate, share):
    inputs = np.linalg.qr(normal(generator(seed), 20, 4))[0] * 20**0.5  # columns orthogonal
    targets = inputs @ normal(generator(seed + 1), 4)
    loss = share * np.mean(targets**2)
    with_dropout, without = (
        exact.steps_to_reach(inputs, targets, rate=used, loss=loss, learning_rate=0.02, limit=500)
        for used in (rate, 0.0)
    )
    assert with_dropout >= without


@given(SEEDS, st.integers(1, 6), st.floats(0.0, 0.8))
def test_the_mean_probability_has_no_larger_log_loss_than_a_typical_one(seed, features, rate):
    inputs = normal(generator(seed), 9, features)
    # Small weights: a probability that rounds to 1 has an infinite loss.
    weights = 0.3 * normal(generator(seed + 1), features)
    truth = 1.0 / (1.0 + np.exp(-normal(generator(seed + 2), 9)))
    single, chances = exact.masked_probabilities(inputs, weights, rate)
    averaged = exact.binary_log_loss(chances @ single, truth)
    assert (averaged <= chances @ exact.binary_log_loss(single, truth) + 1e-12).all()
    # No prediction beats the truth itself.
    assert (exact.binary_log_loss(truth, truth) <= averaged + 1e-12).all()


def test_masked_probabilities_by_hand():
    probabilities, chances = exact.masked_probabilities(np.array([[2.0]]), np.array([1.0]), 0.5)
    np.testing.assert_allclose(probabilities[:, 0], [0.5, 1.0 / (1.0 + math.exp(-4.0))])
    np.testing.assert_allclose(chances, [0.5, 0.5])
    loss = exact.binary_log_loss(np.array([0.25]), np.array([0.5]))
    assert loss[0] == pytest.approx(-0.5 * math.log(0.25 * 0.75))


def evaluates_as_without_dropout(prepare):
    @given(WIDTHS, RATES, SEEDS, st.sampled_from([nn.Dropout, nn.AlphaDropout]))
    @settings(max_examples=50)
    def check(widths, rate, seed, make):
        plain = network_of(widths, [0.0] * len(widths), seed=seed)
        dropped = network_of(widths, [rate] * len(widths), make_dropout=make, seed=seed)
        inputs = data(seed, 20, 5)
        with private_random(generator(seed)):
            assert torch.equal(plain(inputs), prepare(dropped)(inputs))

    return check


def test_in_evaluation_mode_dropout_changes_no_bit():
    evaluates_as_without_dropout(nn.Module.eval)()


def test_in_training_mode_it_does():
    with rejected():
        evaluates_as_without_dropout(nn.Module.train)()


def test_an_evaluated_dropout_layer_returns_its_input():
    values = torch.ones(3)
    assert nn.Dropout(0.5).eval()(values) is values


@given(SEEDS, RATES)
def test_dropout_draws_from_the_generator_alone(seed, rate):
    before, layer, values = torch.get_rng_state(), nn.Dropout(rate), torch.ones(64)
    draws = generator(seed)
    with private_random(draws):
        first, second = layer(values), layer(values)
    with private_random(generator(seed)):
        again = layer(values)
    with private_random(draws):
        third = layer(values)
    assert torch.equal(first, again)
    assert not torch.equal(second, third) or rate > 0.8 or rate < 0.2
    assert torch.equal(before, torch.get_rng_state())


def test_a_generator_moves_on_between_blocks():
    draws = generator(9)
    with private_random(draws):
        first = torch.rand(8)
    with private_random(draws):
        second = torch.rand(8)
    assert not torch.equal(first, second)


@given(WIDTHS, SEEDS)
@settings(max_examples=30)
def test_a_network_has_the_layers_it_was_asked_for(widths, seed):
    before = torch.get_rng_state()
    rates = [0.3 * (index % 2) for index in range(len(widths))]
    network = network_of(widths, rates, seed=seed)
    linears = [module for module in network if isinstance(module, nn.Linear)]
    assert [layer.out_features for layer in linears] == [*widths, 3]
    assert [layer.in_features for layer in linears] == [5, *widths]
    assert sum(isinstance(module, nn.ReLU) for module in network) == len(widths)
    assert [m.p for m in network if isinstance(m, nn.Dropout)] == [r for r in rates if r]
    assert all((layer.bias == 0.0).all() for layer in linears)
    assert all(parameter.dtype == torch.float64 for parameter in network.parameters())
    assert torch.equal(before, torch.get_rng_state())


def test_weights_are_drawn_by_he_and_do_not_depend_on_the_rate():
    one, two = (
        dense_network(inputs=400, widths=(300,), outputs=2, rates=(rate,), seed=4)
        for rate in (0.0, 0.5)
    )
    assert torch.equal(one[0].weight, two[0].weight)
    # 6.2 standard errors of the variance of 120,000 normal draws.
    assert one[0].weight.var().item() == pytest.approx(2 / 400, rel=6.2 * (2 / 120_000) ** 0.5)


@pytest.mark.parametrize("rate", [0.2, 0.6], ids=str)
def test_steps_are_counted_along_the_gradient_of_the_expected_loss(rate):
    draws = torch.Generator().manual_seed(8)
    inputs = torch.randn(20, 3, generator=draws, dtype=torch.float64)
    targets = inputs @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    losses = []
    for _ in range(8):
        plain = ((inputs @ weights - targets) ** 2).mean()
        losses.append(float(plain.detach()))
        penalty = rate / (1 - rate) * (weights**2 @ (inputs**2).mean(dim=0))
        (slope,) = torch.autograd.grad(plain + penalty, weights)
        weights = (weights - 0.1 * slope).detach().requires_grad_()
    assert losses[1] < losses[0], "the descent goes nowhere"

    def steps(loss, limit=8):
        return exact.steps_to_reach(
            inputs.numpy(), targets.numpy(), rate=rate, loss=loss, learning_rate=0.1, limit=limit
        )

    for loss in losses:
        bound = loss * (1 + 1e-9)
        # The plain error may rise again: what falls is the expected loss with dropout.
        count = next(step for step, reached in enumerate(losses) if reached <= bound)
        assert steps(bound) == count
        assert steps(bound, limit=count) == np.inf
    assert steps(min(losses) * (1 - 1e-9)) == np.inf
