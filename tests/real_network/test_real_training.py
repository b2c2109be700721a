"""The shared loop: each member's steps are those of a network that trains alone."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.real_network.blocks import DenseBlocks, dense_layers
from benchmarks.real_network.runs import searched, trained
from benchmarks.real_network.stacked_sgd import StackedSGD
from benchmarks.real_network.starts import network
from benchmarks.real_network.training import check_steps, evaluated, nadam, train
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.networks import he_normal
from lightning_cifar.stack.network import StackedNetwork

STEPS = 8  # of an epoch of the tiny setting


def losses_alone(setting, seed, optimiser_of):
    """Training losses of one network under one of PyTorch's optimisers."""
    layers = network("elu", he_normal, setting, seed)
    optimiser = optimiser_of(layers.parameters())
    losses = []
    for images, labels in TensorBatches(setting.train, batch_size=setting.batch_size, seed=seed):
        loss = functional.cross_entropy(layers(setting.standardise(images)), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def stacked_losses(setting, momenta, rates):
    """The same of two members with seeds 0 and 1."""
    stack = StackedNetwork([network("elu", he_normal, setting, seed) for seed in (0, 1)])
    optimiser = StackedSGD(stack.parameter_groups(), rates, momenta)
    return train(stack, optimiser, setting, (0, 1), epochs=1).train_losses.T


def test_sgd_of_a_stack_is_pytorchs(setting):
    found = stacked_losses(setting, [0.9, 0.5], [0.01, 0.02])
    for seed, (rate, momentum) in enumerate([(0.01, 0.9), (0.02, 0.5)]):
        alone = losses_alone(setting, seed, partial(torch.optim.SGD, lr=rate, momentum=momentum))
        assert found[seed].tolist() == pytest.approx(alone, rel=1e-4)
        wrong = losses_alone(setting, seed, partial(torch.optim.SGD, lr=rate, momentum=0.0))
        assert found[seed].tolist() != pytest.approx(wrong, rel=1e-4)  # control


def test_hooks_see_every_step_and_the_gradients(setting):
    stack = StackedNetwork([network("elu", he_normal, setting, 0)])
    before, after = [], []
    train(
        stack,
        nadam(stack, [1e-3]),
        setting,
        (0,),
        epochs=1,
        before_step=lambda step: before.append(next(stack.parameters()).grad.norm().item()),
        after_step=after.append,
    )
    assert after == list(range(STEPS))
    assert min(before) > 0
    assert len(set(before)) == STEPS


def test_checks_are_at_equal_distances_and_at_the_end():
    assert check_steps(100, 4) == {25, 50, 75, 100}
    assert check_steps(2, 4) == {1, 2}
    assert check_steps(2, 0) == set()


def test_figures_are_those_of_each_network(setting):
    networks = [network("elu", he_normal, setting, seed) for seed in (0, 1)]
    loss, accuracy = evaluated(StackedNetwork(networks), setting)
    with torch.no_grad():
        logits = networks[1](setting.standardise(setting.validation.images))
    labels = setting.validation.labels
    assert loss[1].item() == pytest.approx(
        functional.cross_entropy(logits, labels).item(), rel=1e-4
    )
    assert accuracy[1].item() == pytest.approx((logits.argmax(1) == labels).double().mean().item())
    assert loss[0].item() != pytest.approx(loss[1].item(), rel=1e-4)


def test_blocks_by_autograd_train_as_the_package_does_by_hand(setting):
    by_hand = trained({"": partial(network, "elu", he_normal, setting)}, {"": 1e-3}, setting)
    losses = {}
    for residual in (False, True):
        gather = partial(DenseBlocks, normalised=False, residual=residual)
        build = {"": partial(dense_layers, setting)}
        losses[residual] = trained(build, {"": 1e-3}, setting, gather=gather).curves.train_losses
    torch.testing.assert_close(losses[False], by_hand.curves.train_losses, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(losses[True], losses[False], rtol=1e-2)  # control


def test_layer_normalisation_gives_each_image_mean_0_and_variance_1(setting):
    normal, plain = (
        DenseBlocks([dense_layers(setting, 0)], normalised=normalised, residual=False)
        for normalised in (True, False)
    )
    values = 7 + 3 * torch.randn(1, 5, 12, generator=torch.Generator().manual_seed(0))
    for blocks, is_normal in ((normal, True), (plain, False)):
        found = blocks.norm(values)
        assert bool(found.mean(-1).abs().max() < 1e-5) is is_normal
        assert bool((found.var(-1, correction=0) - 1).abs().max() < 1e-3) is is_normal


def test_the_search_takes_the_rate_that_learns(setting):
    build = {"a": partial(network, "elu", he_normal, setting)}
    assert searched(build, setting, rates=(1e-12, 1e-3, 1e12))["a"] == 1e-3


def test_rows_of_a_condition_are_its_own(setting):
    conditions = {
        name: partial(network, "elu", start, setting)
        for name, start in (("he", he_normal), ("zero", lambda weight, _: nn.init.zeros_(weight)))
    }
    runs = trained(conditions, {"he": 1e-3, "zero": 1e-3}, setting)
    assert runs.of("zero").train_losses[0].tolist() == pytest.approx([2.302585] * 2)
    assert runs.of("he").train_losses[0].tolist() != pytest.approx([2.302585] * 2)
    assert runs.of("he").train_losses.shape == (STEPS, 2)
