"""Question 6: zeroing weights of trained classifiers, layer by layer."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded

from theory import classifiers
from theory.sparsity import layers

SEEDS = st.integers(0, 2**32 - 1)


def zeroes_the_smallest(make_mask):
    @given(SEEDS, st.integers(1, 6), st.integers(1, 6), st.floats(0, 1))
    def check(seed, rows, columns, share):
        weights = torch.randn(3, rows, columns, generator=seeded(seed), dtype=torch.float64)
        mask = make_mask(weights, share)
        assert mask.shape == weights.shape
        for network in range(3):
            sizes, kept = weights[network].abs(), mask[network] == 1.0
            assert int((mask[network] == 0.0).sum()) == round(share * rows * columns)
            assert int(kept.sum()) == rows * columns - round(share * rows * columns)
            smallest = min(sizes[kept].tolist(), default=math.inf)
            assert smallest >= max(sizes[~kept].tolist(), default=0.0)

    return check


def test_the_smallest_weights_of_each_network_go():
    zeroes_the_smallest(layers.smallest_out)()


@pytest.mark.parametrize(
    "wrong",
    [
        layers.largest_out,
        lambda weights, share: layers.smallest_out(weights, 1 - share),
        lambda weights, share: layers.smallest_out(weights[:1], share).expand_as(weights),
    ],
    ids=["largest", "the other share", "one mask for all networks"],
)
def test_another_mask_is_rejected(wrong):
    with rejected():
        zeroes_the_smallest(wrong)()


@given(SEEDS, st.floats(0, 1))
def test_the_largest_go_where_that_is_asked(seed, share):
    weights = torch.randn(2, 4, 3, generator=seeded(seed), dtype=torch.float64)
    mask = layers.largest_out(weights, share)
    assert float((mask == 0.0).sum()) == 2 * round(share * 12)
    for network in range(2):
        sizes, kept = weights[network].abs(), mask[network] == 1.0
        assert max(sizes[kept].tolist(), default=0.0) <= min(
            sizes[~kept].tolist(), default=math.inf
        )


def test_every_layer_loses_its_share_and_biases_none():
    parameters = classifiers.he_start(2, (8, 8), seeded())
    half = layers.pruned(parameters, 0.5)
    assert [int((weight == 0).sum()) for weight in half[:3]] == [80, 64, 32]
    assert layers.share_of_zeros(half) == 0.5
    assert layers.share_of_zeros(parameters) == 0.0
    assert len(half) == len(parameters)
    ones = [torch.ones_like(tensor) for tensor in parameters]
    assert all((layer == 1.0).all() for layer in layers.pruned(ones, 0.5)[3:])


def test_accuracy_is_the_networks_mean_in_per_cent():
    parameters = classifiers.he_start(2, (3,), seeded())
    inputs = torch.randn(2, 5, classifiers.INPUTS, generator=seeded(), dtype=torch.float64)
    said = classifiers.scores(parameters, inputs).argmax(-1)
    classes = said.clone()
    classes[0, 0] = (classes[0, 0] + 1) % classifiers.CLASSES
    found = layers.accuracy(parameters, classifiers.Examples(inputs, classes))
    assert found == pytest.approx(90.0)
