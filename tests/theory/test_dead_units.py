"""Question 4: dead neurons, and what brings one back."""

import dataclasses
import math

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.activations.dead_units import (
    INPUTS,
    HiddenLayer,
    draw_problem,
    steps_to_return,
    switched_off,
    train,
)
from theory.activations.demo import RRELU_SLOPES
from theory.nonlinearities import (
    ELU,
    LEAKY_RELU,
    RELU,
    SELU,
    TANH,
    leaky_relu,
)

SEEDS = st.integers(0, 2**32)


OPTIMIZERS = {
    "gradient descent": lambda tensors: torch.optim.SGD(tensors, lr=0.05),
    "momentum": lambda tensors: torch.optim.SGD(tensors, lr=0.05, momentum=0.9),
    "Nesterov": lambda tensors: torch.optim.SGD(tensors, lr=0.05, momentum=0.9, nesterov=True),
    "Adam": lambda tensors: torch.optim.Adam(tensors, lr=0.01),
    "NAdam": lambda tensors: torch.optim.NAdam(tensors, lr=0.01),
    "RMSprop": lambda tensors: torch.optim.RMSprop(tensors, lr=0.01),
}


LOSSES = {
    "squared error": nn.functional.mse_loss,
    "absolute error": nn.functional.l1_loss,
    "Huber": nn.functional.huber_loss,
}


@st.composite
def problems(draw):
    """A drawn hidden layer with neuron 0 switched off, its inputs and targets."""
    neurons, examples = draw(st.integers(2, 6)), draw(st.integers(2, 12))
    generator = seeded(draw(SEEDS))
    layer, inputs, targets = draw_problem(neurons=neurons, examples=examples, generator=generator)
    return switched_off(layer, inputs), inputs, targets


def copies(layer):
    return [
        tensor.clone().requires_grad_() for tensor in (layer.weight, layer.bias, layer.outgoing)
    ]


def outputs(nonlinearity, tensors, inputs):
    weight, bias, outgoing = tensors
    return nonlinearity.value(inputs @ weight.T + bias) @ outgoing


@given(problems())
@settings(max_examples=30)
def test_problems_have_their_first_neuron_switched_off(problem):
    layer, inputs, targets = problem
    before = inputs @ layer.weight.T + layer.bias
    assert (before[:, 0] <= -1 + 1e-12).all()
    assert layer.stuck(RELU, inputs)[0]
    assert not layer.bias[1:].any()
    assert inputs.shape == (len(targets), INPUTS)


def test_problems_reach_a_layer_whose_other_neurons_all_work():
    layer, inputs, _ = find(problems(), lambda p: not p[0].stuck(RELU, p[1])[1:].any())
    assert layer.stuck(RELU, inputs).sum() == 1


def test_drawn_weights_have_hes_variance():
    layer, inputs, targets = draw_problem(neurons=5000, examples=20_000, generator=seeded())
    # Relative standard error of a normal sample's variance: sqrt(2 / n); 6.2 of them.
    for sample, variance in ((layer.weight, 2 / INPUTS), (layer.outgoing, 1), (inputs, 1)):
        band = 6.2 * math.sqrt(2 / sample.numel())
        assert float((sample**2).mean()) == pytest.approx(variance, rel=band)
    band = 6.2 * math.sqrt(2 / len(targets))
    assert float((targets**2).mean()) == pytest.approx(INPUTS + 1, rel=band)
    noise = targets - inputs.sum(dim=1)
    assert float((noise**2).mean()) == pytest.approx(1, rel=band)


def stays_off(nonlinearity):
    """The property that a neuron below zero on every example never moves, bit for bit."""

    @given(problems(), st.sampled_from(sorted(OPTIMIZERS)), st.sampled_from(sorted(LOSSES)))
    @settings(max_examples=40)
    def check(problem, optimizer, loss):
        layer, inputs, targets = problem
        tensors = copies(layer)
        optimizer = OPTIMIZERS[optimizer](tensors)
        for _ in range(3):
            optimizer.zero_grad()
            LOSSES[loss](outputs(nonlinearity, tensors, inputs), targets).backward()
            assert not tensors[0].grad[0].any()
            assert tensors[1].grad[0] == 0
            optimizer.step()
        assert torch.equal(tensors[0][0].detach(), layer.weight[0])
        assert tensors[1][0] == layer.bias[0]
        moved = [
            not torch.equal(after.detach(), before)
            for after, before in zip(
                tensors, (layer.weight, layer.bias, layer.outgoing), strict=True
            )
        ]
        assert any(moved) or layer.stuck(nonlinearity, inputs).all()

    return check


