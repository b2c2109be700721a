"""Question 7: what dropout computes and costs, by enumeration of masks and by counting."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from controls import rejected
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from theory.draws import normal
from theory.dropout import exact
from theory.dropout.counting import Work, passes_through, work_of
from theory.dropout.demo import demonstrate
from theory.dropout.figure import draw
from theory.dropout.monte_carlo import DROPOUT_MODULES, dropout_on, sample_probabilities
from theory.dropout.networks import (
    AlwaysOnDropout,
    dense_network,
    private_random,
    training_step,
)
from theory.dropout.timing import paired_ratios, quartiles
from theory.errors import DomainError
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


# What dropout computes.


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


@given(SEEDS, st.integers(1, 6), st.floats(0.0, 0.9))
def test_the_mean_probability_has_no_larger_log_loss_than_a_typical_one(seed, features, rate):
    inputs, weights = normal(generator(seed), 9, features), normal(generator(seed + 1), features)
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


# Evaluation mode, networks and random numbers.


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


# Training.


def trained(make_dropout, *, passes=1, seed=0):
    network = network_of((6, 6), (0.4, 0.4), make_dropout=make_dropout, seed=seed)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, foreach=False)
    inputs, labels = data(seed, 8, 5), torch.arange(8) % 3
    with private_random(generator(seed)):
        for _ in range(3):
            training_step(network, inputs, labels, passes=passes)
            optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def trains_alike(train):
    @given(SEEDS)
    @settings(max_examples=10)
    def check(seed):
        assert torch.equal(trained(nn.Dropout, seed=seed), train(seed))

    return check


def test_a_network_for_monte_carlo_trains_bit_for_bit_like_any_other():
    trains_alike(lambda seed: trained(AlwaysOnDropout, seed=seed))()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda seed: trained(AlwaysOnDropout, passes=2, seed=seed),
        lambda seed: trained(nn.AlphaDropout, seed=seed),
        lambda seed: trained(nn.Identity, seed=seed),
    ],
    ids=["two passes", "alpha dropout", "no dropout"],
)
def test_another_training_is_not_alike(wrong):
    with rejected():
        trains_alike(wrong)()


def test_a_training_step_leaves_the_gradients_of_its_own_loss():
    network = network_of((4,), (0.0,), seed=3)
    inputs, labels = data(1, 6, 5), torch.arange(6) % 3
    network.eval()
    training_step(network, inputs, labels)
    loss = training_step(network, inputs, labels)
    assert network.training
    expected = nn.functional.cross_entropy(network(inputs), labels)
    torch.testing.assert_close(loss, expected.detach())
    assert not loss.requires_grad
    gradients = torch.autograd.grad(expected, list(network.parameters()))
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    same = training_step(network, inputs, labels, passes=3)
    torch.testing.assert_close(same, loss)


# Monte Carlo dropout.


@given(WIDTHS, SEEDS, st.integers(1, 5), st.data())
@settings(max_examples=40)
def test_sharing_the_first_layers_changes_no_sample(widths, seed, samples, choose):
    rates = choose.draw(
        st.lists(st.sampled_from([0.0, 0.4]), min_size=len(widths), max_size=len(widths))
    )
    network, inputs = network_of(widths, rates, seed=seed), data(seed, 4, 5)
    full, shared = (
        sample_probabilities(
            network, inputs, samples=samples, generator=generator(seed), share_prefix=share
        )
        for share in (False, True)
    )
    assert full.shape == (samples, 4, 3)
    torch.testing.assert_close(full, shared, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(full.sum(-1), torch.ones(samples, 4, dtype=torch.float64))
    assert (full >= 0.0).all()


def samples_differ(kinds):
    @given(st.sampled_from([nn.Dropout, nn.AlphaDropout, AlwaysOnDropout]), SEEDS)
    @settings(max_examples=30)
    def check(make, seed):
        network = network_of((60,), (0.5,), make_dropout=make, seed=seed)
        drawn = sample_probabilities(
            network, data(seed, 4, 5), samples=5, generator=generator(seed), kinds=kinds
        )
        assert drawn.std(dim=0).max() > 1e-9

    return check


def test_every_kind_of_dropout_is_on():
    samples_differ(DROPOUT_MODULES)()


@pytest.mark.parametrize("kinds", [(nn.Dropout,), ()], ids=["only nn.Dropout", "evaluation mode"])
def test_overlooked_dropout_is_noticed(kinds):
    with rejected():
        samples_differ(kinds)()


def test_modes_are_restored_and_batch_norm_is_left_alone():
    network = nn.Sequential(nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Dropout(0.5).eval())
    network = network.double()
    modes = [module.training for module in network]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with dropout_on(network, DROPOUT_MODULES):
        assert [module.training for module in network] == [False, True, True]
        assert not network.training
    sample_probabilities(network, data(1, 9, 5), samples=2, generator=generator(1))
    assert [module.training for module in network] == modes == [True, True, False]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    with pytest.raises(KeyError), dropout_on(network, ()):
        raise KeyError
    assert [module.training for module in network] == modes


def test_without_dropout_every_sample_is_the_prediction():
    network, inputs = network_of((4,), (0.0,), seed=2), data(2, 3, 5)
    drawn = sample_probabilities(network, inputs, samples=3, generator=generator(1))
    expected = network(inputs).softmax(-1).detach()
    assert all(torch.equal(sample, expected) for sample in drawn)


# Counting.


def counts_products(flops):
    @given(WIDTHS, st.integers(1, 6), st.booleans())
    @settings(max_examples=20)
    def check(widths, rows, train):
        network = network_of(widths, [0.3] * len(widths))
        inputs, labels = data(1, rows, 5), torch.arange(rows) % 3
        sizes = [5, *widths, 3]
        products = [2 * rows * one * two for one, two in pairwise(sizes)]
        # Backward: one product for the weights, one for the inputs, none for those of layer 1.
        expected = 3 * sum(products) - products[0] if train else sum(products)
        action = (
            (lambda: training_step(network, inputs, labels)) if train else (lambda: network(inputs))
        )
        with private_random(generator(1)):
            assert flops(action) == expected

    return check


def test_multiplications_are_those_of_the_layers():
    counts_products(lambda action: work_of(action).flops)()


def test_the_count_of_two_runs_is_rejected():
    with rejected():
        counts_products(lambda action: 2 * work_of(action).flops)()


def test_operations_and_results_by_hand():
    values = torch.ones(4, 6)
    work = work_of(lambda: values.t().relu().add(1.0))
    assert work == Work(operations=3, results=48, flops=0)  # the view writes nothing
    weight, bias = torch.ones(6, 2), torch.ones(2)
    assert work_of(lambda: values @ weight) == Work(operations=1, results=0, flops=96)
    product = work_of(lambda: torch.addmm(bias, values, weight))
    assert product == Work(operations=1, results=0, flops=96)
    assert product.arithmetic == 96
    assert work.arithmetic == 48


@given(st.integers(1, 5), RATES)
@settings(max_examples=20)
def test_each_layer_adds_as_many_operations_and_evaluation_none(layers, rate):
    def work(count, *, training):
        network = network_of((4,) * 6, (rate,) * count + (0.0,) * (6 - count)).train(training)
        inputs = data(1, 2, 5)
        with private_random(generator(1)), torch.no_grad():
            return work_of(lambda: network(inputs))

    one = work(1, training=True).operations - work(0, training=True).operations
    assert one > 0
    assert (
        work(layers, training=True).operations == work(0, training=True).operations + layers * one
    )
    assert work(layers, training=False) == work(0, training=False)


@given(st.integers(0, 5))
def test_passes_are_counted_and_the_counter_is_taken_off(passes):
    module = nn.Identity()

    def run():
        for _ in range(passes):
            module(torch.ones(1))

    assert passes_through(module, run) == passes
    assert not module._forward_hooks


def test_the_counter_is_taken_off_after_an_error():
    module = nn.Identity()
    with pytest.raises(KeyError):
        passes_through(module, lambda: {}["missing"])
    assert not module._forward_hooks


def test_pairs_are_timed_in_turn():
    order = []
    ratios = paired_ratios(lambda: order.append("a"), lambda: order.append("b"), pairs=4)
    assert len(ratios) == 4
    assert all(ratio > 0.0 for ratio in ratios)
    assert "".join(order) == "abba" * 3 + "ab"
    assert quartiles((4.0, 1.0, 2.0, 3.0, 5.0)) == (2.0, 3.0, 4.0)
    assert quartiles(()) == ()


# The demo.


def test_the_demo_counts_the_known_network():
    result = demonstrate(samples=10)
    assert result.plain_step_flops == result.dropout_step_flops == 8 * 2_374_800
    assert result.inference_flops == 8 * 996_400
    assert result.monte_carlo_passes == 10
    assert result.monte_carlo_flops == 10 * result.inference_flops
    first, last = 8 * 2 * 307_200, 8 * 2 * 1000
    assert result.shared_prefix_flops == first + 10 * (result.inference_flops - first)
    assert result.last_layer_flops == result.inference_flops - last + 10 * last
    assert result.plain_inference_operations == result.dropout_inference_operations
    assert result.dropout_step_operations > result.plain_step_operations
    assert 0.0 < result.extra_step_arithmetic_share < 0.01
    assert result.step_time_ratio_quartiles == ()


def test_the_demo_is_reproducible_and_moves_no_global_generator():
    before = torch.get_rng_state()
    options = {"hidden_layers": 2, "width": 8, "inputs": 6, "batch": 2, "samples": 3}
    assert demonstrate(**options) == demonstrate(**options)
    assert torch.equal(before, torch.get_rng_state())


def test_times_are_measured_only_when_asked_for():
    result = demonstrate(hidden_layers=1, width=4, inputs=4, batch=1, samples=2, timing_pairs=3)
    for quarts in (
        result.step_time_ratio_quartiles,
        result.inference_time_ratio_quartiles,
        result.monte_carlo_time_ratio_quartiles,
    ):
        assert len(quarts) == 3
        assert 0.0 < quarts[0] <= quarts[1] <= quarts[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 1.0}, "rate must be at least 0 and below 1, got 1; at 1 every unit"),
        ({"rate": -0.1}, "rate must be at least 0 and below 1, got -0.1"),
        ({"rate": math.nan}, "rate must be at least 0 and below 1, got nan"),
        ({"width": 0}, "width must be from 1 to 2000, got 0"),
        ({"hidden_layers": 101}, "hidden_layers must be from 1 to 100, got 101"),
        ({"inputs": 0}, "inputs must be from 1 to 10000, got 0"),
        ({"batch": 0}, "batch must be from 1 to 1024, got 0"),
        ({"samples": 0}, "samples must be from 1 to 1000, got 0"),
        ({"timing_pairs": -1}, "timing_pairs must be from 0 to 1000, got -1"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_parameters_outside_their_domain_are_refused(options, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**options)


def test_the_figure_holds_the_ratios():
    result = demonstrate(hidden_layers=2, width=8, inputs=6, batch=2, samples=3, rate=0.0)
    left, right = draw(result).axes
    assert [bar.get_height() for bar in left.patches] == [1.0, 1.0, 1.0]
    assert [bar.get_height() for bar in right.patches][:2] == [3.0, 3.0]
