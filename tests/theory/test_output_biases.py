"""Question 2: the best bias of the output unit, training, and published networks."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rejection import rejected

from theory.biases.output_unit import best_bias, initial_loss
from theory.biases.published import FAMILIES, count
from theory.biases.training import final_losses
from theory.errors import DomainError

# The output unit.


def is_least_at(candidate):
    @given(st.floats(0.001, 0.999), st.floats(-3, 3))
    def check(rate, step):
        best = initial_loss(rate, bias=candidate(rate))
        assert best <= initial_loss(rate, bias=candidate(rate) + step) + 1e-12

    return check


def test_the_best_bias_has_the_least_loss():
    is_least_at(best_bias)()


@pytest.mark.parametrize(
    "wrong", [lambda rate: 0.0, lambda rate: -best_bias(rate), math.log], ids=["0", "minus", "log"]
)
def test_other_biases_are_rejected(wrong):
    with rejected():
        is_least_at(wrong)()


def test_the_loss_at_the_best_bias_is_the_entropy():
    assert initial_loss(0.5, bias=0.0) == pytest.approx(math.log(2))
    assert initial_loss(0.01, bias=0.0) == pytest.approx(math.log(2))
    entropy = -0.01 * math.log(0.01) - 0.99 * math.log(0.99)
    assert initial_loss(0.01, bias=best_bias(0.01)) == pytest.approx(entropy)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan], ids=str)
@pytest.mark.parametrize(
    "function", [best_bias, lambda rate: initial_loss(rate, bias=0.0)], ids=["bias", "loss"]
)
def test_a_rate_lies_between_0_and_1(function, rate):
    with pytest.raises(DomainError, match="rate must lie between 0 and 1"):
        function(rate)


# Training.


@pytest.mark.parametrize("trained", [True, False], ids=["trained", "fixed"])
def test_final_losses_are_those_of_torchs_modules(trained):
    found = final_losses(
        lambda points: points[:, 0] * points[:, 1],
        spread=0.7,
        networks=2,
        seed=5,
        trained=trained,
        width=3,
        steps=4,
    )
    generator = torch.Generator().manual_seed(5)
    inputs = 2 * torch.rand(64, 2, generator=generator, dtype=torch.float64) - 1
    targets = inputs[:, 0] * inputs[:, 1]
    first = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64) / math.sqrt(2)
    second = torch.randn(2, 3, 1, generator=generator, dtype=torch.float64) / math.sqrt(3)
    bias = 0.7 * (2 * torch.rand(2, 1, 3, generator=generator).double() - 1)
    for index in range(2):
        with torch.random.fork_rng(devices=[]):
            network = torch.nn.Sequential(
                torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)
            ).double()
        with torch.no_grad():
            network[0].weight.copy_(first[index].T)
            network[0].bias.copy_(bias[index, 0])
            network[2].weight.copy_(second[index].T)
            network[2].bias.zero_()
        for _ in range(4):
            loss = ((network(inputs)[:, 0] - targets) ** 2).mean()
            network.zero_grad()
            loss.backward()
            with torch.no_grad():
                for name, parameter in network.named_parameters():
                    if trained or name != "0.bias":
                        parameter -= 0.1 * parameter.grad
        expected = float(((network(inputs)[:, 0] - targets) ** 2).mean().detach())
        assert float(found[index]) == pytest.approx(expected, rel=1e-9)


# Published networks.


def test_biases_of_dense_and_convolution_layers_are_counted():
    with torch.random.fork_rng(devices=[]):
        network = torch.nn.Sequential(
            torch.nn.Conv2d(1, 3, 2),
            torch.nn.BatchNorm2d(3),
            torch.nn.Linear(2, 5),
            torch.nn.Linear(2, 7, bias=False),
        )
    torch.nn.init.zeros_(network[2].bias)
    torch.nn.init.ones_(network[0].bias)
    assert count(network) == (8, 5)


@pytest.mark.parametrize("name", ["ResNet", "ShuffleNetV2", "MobileNetV2", "MNASNet", "SqueezeNet"])
def test_families_are_what_torchvision_builds(name):
    from torchvision import models

    (family,) = (family for family in FAMILIES if family.name == name)
    with torch.random.fork_rng(devices=[]):
        assert count(getattr(models, family.builder)()) == (family.biases, family.zero)


def test_there_are_seventeen_families_and_a_majority_is_one():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) == 17
    assert [f.mostly_zero for f in FAMILIES if f.name in ("VGG", "AlexNet", "RegNet")] == [
        False,
        False,
        True,
    ]