def test_a_relu_neuron_below_zero_stays_off():
    stays_off(RELU)()


@pytest.mark.parametrize(
    "nonlinearity", [LEAKY_RELU, leaky_relu(0.25, "PReLU"), ELU, SELU], ids=lambda f: f.name
)
def test_a_neuron_with_a_slope_does_not(nonlinearity):
    with rejected():
        stays_off(nonlinearity)()


def test_momentum_gathered_earlier_moves_a_dead_neuron():
    """The limit of the claim: a buffer that is not empty goes on moving the weights."""
    layer, inputs, targets = draw_problem(neurons=20, examples=8, generator=seeded())
    tensors = copies(layer)
    optimizer = torch.optim.SGD(tensors, lr=0.1, momentum=0.9)
    nn.functional.mse_loss(outputs(RELU, tensors, inputs), targets).backward()
    optimizer.step()
    alive = int(tensors[0].grad.abs().sum(dim=1).argmax())
    with torch.no_grad():
        tensors[1][alive] = -100.0
    before = tensors[0][alive].detach().clone()
    optimizer.zero_grad()
    nn.functional.mse_loss(outputs(RELU, tensors, inputs), targets).backward()
    assert not tensors[0].grad[alive].any()
    optimizer.step()
    assert not torch.equal(tensors[0][alive].detach(), before)


def has_gradients(nonlinearity, gradients):
    @given(problems())
    @settings(max_examples=40)
    def check(problem):
        layer, inputs, targets = problem
        tensors = copies(layer)
        loss = nn.functional.mse_loss(outputs(nonlinearity, tensors, inputs), targets) / 2
        wanted = torch.autograd.grad(loss, tensors)
        for found, one in zip(gradients(layer, inputs, targets), wanted, strict=True):
            assert torch.allclose(found, one, rtol=1e-10, atol=1e-12)

    return check


@pytest.mark.parametrize("nonlinearity", [RELU, LEAKY_RELU, ELU, TANH], ids=lambda f: f.name)
def test_gradients_are_those_of_autograd(nonlinearity):
    has_gradients(nonlinearity, lambda layer, *data: layer.gradients(nonlinearity, *data))()


def test_gradients_of_a_linear_layer_are_rejected():
    linear = dataclasses.replace(RELU, derivative=torch.ones_like)
    with rejected():
        has_gradients(RELU, lambda layer, *data: layer.gradients(linear, *data))()


def never_comes_back(step):
    """The property that under ``step(layer, gradients, buffer)`` stuck neurons stay stuck."""

    @given(SEEDS)
    @settings(max_examples=60)
    def check(seed):
        layer, inputs, targets = draw_problem(neurons=16, examples=8, generator=seeded(seed))
        stuck = layer.stuck(RELU, inputs)
        buffer = tuple(
            torch.zeros_like(part) for part in (layer.weight, layer.bias, layer.outgoing)
        )
        for _ in range(25):
            layer, buffer = step(layer, layer.gradients(RELU, inputs, targets), buffer)
            now = layer.stuck(RELU, inputs)
            if not layer.weight.isfinite().all():
                return
            assert (now | ~stuck).all()
            stuck = now

    return check


def plain_step(layer, gradients, buffer):
    return layer.moved(gradients, 0.1), buffer


def momentum_step(layer, gradients, buffer):
    buffer = tuple(0.9 * old + new for old, new in zip(buffer, gradients, strict=True))
    return layer.moved(buffer, 0.1), buffer


def test_under_plain_gradient_descent_stuck_neurons_stay_stuck():
    never_comes_back(plain_step)()


def test_under_momentum_some_come_back():
    with rejected():
        never_comes_back(momentum_step)()


