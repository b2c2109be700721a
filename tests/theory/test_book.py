"""What the evidence on the book's claims rests on, held against torch and against real networks."""

import pytest
import torch
from torch import nn

from theory.book.normalisation import (
    INPUTS,
    OUTPUTS,
    WIDTH,
    drawn_linear,
    fused,
    normalise,
    normalised_network,
)
from theory.book.normalisation_evidence import DEPTH, _log10_gradient
from theory.nonlinearities import LOGISTIC, RELU, TANH


def generator(seed):
    return torch.Generator().manual_seed(seed)


def test_folding_is_torchs_own():
    network = normalised_network(layers=1, generator=generator(0)).eval()
    expected = nn.utils.fusion.fuse_linear_bn_eval(network[0], network[1])
    folded = fused(network)[0]
    torch.testing.assert_close(folded.weight, expected.weight)
    torch.testing.assert_close(folded.bias, expected.bias)


def test_folding_leaves_the_network_as_it_was():
    network = normalised_network(layers=2, generator=generator(1)).eval()
    before = [each.clone() for each in network.state_dict().values()]
    assert len(fused(network)) == len(network) - 2
    after = network.state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_statistics_are_drawn_so_that_folding_has_something_to_do():
    norm = normalised_network(layers=1, generator=generator(2))[1]
    for values, default in ((norm.weight, 1), (norm.running_var, 1), (norm.running_mean, 0)):
        assert float((values.detach() - default).abs().max()) > 0.1
        assert values.shape == (WIDTH,)
    assert INPUTS != WIDTH


def test_networks_are_drawn_from_the_generator_alone():
    before = torch.get_rng_state()
    one, other, third = (normalised_network(layers=2, generator=generator(s)) for s in (2, 2, 3))
    assert torch.equal(before, torch.get_rng_state())
    for mine, same, another in zip(
        one.parameters(), other.parameters(), third.parameters(), strict=True
    ):
        assert torch.equal(mine, same)
        assert not torch.equal(mine, another)
    buffers = zip(one.buffers(), other.buffers(), third.buffers(), strict=True)
    for mine, same, another in buffers:
        assert torch.equal(mine, same)
        assert mine.dim() == 0 or not torch.equal(mine, another)


def test_networks_have_the_layers_they_say():
    network = normalised_network(layers=3, generator=generator(4)).eval()
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU] * 3 + [nn.Linear]
    assert [type(module) for module in network] == kinds
    linears = [module for module in network if isinstance(module, nn.Linear)]
    sizes = [(layer.in_features, layer.out_features) for layer in linears]
    assert sizes == [(INPUTS, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH, OUTPUTS)]
    assert network(torch.ones(4, INPUTS, dtype=torch.float64)).shape == (4, OUTPUTS)
    assert all(each.dtype == torch.float64 for each in network.parameters())
    for norm in network[1::3][:3]:
        # What multiplies keeps away from zero, what is added has either sign.
        assert 0.5 <= float(norm.weight.data.min()) < float(norm.weight.data.max()) < 1.5
        assert 0.2 <= float(norm.running_var.min()) < float(norm.running_var.max()) < 1.2
        for values in (norm.bias.data, norm.running_mean):
            assert float(values.min()) < -0.3 < 0.3 < float(values.max())


def test_layers_are_drawn_by_he_with_biases():
    layer = drawn_linear(400, 300, generator(5))
    # 6 standard errors of the variance of 120,000 normal draws, and of 300.
    assert float(layer.weight.data.var()) == pytest.approx(2 / 400, rel=6 * (2 / 120_000) ** 0.5)
    assert float(layer.bias.data.var()) == pytest.approx(0.25, rel=6 * (2 / 300) ** 0.5)


def test_normalised_values_have_mean_zero_and_deviation_one():
    values = 3 + 2 * torch.randn(50, 4, generator=generator(6), dtype=torch.float64)
    found = normalise(values)
    assert torch.allclose(found.mean(dim=0), torch.zeros(4).double(), atol=1e-12)
    assert torch.allclose(found.var(dim=0, correction=0), torch.ones(4).double(), atol=1e-4)


def measured_log10_gradient(nonlinearity, *, width, examples):
    """Gradients through a real network, over its layers but the first and the last."""
    draws = generator(3)
    values = torch.randn(examples, width, generator=draws, dtype=torch.float64)
    layers = []
    for _ in range(DEPTH + 1):
        weight = torch.randn(width, width, generator=draws, dtype=torch.float64) / width**0.5
        values = nonlinearity.value(normalise(values @ weight.T)).requires_grad_()
        values.retain_grad()
        layers.append(values)
    values.backward(torch.randn(examples, width, generator=draws, dtype=torch.float64))
    return float(torch.log10(layers[0].grad.norm() / layers[-1].grad.norm()))


@pytest.mark.parametrize("nonlinearity", [RELU, TANH, LOGISTIC], ids=lambda each: each.name)
def test_gradients_through_batch_normalisation_are_those_of_a_real_network(nonlinearity):
    found = measured_log10_gradient(nonlinearity, width=200, examples=400)
    assert _log10_gradient(nonlinearity) == pytest.approx(found, abs=0.15)
    if nonlinearity is RELU:  # control: far from no change
        assert abs(found) > 1
