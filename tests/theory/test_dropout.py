"""Question 7: what dropout computes, in training and in evaluation mode."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.draws import normal
from theory.dropout.networks import (
    AlwaysOnDropout,
    dense_network,
    private_random,
)
from theory.statistics import mean_band, samples_needed

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.floats(0.05, 0.9)
WIDTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def data(seed, rows, columns):
    return torch.from_numpy(normal(seeded(seed), rows, columns))


def network_of(widths, rates, **options):
    return dense_network(inputs=5, widths=widths, outputs=3, rates=rates, **options)


def is_inverted_dropout(drop):
    @given(SEEDS, RATES, st.integers(1, 50))
    def check(seed, rate, size):
        values = data(seed, 1, size)
        with private_random(seeded(seed)):
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
    with private_random(seeded(6)):
        kept = (AlwaysOnDropout(rate)(torch.ones(samples)) != 0.0).double().mean().item()
    assert abs(kept - (1.0 - rate)) <= mean_band(samples)


def evaluates_as_without_dropout(prepare):
    @given(WIDTHS, RATES, SEEDS, st.sampled_from([nn.Dropout, nn.AlphaDropout]))
    @settings(max_examples=50)
    def check(widths, rate, seed, make):
        plain = network_of(widths, [0.0] * len(widths), seed=seed)
        dropped = network_of(widths, [rate] * len(widths), make_dropout=make, seed=seed)
        inputs = data(seed, 20, 5)
        with private_random(seeded(seed)):
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
    draws = seeded(seed)
    with private_random(draws):
        first, second = layer(values), layer(values)
    with private_random(seeded(seed)):
        again = layer(values)
    with private_random(draws):
        third = layer(values)
    assert torch.equal(first, again)
    assert not torch.equal(second, third) or rate > 0.8 or rate < 0.2
    assert torch.equal(before, torch.get_rng_state())


def test_a_generator_moves_on_between_blocks():
    draws = seeded(9)
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


@pytest.mark.parametrize("rates", [(0.1,), (0.1, 0.0, 0.2)])
def test_a_network_has_as_many_rates_as_hidden_layers(rates):
    assert len(network_of((3, 4), rates=(0.1, 0.2))) == 7
    with pytest.raises(ValueError, match=r"zip\(\) argument 2"):
        network_of((3, 4), rates=rates)


def test_weights_are_drawn_by_he_and_do_not_depend_on_the_rate():
    one, two = (
        dense_network(inputs=400, widths=(300,), outputs=2, rates=(rate,), seed=4)
        for rate in (0.0, 0.5)
    )
    assert torch.equal(one[0].weight, two[0].weight)
    # 6.2 standard errors of the variance of 120,000 normal draws.
    assert one[0].weight.var().item() == pytest.approx(2 / 400, rel=6.2 * (2 / 120_000) ** 0.5)
