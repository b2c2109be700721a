"""Question 7: the counts of operations are right, and the demo reports them."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.draws import normal
from theory.dropout.counting import Cost, cost_of, passes_through
from theory.dropout.demo import demonstrate
from theory.dropout.figure import draw
from theory.dropout.networks import (
    dense_network,
    private_random,
    training_step,
)
from theory.dropout.timing import paired_ratios, quartiles
from theory.errors import DomainError

RATES = st.floats(0.05, 0.9)
WIDTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def data(seed, rows, columns):
    return torch.from_numpy(normal(seeded(seed), rows, columns))


def network_of(widths, rates, **options):
    return dense_network(inputs=5, widths=widths, outputs=3, rates=rates, **options)


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
        with private_random(seeded(1)):
            assert flops(action) == expected

    return check


def test_multiplications_are_those_of_the_layers():
    counts_products(lambda action: cost_of(action).flops)()


def test_the_count_of_two_runs_is_rejected():
    with rejected():
        counts_products(lambda action: 2 * cost_of(action).flops)()


def test_operations_and_results_by_hand():
    values = torch.ones(4, 6)
    cost = cost_of(lambda: values.t().relu().add(1.0))
    assert cost == Cost(operations=3, results=48, flops=0)  # the view writes nothing
    weight, bias = torch.ones(6, 2), torch.ones(2)
    assert cost_of(lambda: values @ weight) == Cost(operations=1, results=0, flops=96)
    product = cost_of(lambda: torch.addmm(bias, values, weight))
    assert product == Cost(operations=1, results=0, flops=96)
    assert product.arithmetic == 96
    assert cost.arithmetic == 48


@given(st.integers(1, 5), RATES)
@settings(max_examples=20)
def test_each_layer_adds_as_many_operations_and_evaluation_none(layers, rate):
    def cost(count, *, training):
        network = network_of((4,) * 6, (rate,) * count + (0.0,) * (6 - count)).train(training)
        inputs = data(1, 2, 5)
        with private_random(seeded(1)), torch.no_grad():
            return cost_of(lambda: network(inputs))

    one = cost(1, training=True).operations - cost(0, training=True).operations
    assert one > 0
    assert (
        cost(layers, training=True).operations == cost(0, training=True).operations + layers * one
    )
    assert cost(layers, training=False) == cost(0, training=False)


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


def test_the_demo_counts_the_known_network():
    result = demonstrate(samples=10)
    assert result.plain_step_flops == result.dropout_step_flops == 8 * 2_374_800
    assert result.inference_flops == 8 * 996_400
    assert result.monte_carlo_passes == result.samples == 10
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


def test_every_seed_of_a_generator_is_one():
    options = {"hidden_layers": 1, "width": 4, "inputs": 4, "batch": 1, "samples": 1}
    assert demonstrate(**options, seed=2**63 - 1) == demonstrate(**options, seed=0)
    with pytest.raises(DomainError, match="seed"):
        demonstrate(**options, seed=2**63)


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


def test_ratios_are_the_seconds_of_the_second_action_over_those_of_the_first(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("theory.dropout.timing.time.perf_counter", lambda: clock[0])

    def takes(seconds):
        def action():
            clock[0] += seconds

        return action

    assert paired_ratios(takes(2.0), takes(3.0), pairs=4) == (1.5, 1.5, 1.5, 1.5)
