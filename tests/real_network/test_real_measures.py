"""What is measured inside a stack, on networks in which the answer is known."""

import math
from functools import partial

import pytest
import torch

from benchmarks.real_network.measures import (
    distinct_units,
    gradient_norms,
    hidden,
    linear_layers,
    moments,
    silent_share,
    zero_share,
    zeros_of,
)
from benchmarks.real_network.q3_q4_telling import last_to_first
from benchmarks.real_network.starts import equal_he, network, with_biases, with_drawn_biases
from lightning_cifar.networks import he_normal, lecun_normal
from lightning_cifar.stack.network import StackedNetwork

WIDTH = 12


def stack_of(setting, *networks):
    return StackedNetwork(list(networks)).eval()


@torch.no_grad()
def with_twins(layers, copies):
    """The first units of the first hidden layer are one unit."""
    layers[1].weight[:copies] = layers[1].weight[0].clone()
    return layers


def test_distinct_units_are_counted_with_planted_twins(setting):
    plain = partial(network, "elu", he_normal, setting)
    stack = stack_of(setting, plain(0), with_twins(plain(0), 5))
    alike, bitwise = distinct_units(stack, setting.probes)
    assert alike.tolist() == bitwise.tolist()
    assert alike[0].tolist() == [WIDTH] * 3
    assert alike[1].tolist() == [WIDTH - 4, WIDTH, WIDTH]


def test_units_that_differ_by_rounding_are_alike_but_not_bitwise(setting):
    layers = with_twins(network("elu", he_normal, setting, 0), 5)
    with torch.no_grad():
        layers[1].weight[1] *= 1 + 1e-6
    alike, bitwise = distinct_units(stack_of(setting, layers), setting.probes)
    assert (alike[0, 0], bitwise[0, 0]) == (WIDTH - 4, WIDTH - 3)


def test_an_equal_start_has_one_unit_in_each_layer(setting):
    layers = [network("elu", start, setting, 0) for start in (equal_he, he_normal)]
    counts, _ = distinct_units(stack_of(setting, *layers), setting.probes)
    assert counts.tolist() == [[1] * 3, [WIDTH] * 3]


def test_moments_are_those_of_the_outputs(setting):
    stack = stack_of(setting, *(network("selu", lecun_normal, setting, seed) for seed in (0, 1)))
    means, variances = moments(stack, setting.probes)
    for layer, outputs in enumerate(hidden(stack, setting.probes)):
        for member in (0, 1):
            assert means[member, layer].item() == pytest.approx(
                outputs[member].mean().item(), abs=1e-5
            )
            expected = outputs[member].var(correction=0).item()
            assert variances[member, layer].item() == pytest.approx(expected, rel=1e-4)
    assert len(means[0]) == 3


def test_gradient_norms_are_those_of_each_network_alone(setting):
    networks = [network("tanh", lecun_normal, setting, seed) for seed in (0, 1)]
    labels = setting.validation.labels[: len(setting.probes)]
    norms = gradient_norms(stack_of(setting, *networks), setting.probes, labels)
    for found, layers in zip(norms, networks, strict=True):
        torch.nn.functional.cross_entropy(layers(setting.probes), labels).backward()
        alone = [layers[place].weight.grad.norm().item() for place in (1, 3, 5, 7)]
        assert found.tolist() == pytest.approx(alone, rel=1e-3)
    assert norms[0].tolist() != pytest.approx(norms[1].tolist(), rel=1e-3)  # control


def test_ratio_of_gradients_leaves_the_output_layer_out():
    assert last_to_first({"before": {"gradients": [1.0, 5.0, 2.0, 99.0]}}) == 0.5


def test_silent_and_zero_units_are_counted(setting):
    layers = network("relu", he_normal, setting, 0)
    with torch.no_grad():
        layers[3].bias[:3] = -1e6
    stack = stack_of(setting, layers, network("relu", he_normal, setting, 0))
    silent, zeros = silent_share(stack, setting.probes), zero_share(stack, setting.probes)
    assert silent[0].item() - silent[1].item() >= 3 / (3 * WIDTH) - 1e-6
    assert zeros[0] > zeros[1] > 0.2
    smooth = stack_of(setting, network("elu", he_normal, setting, 0))
    assert zero_share(smooth, setting.probes).item() == 0


def test_exact_zeros_are_counted_and_small_weights_are_not(setting):
    layers = network("elu", he_normal, setting, 0)
    with torch.no_grad():
        layers[3].weight[:6] = 0.0
        layers[5].weight.fill_(1e-30)
    stack = stack_of(setting, layers)
    count = sum(layer.weight[0].numel() for layer in linear_layers(stack))
    assert zeros_of(stack).item() == pytest.approx(6 * WIDTH / count)


def test_starts_draw_what_they_say(setting):
    he, lecun = (network("elu", start, setting, 0)[1].weight for start in (he_normal, lecun_normal))
    torch.testing.assert_close(he, lecun * math.sqrt(2))
    assert not torch.equal(he, network("elu", he_normal, setting, 1)[1].weight)
    assert network("elu", he_normal, setting, 0)[3].bias.abs().max() == 0
    constant = with_biases(network("elu", he_normal, setting, 0), 0.01)
    assert {each for layer in constant[1::2] for each in layer.bias.tolist()} == {
        constant[1].bias[0].item()
    }
    drawn = with_drawn_biases(network("elu", he_normal, setting, 0), 0)
    assert 0.5 / math.sqrt(WIDTH) < drawn[3].bias.abs().max() <= 1 / math.sqrt(WIDTH)
    assert torch.equal(drawn[1].weight, he)
