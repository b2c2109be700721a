"""A member of a stack is the network that it would be alone."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from lightning_cifar import networks
from lightning_cifar.backprop.stacked_layers import alpha_dropout, keep_mask
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.stack.network import ELEMENTWISE, StackedNetwork, member_losses

STEPS = 20
RATES = (3e-4, 3e-5, 1e-4)
DROPOUT = 0.3
BUILDERS = {
    "elu": networks.elu_network,
    "batch_norm": networks.batch_norm_network,
    "selu": networks.selu_network,
    "alpha_dropout": partial(
        networks.alpha_dropout_network, dropout_rate=DROPOUT, dropout_everywhere=True
    ),
}


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def three_networks(variant, depth=3, width=6):
    build = BUILDERS[variant]
    return [build(depth, width, torch.Generator().manual_seed(seed)).double() for seed in range(3)]


def batch_of(step, *, own):
    """Images (batch, 3, 32, 32) or (3, batch, 3, 32, 32), and their labels."""
    generator = torch.Generator().manual_seed(step)
    shape = (3, 8) if own else (8,)
    images = torch.randn((*shape, 3, 32, 32), generator=generator)
    return images, torch.randint(10, shape, generator=generator)


class MaskedAlphaDropout(nn.Module):
    """AlphaDropout of an ordinary network with the masks that a stack's member would draw."""

    def __init__(self, rate, seed, place):
        super().__init__()
        self.rate, self.seed, self.place, self.passes = rate, seed, place, 0

    def forward(self, inputs):
        seed, passes = torch.tensor([self.seed]), torch.tensor([self.passes])
        kept = keep_mask(seed, passes, self.place, inputs.shape, self.rate)[0]
        self.passes += 1
        return alpha_dropout(inputs, kept, self.rate)


def with_masks(network, seed):
    """The same layers with every AlphaDropout replaced by one of known masks."""
    layers = [
        MaskedAlphaDropout(layer.p, seed, place) if isinstance(layer, nn.AlphaDropout) else layer
        for place, layer in enumerate(network)
    ]
    return nn.Sequential(*layers)


def trained_alone(network, member, *, own):
    network = with_masks(copy.deepcopy(network), seed=member)
    optimiser = torch.optim.NAdam(network.parameters(), lr=RATES[member])
    for step in range(STEPS):
        images, labels = batch_of(step, own=own)
        if own:
            images, labels = images[member], labels[member]
        optimiser.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    return network


def stack_optimiser(stack):
    return FlatNAdam(stack.parameter_groups(), lr=1.0, rates=torch.tensor(RATES))


def stack_steps(stack, optimiser, steps, *, own):
    for step in steps:
        images, labels = batch_of(step, own=own)
        optimiser.zero_grad()
        member_losses(stack(images), labels).sum().backward()
        optimiser.step()


def largest_difference(network, other):
    """Over parameters and running statistics; the numbers of batches must be equal."""
    pairs = zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float((mine - theirs).abs().max()) for mine, theirs in pairs)


def members_train_as_alone(variant, *, own, stack_class=StackedNetwork, size=(3, 6)):
    """A check that each member ends where its network ends when it is trained by itself.

    The rates are moderate: training at a large rate is chaotic, and the rounding of the first step,
    which differs between the two, would grow to any size.
    """

    def check():
        members = three_networks(variant, *size)
        stack = stack_class(members)
        stack_steps(stack, stack_optimiser(stack), range(STEPS), own=own)
        for index, network in enumerate(members):
            alone = trained_alone(network, index, own=own)
            assert largest_difference(alone, with_masks(network, index)) > 1e-4
            assert largest_difference(alone, with_masks(stack.member(index), index)) < 1e-9

    return check


@pytest.mark.parametrize("own", [False, True], ids=["shared batches", "own batches"])
@pytest.mark.parametrize("variant", BUILDERS)
def test_members_train_as_alone(variant, own):
    members_train_as_alone(variant, own=own)()


@pytest.mark.slow
@pytest.mark.parametrize("variant", BUILDERS)
def test_members_of_full_size_train_as_alone(variant):
    members_train_as_alone(variant, own=True, size=(20, 100))()


class MixedMembers(StackedNetwork):
    """Lets a little of each member's logits flow into its neighbour's."""

    def forward(self, images):
        logits = super().forward(images)
        return logits + 1e-6 * logits.roll(1, 0)


class BiasedVariance(StackedNetwork):
    """Keeps the running variance without Bessel's correction."""

    def forward(self, images):
        before = [layer.running_var.clone() for layer in self.layers if has_statistics(layer)]
        logits = super().forward(images)
        layers = [layer for layer in self.layers if has_statistics(layer)]
        for layer, old in zip(layers, before, strict=True):
            layer.running_var.data.sub_((layer.running_var - 0.9 * old) / images.shape[-4])
        return logits


class SharedStatistics(StackedNetwork):
    """Gives every member the running statistics of the first."""

    def forward(self, images):
        logits = super().forward(images)
        for layer in self.layers:
            if has_statistics(layer):
                layer.running_mean.data[:] = layer.running_mean[0]
        return logits


