"""FlatNAdam takes the very steps of torch.optim.NAdam, in whatever way it is driven."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.optim import optimizer as every_optimiser
from torch.optim.lr_scheduler import ExponentialLR

from lightning_cifar.optim.flat_nadam import FlatNAdam

STEPS = 50


@pytest.fixture(autouse=True)
def double_precision():
    """PyTorch's NAdam keeps its momentum product in the default dtype, whatever the weights'."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def small_network(seed):
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(7, 5), nn.ELU(), nn.Linear(5, 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=generator)
    return network


def loss_of(network, step):
    generator = torch.Generator().manual_seed(step)
    return network(torch.randn(4, 7, generator=generator)).square().mean()


def train(network, optimiser, steps, scheduler=None):
    for step in steps:
        optimiser.zero_grad()
        loss_of(network, step).backward()
        optimiser.step()
        if scheduler is not None:
            scheduler.step()


def largest_difference(network, other):
    pairs = zip(network.parameters(), other.parameters(), strict=True)
    return max(float((mine - theirs).detach().abs().max()) for mine, theirs in pairs)


def equals_nadam(make_optimiser):
    """A check that ``make_optimiser`` gives PyTorch's steps, constant rate and changing rate."""

    def check():
        for decay in (1.0, 0.9):
            ours, theirs = small_network(0), small_network(0)
            optimiser = make_optimiser(ours.parameters())
            reference = torch.optim.NAdam(theirs.parameters(), lr=0.02)
            train(ours, optimiser, range(STEPS), ExponentialLR(optimiser, decay))
            train(theirs, reference, range(STEPS), ExponentialLR(reference, decay))
            assert largest_difference(ours, small_network(0)) > 0.01
            assert largest_difference(ours, theirs) < 1e-12

    return check


def flat_nadam(parameters, **options):
    return FlatNAdam(parameters, lr=0.02, **options)


def test_steps_are_those_of_nadam():
    equals_nadam(flat_nadam)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda parameters: torch.optim.Adam(parameters, lr=0.02),
        lambda parameters: flat_nadam(parameters, momentum_decay=0.0),
        lambda parameters: flat_nadam(parameters, eps=1e-7),
        lambda parameters: flat_nadam(parameters, rates=None, betas=(0.9, 0.99)),
    ],
    ids=["adam", "no momentum decay", "larger epsilon", "other beta"],
)
def test_other_steps_are_rejected(wrong):
    with pytest.raises(AssertionError):
        equals_nadam(wrong)()


def test_parameters_are_views_of_one_buffer():
    network = small_network(0)
    FlatNAdam(network.parameters())
    addresses = {each.untyped_storage().data_ptr() for each in network.parameters()}
    assert len(addresses) == 1
    assert largest_difference(network, small_network(0)) == 0


def resumes_bitwise(interrupt):
    """A check that training goes on as if nothing had happened after ``interrupt``."""

    def check():
        whole, halted = small_network(0), small_network(0)
        train(whole, flat_nadam(whole.parameters()), range(20))
        optimiser = flat_nadam(halted.parameters())
        train(halted, optimiser, range(10))
        network, optimiser = interrupt(halted, optimiser)
        train(network, optimiser, range(10, 20))
        assert largest_difference(network, whole) == 0

    return check


def saved_and_loaded(network, optimiser):
    file = io.BytesIO()
    torch.save([network.state_dict(), optimiser.state_dict()], file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    fresh = small_network(1)
    another = flat_nadam(fresh.parameters())
    train(fresh, another, range(3))
    fresh.load_state_dict(weights)
    another.load_state_dict(state)
    train(network, optimiser, range(3))  # the old pair goes on; nothing may be shared with it
    return fresh, another


def copied(network, optimiser):
    return copy.deepcopy((network, optimiser))


def moved_out_of_the_buffer(network, optimiser):
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()
    return network, optimiser


def moments_forgotten(network, optimiser):
    return network, flat_nadam(network.parameters())


@pytest.mark.parametrize("interrupt", [saved_and_loaded, copied, moved_out_of_the_buffer])
def test_training_resumes_bitwise(interrupt):
    resumes_bitwise(interrupt)()


def test_forgotten_moments_are_noticed():
    with pytest.raises(AssertionError):
        resumes_bitwise(moments_forgotten)()


def test_closure_is_evaluated_with_gradients_and_its_loss_returned():
    network = small_network(0)
    optimiser = flat_nadam(network.parameters())

    def closure():
        optimiser.zero_grad()
        loss = loss_of(network, 0)
        loss.backward()
        return loss.item()

    first = optimiser.step(closure)
    assert first == loss_of(small_network(0), 0).item()
    assert closure() < first


def test_step_without_any_gradient_changes_nothing():
    network = small_network(0)
    optimiser = flat_nadam(network.parameters())
    optimiser.step()
    assert largest_difference(network, small_network(0)) == 0
    assert optimiser.state[network[0].weight]["step"] == 0


def test_missing_gradient_is_an_error():
    network = small_network(0)
    optimiser = flat_nadam(network.parameters())
    network[0](torch.ones(1, 7)).sum().backward()
    with pytest.raises(RuntimeError, match="2 of 4 parameters have no gradient"):
        optimiser.step()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "must not be negative"),
        ({"betas": (0.9, 1.0)}, "betas must lie"),
        ({"rates": torch.ones(3)}, "another number"),
    ],
)
def test_impossible_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        FlatNAdam(small_network(0).parameters(), **options)


