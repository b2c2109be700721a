"""Exact zeros: what makes them, what keeps them, and what they save."""

from functools import partial

import pytest
import torch

from benchmarks.real_network.measures import linear_layers, zeros_of
from benchmarks.real_network.q6_sparsity import (
    Penalty,
    Pruned,
    accuracy_pruned,
    compressed_bytes,
    cubic,
    full_bytes,
    magnitudes,
    masks_of,
    sgd,
    soft_threshold,
)
from benchmarks.real_network.starts import network
from benchmarks.real_network.training import evaluated, train
from lightning_cifar.networks import he_normal
from lightning_cifar.stack.network import StackedNetwork

RATE = 3e-3


def stack_of(setting, members=1):
    return StackedNetwork([network("elu", he_normal, setting, seed) for seed in range(members)])


def test_a_proximal_step_gives_exact_zeros_where_a_subgradient_does_not(setting):
    stack = stack_of(setting, 3)
    rows = {"none": slice(0, 1), "subgradient 0.02": slice(1, 2), "proximal 0.02": slice(2, 3)}
    penalty = Penalty(stack, rows, RATE)
    train(
        stack,
        sgd(stack, [RATE] * 3),
        setting,
        (0, 1, 2),
        epochs=2,
        before_step=penalty.add_subgradient,
        after_step=penalty.shrink,
    )
    none, subgradient, proximal = zeros_of(stack).tolist()
    assert none == subgradient == 0
    assert proximal > 0.1
    sizes = magnitudes(stack)
    assert sizes[1] < sizes[0]
    assert sizes[2] < sizes[0]


def test_soft_threshold_moves_towards_zero_and_stops_there():
    weight = torch.tensor([-0.5, -0.1, 0.0, 0.05, 0.3])
    found = soft_threshold(weight, 0.1)
    assert found.tolist() == pytest.approx([-0.4, 0.0, 0.0, 0.0, 0.2])
    assert (found == 0).sum() == 3


def test_masks_drop_the_smallest_of_each_layer(setting):
    stack = stack_of(setting, 2)
    for mask, layer in zip(masks_of(stack, 0.5), linear_layers(stack), strict=True):
        for its, weight in zip(mask, layer.weight.detach().abs(), strict=True):
            assert (~its).sum() == round(0.5 * weight.numel())
            assert weight[~its].max() <= weight[its].min()
            assert weight[its].max() > weight[~its].min()  # control


def test_pruning_for_a_look_leaves_the_weights(setting):
    stack = stack_of(setting)
    whole = evaluated(stack, setting)
    pruned = accuracy_pruned(stack, setting, 0.95)
    again = evaluated(stack, setting)
    assert torch.equal(whole[0], again[0])
    assert torch.equal(accuracy_pruned(stack, setting, 0.0), whole[1])
    assert not torch.equal(pruned, whole[1])


@pytest.mark.parametrize("kind", ["once", "gradual"])
def test_pruned_weights_stay_zero_in_training(setting, kind):
    share_at = partial(cubic, 0.8) if kind == "gradual" else lambda progress: 0.8
    stack = stack_of(setting)
    pruned = Pruned(stack, share_at, steps=4 / 3)  # the schedule ends within three epochs' steps
    start = zeros_of(stack).item()
    assert start == pytest.approx(0.8 if kind == "once" else 0, abs=0.01)
    options = {"before_step": pruned.before, "after_step": pruned.after}
    train(stack, sgd(stack, [RATE]), setting, (0,), epochs=3, **options)
    assert zeros_of(stack).item() == pytest.approx(0.8, abs=0.01)
    train(stack, sgd(stack, [RATE]), setting, (0,), epochs=1)  # control: nobody keeps them
    assert zeros_of(stack).item() < 0.2


def test_gradual_pruning_starts_at_0_and_ends_before_the_end():
    assert cubic(0.8, 0.0) == 0
    assert 0.4 < cubic(0.8, 0.3) < 0.8
    assert cubic(0.8, 0.7) == cubic(0.8, 1.0) == pytest.approx(0.8)


def test_bytes_are_those_of_values_columns_and_rows(setting):
    stack = stack_of(setting)
    weights = [layer.weight[0] for layer in linear_layers(stack)]
    biases = sum(layer.bias[0].numel() for layer in linear_layers(stack))
    count = sum(each.numel() for each in weights)
    assert full_bytes(stack) == 4 * (count + biases)
    kept = sum(each.numel() - round(0.8 * each.numel()) for each in weights)
    rows = sum(len(each) + 1 for each in weights)
    assert compressed_bytes(stack, 0.8) == 8 * kept + 4 * rows + 4 * biases
    assert compressed_bytes(stack, 0.0) > full_bytes(stack)