def test_training_reports_what_moved():
    weight = torch.tensor([[1.0, 0, 0], [0, 2.0, 0]], dtype=torch.float64)
    bias = torch.tensor([-5.0, 1.0], dtype=torch.float64)
    outgoing = torch.tensor([1.0, 1.0], dtype=torch.float64)
    layer = HiddenLayer(weight, bias, outgoing)
    inputs = torch.tensor([[1.0, 1.0, 1.0]], dtype=torch.float64)
    targets = torch.tensor([1.0], dtype=torch.float64)
    off = train(RELU, layer, inputs, targets, learning_rate=0.25, steps=1)
    # Neuron 1 gives 3, an error of 2, which passes back to its weights, bias and output weight.
    assert (off.stuck_before, off.stuck_after) == (1, 1)
    assert (off.first_gradient, off.first_move, off.largest_move) == (0.0, 0.0, 0.5)
    on = train(leaky_relu(0.5), layer, inputs, targets, learning_rate=0.25, steps=1)
    # Neuron 0 now gives -2, so the error is 0, and nothing moves.
    assert on == dataclasses.replace(off, stuck_before=0, stuck_after=0, largest_move=0.0)
    twice = train(RELU, layer, inputs, targets + 1, learning_rate=0.25, steps=2)
    once = train(RELU, layer, inputs, targets + 1, learning_rate=0.25, steps=1)
    assert twice.largest_move != once.largest_move


@pytest.mark.parametrize(
    ("example", "target", "gradient"),
    # Neuron 0 gives 3.5 and 1, neuron 1 gives 3 and 1.5: errors of 4 and 2, which pass back to
    # neuron 0's bias as they are and to its weights multiplied by the inputs.
    [([3.0, 1.0, 1.0], 2.5, 12.0), ([0.5, 0.25, 0.25], 0.5, 2.0)],
    ids=["weight", "bias"],
)
@pytest.mark.parametrize("steps", [1, 2])
def test_the_first_gradient_is_the_largest_entry_of_neuron_0_at_the_start(
    example, target, gradient, steps
):
    weight = torch.tensor([[1.0, 0, 0], [0, 2.0, 0]], dtype=torch.float64)
    bias = torch.tensor([0.5, 1.0], dtype=torch.float64)
    layer = HiddenLayer(weight, bias, torch.ones(2, dtype=torch.float64))
    inputs = torch.tensor([example], dtype=torch.float64)
    targets = torch.tensor([target], dtype=torch.float64)
    trained = train(RELU, layer, inputs, targets, learning_rate=0.01, steps=steps)
    assert trained.first_gradient == gradient


def test_a_step_goes_down_the_gradient():
    layer, *_ = draw_problem(neurons=2, examples=3, generator=seeded())
    parts = (layer.weight, layer.bias, layer.outgoing)
    moved = layer.moved(tuple(torch.full_like(part, 2.0) for part in parts), 0.25)
    assert torch.equal(moved.weight, layer.weight - 0.5)
    assert torch.equal(moved.bias, layer.bias - 0.5)
    assert torch.equal(moved.outgoing, layer.outgoing - 0.5)


def test_a_network_that_has_blown_up_is_not_stuck():
    nothing = torch.full((2, INPUTS), math.nan, dtype=torch.float64)
    layer = HiddenLayer(nothing, nothing[:, 0], nothing[:, 0])
    assert not layer.stuck(RELU, torch.ones(4, INPUTS, dtype=torch.float64)).any()


@pytest.mark.parametrize("slope", [0.003, 0.01, 0.05, 0.2])
def test_the_way_back_is_longer_the_smaller_the_slope(slope):
    """The bias follows b' = s (1 - s b) / 2 from -2 to 0: 2 ln(1 + 2 s) / s^2 steps."""
    steps = steps_to_return(lambda: leaky_relu(slope), limit=10_000)
    predicted = 2 * math.log(1 + 2 * slope) / slope**2
    # Above zero the error halves at every step: about seven more.
    assert predicted - 1 <= steps <= predicted + 12


def test_a_relu_neuron_never_comes_back():
    assert steps_to_return(lambda: RELU, limit=50) == 51
    assert steps_to_return(lambda: LEAKY_RELU, limit=50) == 51


def test_the_way_back_by_hand():
    line = leaky_relu(1.0)
    # From -2 the error -3 shrinks by 1/2 a step: 3 / 2^9 is the first below 0.01.
    assert steps_to_return(lambda: line, learning_rate=0.5) == 9
    assert steps_to_return(lambda: line, learning_rate=1.0) == 1
    assert steps_to_return(lambda: line, learning_rate=0.5, limit=9) == 9
    assert steps_to_return(lambda: line, learning_rate=0.5, limit=8) == 9


def test_a_slope_drawn_at_every_step_leads_back_too():
    generator = seeded()
    low, high = RRELU_SLOPES

    def drawn():
        return leaky_relu(low + (high - low) * float(torch.rand((), generator=generator)))

    fastest, slowest = (steps_to_return(lambda s=s: leaky_relu(s)) for s in (high, low))
    assert fastest <= steps_to_return(drawn) <= slowest