def has_statistics(layer):
    return hasattr(layer, "running_var")


@pytest.mark.parametrize("wrong", [MixedMembers, BiasedVariance, SharedStatistics])
def test_wrong_stacks_are_rejected(wrong):
    with pytest.raises(AssertionError):
        members_train_as_alone("batch_norm", own=True, stack_class=wrong)()


def test_equal_masks_for_all_members_are_rejected():
    def equally_seeded(members):
        return StackedNetwork(members, seeds=[0, 0, 0])

    with pytest.raises(AssertionError):
        members_train_as_alone("alpha_dropout", own=False, stack_class=equally_seeded)()


@pytest.mark.parametrize("variant", BUILDERS)
def test_member_evaluates_as_in_the_stack(variant):
    stack = StackedNetwork(three_networks(variant))
    stack(batch_of(0, own=False)[0])
    stack.eval()
    images, _ = batch_of(1, own=False)
    together = stack(images)
    for index in range(3):
        torch.testing.assert_close(stack.member(index)(images), together[index])
        assert not torch.allclose(together[index], together[index - 1])


@pytest.mark.parametrize("variant", BUILDERS)
def test_members_that_stay_are_not_disturbed_by_those_that_leave(variant):
    whole, cut = (StackedNetwork(three_networks(variant)) for _ in range(2))
    optimisers = [stack_optimiser(stack) for stack in (whole, cut)]
    for stack, optimiser in zip((whole, cut), optimisers, strict=True):
        stack_steps(stack, optimiser, range(5), own=False)
    staying = torch.tensor([2, 0])
    cut.keep(staying)
    optimisers[1].keep(staying)
    assert cut.members == 2
    for stack, optimiser in zip((whole, cut), optimisers, strict=True):
        stack_steps(stack, optimiser, range(5, 10), own=False)
    for index, original in enumerate(staying.tolist()):
        assert largest_difference(cut.member(index), whole.member(original)) < 1e-9
        assert largest_difference(cut.member(index), whole.member(1)) > 1e-4


@pytest.mark.parametrize("variant", BUILDERS)
def test_not_a_number_stays_with_its_member(variant):
    healthy, sick = (StackedNetwork(three_networks(variant)) for _ in range(2))
    with torch.no_grad():
        sick.get_parameter("layers.1.weight" if variant != "batch_norm" else "layers.2.weight")[
            1
        ].fill_(torch.nan)
    for stack in (healthy, sick):
        stack_steps(stack, stack_optimiser(stack), range(3), own=False)
    for index in (0, 2):
        assert largest_difference(sick.member(index), healthy.member(index)) == 0
    assert not sick.member(1)[-1].weight.isfinite().any()


def test_stack_resumes_from_its_state():
    whole, fresh = (StackedNetwork(three_networks("alpha_dropout")) for _ in range(2))
    optimiser, another = stack_optimiser(whole), stack_optimiser(fresh)
    stack_steps(whole, optimiser, range(3), own=False)
    fresh.load_state_dict(whole.state_dict())
    another.load_state_dict(optimiser.state_dict())
    for stack, its in ((whole, optimiser), (fresh, another)):
        stack_steps(stack, its, range(3, 6), own=False)
    assert largest_difference(fresh, whole) == 0


def test_first_weight_stays_contiguous():
    stack = StackedNetwork(three_networks("elu"))
    first = stack.parameter_groups()[0]["params"][0]
    stack_optimiser(stack)
    assert first.is_contiguous()
    assert first.shape == (3, 6, 3072)


def test_stack_does_not_share_memory_with_its_networks():
    members = three_networks("elu")
    stack = StackedNetwork(members)
    taken = stack.member(0)
    stack_steps(stack, stack_optimiser(stack), range(1), own=False)
    for network in (members[0], taken):
        assert largest_difference(network, three_networks("elu")[0]) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [], "one or more"),
        (lambda: [*three_networks("elu"), *three_networks("selu")], "same layers"),
        (lambda: [nn.Sequential(nn.Linear(2, 2), nn.PReLU())], "PReLU does not stack"),
        (lambda: [nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False))], "BatchNorm1d"),
    ],
    ids=["none", "two kinds", "unknown layer", "unknown normalisation"],
)
def test_networks_that_do_not_stack_are_errors(make, message):
    with pytest.raises((ValueError, InputError), match=message):
        StackedNetwork(make())


@pytest.mark.parametrize("activation", ELEMENTWISE)
def test_elementwise_activations_stack(activation):
    def network(seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 4), activation(), nn.Linear(4, 10))

    with torch.random.fork_rng():
        members = [network(seed) for seed in range(2)]
    images = batch_of(0, own=False)[0]
    logits = StackedNetwork(members)(images)
    for mine, member in zip(logits, members, strict=True):
        assert torch.allclose(mine, member(images), atol=1e-5)


def test_seeds_must_be_as_many_as_networks():
    with pytest.raises(ValueError, match="3 networks need as many seeds, got 2"):
        StackedNetwork(three_networks("elu"), seeds=[1, 2])
