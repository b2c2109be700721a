"""Question 7: Monte Carlo dropout trains as dropout does and differs in prediction alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.draws import normal
from theory.dropout.monte_carlo import DROPOUT_MODULES, dropout_on, sample_probabilities
from theory.dropout.networks import (
    AlwaysOnDropout,
    dense_network,
    private_random,
    training_step,
)

SEEDS = st.integers(0, 2**32 - 1)
WIDTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def data(seed, rows, columns):
    return torch.from_numpy(normal(seeded(seed), rows, columns))


def network_of(widths, rates, **options):
    return dense_network(inputs=5, widths=widths, outputs=3, rates=rates, **options)


def trained(make_dropout, *, passes=1, seed=0):
    network = network_of((6, 6), (0.4, 0.4), make_dropout=make_dropout, seed=seed)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, foreach=False)
    inputs, labels = data(seed, 8, 5), torch.arange(8) % 3
    with private_random(seeded(seed)):
        for _ in range(3):
            training_step(network, inputs, labels, passes=passes)
            optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def trains_alike(train):
    @given(SEEDS)
    @settings(max_examples=10)
    def check(seed):
        assert torch.equal(trained(nn.Dropout, seed=seed), train(seed))

    return check


def test_a_network_for_monte_carlo_trains_bit_for_bit_like_any_other():
    trains_alike(lambda seed: trained(AlwaysOnDropout, seed=seed))()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda seed: trained(AlwaysOnDropout, passes=2, seed=seed),
        lambda seed: trained(nn.AlphaDropout, seed=seed),
        lambda seed: trained(nn.Identity, seed=seed),
    ],
    ids=["two passes", "alpha dropout", "no dropout"],
)
def test_another_training_is_not_alike(wrong):
    with rejected():
        trains_alike(wrong)()


def test_a_training_step_leaves_the_gradients_of_its_own_loss():
    network = network_of((4,), (0.0,), seed=3)
    inputs, labels = data(1, 6, 5), torch.arange(6) % 3
    network.eval()
    training_step(network, inputs, labels)
    loss = training_step(network, inputs, labels)
    assert network.training
    expected = nn.functional.cross_entropy(network(inputs), labels)
    torch.testing.assert_close(loss, expected.detach())
    assert not loss.requires_grad
    gradients = torch.autograd.grad(expected, list(network.parameters()))
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    same = training_step(network, inputs, labels, passes=3)
    torch.testing.assert_close(same, loss)


def test_passes_of_a_training_step_are_averaged_before_the_loss():
    network = network_of((20,), (0.5,), seed=3)
    inputs, labels = data(1, 6, 5), torch.arange(6) % 3
    with private_random(seeded(0)):
        loss = training_step(network, inputs, labels, passes=4)
    with private_random(seeded(0)):
        logits = torch.stack([network(inputs) for _ in range(4)])
    expected = nn.functional.cross_entropy(logits.mean(0), labels)
    torch.testing.assert_close(loss, expected.detach())
    alone = [nn.functional.cross_entropy(each, labels) for each in logits]
    assert max(abs(float((each - expected).detach())) for each in alone) > 1e-3, (
        "averaging does nothing"
    )


@given(WIDTHS, SEEDS, st.integers(1, 5), st.data())
@settings(max_examples=40)
def test_sharing_the_first_layers_changes_no_sample(widths, seed, samples, choose):
    rates = choose.draw(
        st.lists(st.sampled_from([0.0, 0.4]), min_size=len(widths), max_size=len(widths))
    )
    network, inputs = network_of(widths, rates, seed=seed), data(seed, 4, 5)
    full, shared = (
        sample_probabilities(
            network, inputs, samples=samples, generator=seeded(seed), share_prefix=share
        )
        for share in (False, True)
    )
    assert full.shape == (samples, 4, 3)
    torch.testing.assert_close(full, shared, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(full.sum(-1), torch.ones(samples, 4, dtype=torch.float64))
    assert (full >= 0.0).all()


def samples_differ(kinds):
    @given(st.sampled_from([nn.Dropout, nn.AlphaDropout, AlwaysOnDropout]), SEEDS)
    @settings(max_examples=30)
    def check(make, seed):
        network = network_of((60,), (0.5,), make_dropout=make, seed=seed)
        drawn = sample_probabilities(
            network, data(seed, 4, 5), samples=5, generator=seeded(seed), kinds=kinds
        )
        assert drawn.std(dim=0).max() > 1e-9

    return check


def test_every_kind_of_dropout_is_on():
    samples_differ(DROPOUT_MODULES)()


@pytest.mark.parametrize("kinds", [(nn.Dropout,), ()], ids=["only nn.Dropout", "evaluation mode"])
def test_overlooked_dropout_is_noticed(kinds):
    with rejected():
        samples_differ(kinds)()


def test_modes_are_restored_and_batch_norm_is_left_alone():
    network = nn.Sequential(nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Dropout(0.5).eval())
    network = network.double()
    modes = [module.training for module in network]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with dropout_on(network, DROPOUT_MODULES):
        assert [module.training for module in network] == [False, True, True]
        assert not network.training
    sample_probabilities(network, data(1, 9, 5), samples=2, generator=seeded(1))
    assert [module.training for module in network] == modes == [True, True, False]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    with pytest.raises(KeyError), dropout_on(network, ()):
        raise KeyError
    assert [module.training for module in network] == modes


def test_without_dropout_every_sample_is_the_prediction():
    network, inputs = network_of((4,), (0.0,), seed=2), data(2, 3, 5)
    drawn = sample_probabilities(network, inputs, samples=3, generator=seeded(1))
    expected = network(inputs).softmax(-1).detach()
    assert all(torch.equal(sample, expected) for sample in drawn)
