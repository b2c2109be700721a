"""A step by hand has the losses, gradients and weights of autograd and PyTorch's NAdam."""

from functools import partial
from itertools import product

import pytest
import torch
from backprop_samples import (
    BUILDERS,
    another_derivative,
    images_of,
    layers_and_optimiser,
    leave_out_a_product,
    network_of,
    standardisation,
    step_of,
    trains_as_autograd,
)
from controls import assert_rejects
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_samples import without_kernels
from torch import nn

from lightning_cifar import networks
from lightning_cifar.backprop import activations, cross_entropy, normalisation
from lightning_cifar.backprop import layers as rules
from lightning_cifar.backprop import tape as tapes
from lightning_cifar.backprop.cross_entropy import shares_of_images
from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.backprop.tape import Signal


@settings(max_examples=25, deadline=None)
@given(
    variant=st.sampled_from(sorted(BUILDERS)),
    members=st.integers(1, 4),
    depth=st.integers(1, 5),
    width=st.integers(1, 9),
    batch=st.integers(2, 9),
    own_images=st.booleans(),
    threads=st.integers(1, 3),
    few=st.sampled_from([0, activations.FEW]),
    compiled=st.booleans(),
)
def test_steps_are_those_of_autograd(
    variant, members, depth, width, batch, own_images, threads, few, compiled
):
    """Also where a product is cut into pieces for several threads, and both ways to ELU."""
    own_images = own_images and members > 1
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(activations, "FEW", few)
            if not compiled:
                without_kernels(patch)
            trains_as_autograd(
                variant,
                members=members,
                depth=depth,
                width=width,
                batch=batch,
                own_images=own_images,
            )()
    finally:
        torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "PyTorch"])
def kernels(request, monkeypatch):
    """Whose kernels make the steps."""
    if request.param == "PyTorch":
        without_kernels(monkeypatch)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("members", [1, 3])
def test_accumulated_gradients_are_those_of_autograd(members):
    trains_as_autograd("batch_norm", members=members, parts=3)()


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("sizes", [{}, {"members": 3}, {"members": 3, "own_images": True}], ids=str)
@pytest.mark.parametrize("parts", [1, 3])
def test_class_weights_are_those_of_autograd(sizes, parts):
    trains_as_autograd("batch_norm", weighted=True, parts=parts, **sizes)()


def plain_mean(labels, weights, out):
    """The weights as they are, divided by the number of images and not by their sum."""
    return torch.take(weights / labels.shape[-1], labels, out=out)


def of_the_next_class(labels, weights, out):
    """Each image has the weight of another class."""
    return shares_of_images(labels, weights.roll(1), out)


@pytest.mark.parametrize("wrong", [plain_mean, of_the_next_class])
@pytest.mark.parametrize("members", [1, 3])
def test_control_wrong_class_weights_are_noticed(monkeypatch, wrong, members):
    without_kernels(monkeypatch)
    monkeypatch.setattr(cross_entropy, "shares_of_images", wrong)
    assert_rejects(trains_as_autograd("elu", members=members, weighted=True))


def forgets_earlier_parts(step, part, is_last):
    """The gradients of a step are those of its last part."""


def test_control_forgotten_parts_are_noticed(monkeypatch):
    monkeypatch.setattr(Backpropagation, "accumulate", forgets_earlier_parts)
    assert_rejects(trains_as_autograd("elu", parts=3))


def constant_slope(tape, layer, inputs):
    """The slope of the negative side is that at 0."""
    signal = rules.elu(tape, layer, inputs)
    tape.backward_calls.pop(0)
    return signal


def slope_of_elu(tape, layer, inputs):
    """SELU's slope without its scale."""
    signal = rules.elu(tape, layer, inputs)
    tape.backward_calls.pop(0)
    backward = torch.ops.aten.elu_backward.grad_input
    both = (signal.gradient, 1.0, 1.0, 1.0, True, signal.value)
    tape.back(partial(backward, *both, grad_input=signal.gradient))
    return signal


@pytest.mark.parametrize(("variant", "wrong"), [("elu", constant_slope), ("selu", slope_of_elu)])
def test_control_a_wrong_derivative_is_noticed(monkeypatch, variant, wrong):
    another_derivative(monkeypatch, wrong)
    assert_rejects(trains_as_autograd(variant))


def test_control_a_product_that_is_left_out_is_noticed(monkeypatch):
    leave_out_a_product(monkeypatch)
    assert_rejects(trains_as_autograd("elu"))


def test_control_products_put_together_wrongly_are_noticed(monkeypatch):
    """A run of three layers whose gradients all go where the first one's belongs."""
    at_equal_distances = tapes.at_equal_distances

    def stacked(tensors):
        view = at_equal_distances(tensors)
        return view if view is None else view[:1].expand(view.shape).clone()

    monkeypatch.setattr(tapes, "at_equal_distances", stacked)
    assert_rejects(trains_as_autograd("elu", depth=5))


@pytest.fixture
def normalised_input(monkeypatch):
    """A network whose only normalisation is that of the input: then its shift has a gradient."""

    def build(depth, width, generator, *_):
        network = networks.elu_network(depth, width, generator)
        return network.insert(1, nn.BatchNorm1d(3072))

    monkeypatch.setitem(BUILDERS, "normalised input", build)
    return "normalised input"


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("members", [1, 3])
def test_input_is_normalised_as_by_autograd(normalised_input, members):
    trains_as_autograd(normalised_input, members=members)()


