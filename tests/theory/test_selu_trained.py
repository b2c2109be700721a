"""Question 3: what training does to the activations of a deep network."""

from itertools import pairwise

import pytest
import torch

from theory.nonlinearities import RELU, SELU
from theory.selu import trained
from theory.signal import HE, LECUN


def layer(mean, deviation):
    signs = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(50, 4)
    return mean + deviation * signs


@pytest.mark.parametrize(
    ("mean", "deviation", "normalised"),
    [
        (0.0, 1.0, 1),
        (0.099, 1.0, 1),
        (-0.101, 1.0, 0),
        (0.0, 0.80**0.5 - 1e-3, 0),
        (0.0, 0.80**0.5 + 1e-3, 1),
        (0.0, 1.5**0.5 - 1e-3, 1),
        (0.0, 1.5**0.5 + 1e-3, 0),
    ],
)
def test_a_layer_is_normalised_within_the_domain_of_the_theorem(mean, deviation, normalised):
    found = trained.summed_up([layer(mean, deviation)])
    assert found.normalised == normalised
    assert found.largest_variance == pytest.approx(deviation**2)


def test_layers_are_summed_up_by_the_worst():
    wide = layer(0.0, 1.0)
    wide[0, :2] = torch.tensor([3.5, -3.5])
    wide[1, 0] = 3.0
    found = trained.summed_up([layer(0.0, 1.0), wide, layer(2.0, 3.0)])
    assert found.normalised == 2
    assert found.largest_variance == pytest.approx(9.0)
    assert found.smallest_share == pytest.approx(0.5)
    assert trained.summed_up([wide]).smallest_share == pytest.approx(1 - 2 / wide.numel())


def test_training_follows_torchs_modules():
    found = trained.follow(SELU, weight_variance=LECUN, steps=2, seed=3)
    draws = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(shape, generator=draws, dtype=torch.float64)

    inputs, classes = draw(64, 30), torch.randint(10, (64,), generator=draws)
    sizes = [30] + [100] * 20 + [10]
    modules = []
    for fan_in, units in pairwise(sizes):
        with torch.random.fork_rng(devices=[]):
            linear = torch.nn.Linear(fan_in, units, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(draw(units, fan_in) / fan_in**0.5)
            linear.bias.zero_()
        modules += [linear, torch.nn.SELU()]
    network = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    losses = []
    for _ in range(3):
        losses.append(torch.nn.functional.cross_entropy(network(inputs), classes))
        optimizer.zero_grad()
        losses[-1].backward()
        if len(losses) < 3:
            optimizer.step()
    assert found.loss_before == pytest.approx(float(losses[0].detach()), rel=1e-9)
    assert found.loss_after == pytest.approx(float(losses[2].detach()), rel=1e-6)
    hidden, signal = [], inputs
    for module in network[:-1]:
        signal = module(signal)
        if isinstance(module, torch.nn.SELU):
            hidden.append(signal.detach())
    after = trained.summed_up(hidden)
    assert found.after.normalised == after.normalised
    assert found.after.largest_variance == pytest.approx(after.largest_variance, rel=1e-6)


def test_selu_starts_normalised_and_relu_does_not():
    selu, relu = (
        trained.follow(function, weight_variance=variance, steps=0, seed=1)
        for function, variance in ((SELU, LECUN), (RELU, HE))
    )
    assert selu.before == selu.after
    assert (selu.before.normalised, relu.before.normalised) == (20, 0)
    assert selu.before.smallest_share > 0.99
