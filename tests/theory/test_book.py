"""What the evidence on the book's claims rests on, held against torch and against real networks."""

import pytest
import torch
from torch import nn

from theory.book.normalisation import INPUTS, WIDTH, fused, normalise, normalised_network
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