@pytest.mark.parametrize("left_out", ["scale", "shift", "scaling", "shifting"])
def test_control_a_wrong_gradient_of_the_normalisation_is_noticed(
    monkeypatch, normalised_input, left_out
):
    """One of the four things that follow the first layer's product is left out."""

    def without_one(weight, of_weight, per_feature, sums, scaled):
        scale, shift, of_scale, of_shift = per_feature
        changed = {
            "scale": (scale, shift, of_scale.clone(), of_shift),
            "shift": (scale, shift, of_scale, of_shift.clone()),
            "scaling": (torch.ones_like(scale), shift, of_scale, of_shift),
            "shifting": (scale, torch.zeros_like(shift), of_scale, of_shift),
        }[left_out]
        through_scale(weight, of_weight, changed, sums, scaled)

    through_scale = normalisation.through_scale
    monkeypatch.setattr(normalisation, "through_scale", without_one)
    assert_rejects(trains_as_autograd(normalised_input))


def test_equal_layers_share_one_product(monkeypatch):
    """However deep the network, its hidden weights' gradients are one call."""
    without_kernels(monkeypatch)
    few, many = (len(step_of("elu", depth=depth)[0]) for depth in (4, 9))
    per_layer = (many - few) / 5
    assert per_layer == 5, "product, bias, activation, derivative, gradient of the inputs"


class Shifted(nn.Module):
    """A layer that nobody has written a rule for."""

    def __init__(self, features):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(features, dtype=torch.float64))

    def forward(self, inputs):
        return torch.tanh(inputs + self.shift)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("biases", list(product([False, True], repeat=3)), ids=str)
def test_of_equal_layers_some_have_biases(monkeypatch, biases):
    """They lie at equal distances and could share a product, but not a sum for the biases."""

    def network(depth, width, generator):
        layers = [nn.Flatten(), nn.Linear(3072, 10), nn.ELU()]
        for bias in biases:
            layers += [nn.Linear(10, 10, bias=bias), nn.ELU()]
        return nn.Sequential(*layers[:-1])

    monkeypatch.setitem(BUILDERS, "elu", network)
    trains_as_autograd("elu")()


def test_unknown_layer_is_left_to_autograd(monkeypatch):
    network = network_of("elu")
    for place, layer in enumerate(network):
        if isinstance(layer, nn.ELU):
            network[place] = Shifted(5)
    monkeypatch.setitem(BUILDERS, "shifted", lambda *_: network)
    trains_as_autograd("shifted")()


def test_activation_after_activation_keeps_what_its_gradient_needs(monkeypatch):
    network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 5), nn.ELU(), nn.SELU(), nn.Linear(5, 10))
    monkeypatch.setitem(BUILDERS, "twice", lambda *_: network.double())
    trains_as_autograd("twice")()


def test_hooks_on_a_layer_are_called():
    network, optimiser, _ = layers_and_optimiser([network_of("elu")], "cpu")
    totals = torch.zeros(2, 1, dtype=torch.float64)
    step = Backpropagation(network, standardisation(), optimiser, 1, totals)
    seen = []
    network[2].register_forward_hook(lambda *_: seen.append(1))
    for number in range(3):
        step.prepare()
        step(*images_of(number, 4))
    assert len(seen) >= 3


@pytest.mark.usefixtures("kernels")
def test_dropout_draws_what_pytorch_draws():
    """The same seed gives the masks of ``nn.AlphaDropout``: the losses and gradients agree."""
    network = network_of("selu")
    network.insert(len(network) - 1, nn.AlphaDropout(0.3))
    ours, optimiser, _ = layers_and_optimiser([network], "cpu")
    totals = torch.zeros(2, 1, dtype=torch.float64)
    step = Backpropagation(ours, standardisation(), optimiser, 1, totals)
    step.prepare()
    images, labels = images_of(0, 8)
    loss = float(step(images, labels, lambda: torch.manual_seed(7)))
    mine = [each.grad.clone() for each in ours.parameters()]
    torch.manual_seed(7)
    expected = nn.functional.cross_entropy(ours(standardisation()(images)), labels)
    gradients = torch.autograd.grad(expected, list(ours.parameters()))
    assert loss == pytest.approx(float(expected.detach()), abs=1e-12)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(mine, gradients, strict=True))
    other = float(step(images, labels, lambda: torch.manual_seed(8)))
    assert other != pytest.approx(loss, abs=1e-6), "the seed does nothing"


def test_moved_weights_are_found_again():
    """After a stack was cut, or a module moved, the calls are made for where the weights are."""
    network, optimiser, _ = layers_and_optimiser([network_of("elu")], "cpu")
    totals = torch.zeros(2, 1, dtype=torch.float64)
    step = Backpropagation(network, standardisation(), optimiser, 1, totals)
    step.prepare()
    before = float(step(*images_of(0, 4)))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.data = parameter.data.clone() * 0
    step.prepare()
    after = float(step(*images_of(0, 4)))
    assert after == pytest.approx(torch.tensor(10.0).log().item())
    assert after != pytest.approx(before)


def test_signal_says_whether_it_is_read_again():
    assert not Signal(torch.zeros(1), None).is_read_back