def stacked_parameters():
    """Three members of one weight (3, 2, 4) and one bias (3, 2)."""
    generator = torch.Generator().manual_seed(5)
    shapes = ((3, 2, 4), (3, 2))
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def give_gradients(parameters, step):
    for place, parameter in enumerate(parameters):
        generator = torch.Generator().manual_seed(10 * step + place)
        gradient = torch.randn((3, *parameter.shape[1:]), generator=generator)
        parameter.grad = gradient[: len(parameter)] if len(parameter) < 3 else gradient


def gives_each_member_its_rate(make_rates):
    """A check that every member steps as alone with its own rate."""
    rates = torch.tensor([0.1, 0.0, 0.003])

    def check():
        stack = stacked_parameters()
        optimiser = FlatNAdam(stack, lr=1.0, rates=make_rates(rates))
        references = [
            [nn.Parameter(each[member].detach().clone()) for each in stack] for member in range(3)
        ]
        alone = [
            torch.optim.NAdam(parameters, lr=float(rate))
            for parameters, rate in zip(references, rates, strict=True)
        ]
        for step in range(20):
            give_gradients(stack, step)
            optimiser.step()
            for member, reference in enumerate(alone):
                for parameter, stacked in zip(references[member], stack, strict=True):
                    parameter.grad = stacked.grad[member]
                reference.step()
        for member in range(3):
            for parameter, stacked in zip(references[member], stack, strict=True):
                assert float((stacked[member] - parameter).detach().abs().max()) < 1e-12

    return check


def test_every_member_has_its_rate():
    gives_each_member_its_rate(lambda rates: rates)()


@pytest.mark.parametrize(
    "wrong", [lambda rates: rates.flip(0), lambda rates: rates * 0 + 0.1], ids=["flipped", "equal"]
)
def test_wrong_rates_are_rejected(wrong):
    with pytest.raises(AssertionError):
        gives_each_member_its_rate(wrong)()


@pytest.mark.parametrize("alone", [False, True], ids=["two parameters", "one parameter"])
def test_kept_members_go_on_undisturbed(alone):
    rates = torch.tensor([0.1, 0.2, 0.3])
    whole, cut = (stacked_parameters()[: 1 if alone else 2] for _ in range(2))
    undisturbed, shrinking = (FlatNAdam(each, lr=1.0, rates=rates) for each in (whole, cut))
    for step in range(10):
        if step == 5:
            for parameter in cut:
                parameter.data = parameter.data[:2].clone()
            shrinking.keep(torch.tensor([0, 1]))
        give_gradients(whole, step)
        give_gradients(cut, step)
        undisturbed.step()
        shrinking.step()
    for parameter, other in zip(cut, whole, strict=True):
        assert torch.equal(parameter, other[:2])
        assert not torch.equal(parameter, stacked_parameters()[other.ndim == 2][:2])


def attached(network, groups=None, **options):
    """An optimiser of a network's parameters, whose gradients are parts of its buffers."""
    optimiser = FlatNAdam(groups or list(network.parameters()), lr=0.01, **options)
    optimiser.attach_gradients()
    return optimiser


def write_gradients(network, step):
    gradients = torch.autograd.grad(loss_of(network, step), list(network.parameters()))
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        parameter.grad.copy_(gradient)


def train_attached(network, optimiser, step, steps=10):
    for number in range(steps):
        write_gradients(network, number)
        step(optimiser)


@pytest.mark.parametrize("orthogonal", [False, True])
def test_a_step_from_attached_gradients_is_a_step(orthogonal):
    weights = []
    for step in (FlatNAdam.step, FlatNAdam.step_attached):
        network = small_network(0)
        matrices, others = [network[0].weight], [*network.parameters()][1:]
        groups = [{"params": matrices, "orthogonal": True}, {"params": others}]
        train_attached(network, attached(network, groups if orthogonal else None), step)
        weights.append([parameter.detach().clone() for parameter in network.parameters()])
    for one, other in zip(*weights, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", ["pre", "post"])
@pytest.mark.parametrize("of_all", [False, True])
def test_hooks_on_steps_are_called(kind, of_all):
    network, calls = small_network(0), []
    optimiser = attached(network)
    owner = every_optimiser if of_all else optimiser
    name = f"register_optimizer_step_{kind}_hook" if of_all else f"register_step_{kind}_hook"
    handle = getattr(owner, name)(lambda *_: calls.append(1))
    try:
        train_attached(network, optimiser, FlatNAdam.step_attached, steps=3)
    finally:
        handle.remove()
    assert len(calls) == 3
    train_attached(network, optimiser, FlatNAdam.step_attached, steps=3)
    assert len(calls) == 3


def test_a_schedule_sees_the_step(recwarn):
    network = small_network(0)
    optimiser = attached(network)
    schedule = ExponentialLR(optimiser, 0.5)
    train_attached(network, optimiser, FlatNAdam.step_attached, steps=1)
    schedule.step()
    assert [str(each.message) for each in recwarn if "lr_scheduler" in str(each.message)] == []
    other = attached(small_network(0))
    ExponentialLR(other, 0.5).step()  # control
    assert any("lr_scheduler" in str(each.message) for each in recwarn)
