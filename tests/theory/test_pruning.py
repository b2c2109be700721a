"""Question 6: pruning, what its zeros save, and how often weights are updated."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn
from torch.nn.utils import prune

from theory.draws import normal, uniform
from theory.sparsity import pruning, storage
from theory.sparsity.training import train_embedding, train_network

SEEDS = st.integers(0, 2**32 - 1)


def prunes_by_magnitude(make_mask):
    @given(SEEDS, st.integers(1, 8), st.integers(1, 8), st.floats(0.0, 1.0), st.booleans())
    def check(seed, rows, columns, share, ties):
        weights = normal(seeded(seed), rows, columns)
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
        lambda w, share: 1.0 - pruning.magnitude_mask(w, 1.0 - share),
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
    weights = normal(seeded(seed), size)
    theirs = prune.L1Unstructured(amount=share).compute_mask(
        torch.from_numpy(weights), torch.ones(size)
    )
    np.testing.assert_array_equal(pruning.magnitude_mask(weights, share), theirs.numpy())


@given(SEEDS, st.integers(1, 60), st.floats(0.0, 1.0))
def test_no_other_mask_of_that_size_changes_the_weights_less(seed, size, share):
    weights = normal(seeded(seed), size)
    mask = pruning.magnitude_mask(weights, share)
    best = ((weights - weights * mask) ** 2).sum()
    shuffled = mask[torch.randperm(size, generator=seeded(seed)).numpy()]
    assert ((weights - weights * shuffled) ** 2).sum() >= best - 1e-12


def removal_changes_nothing(activation, silence):
    @given(SEEDS, st.integers(1, 6), st.integers(2, 8), st.integers(1, 4))
    def check(seed, inputs, hidden, outputs):
        draws = seeded(seed)
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
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    draws = seeded(seed)
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
    weights = normal(seeded(seed), outputs, inputs).astype(np.float32)
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
    weights = normal(seeded(1), 4, 3).astype(np.float32)
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
    full = train_embedding(words=20, width=3, lookups=None, seed=2)
    assert (full.update_counts == 30).all()


def test_a_run_of_training_is_reproducible_and_follows_its_seed():
    one, two, other = (train_network(inputs=4, hidden=3, seed=seed).weights for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).all()
    assert (train_network(inputs=4, hidden=3, scale=1.0, seed=1).weights == one).all()
