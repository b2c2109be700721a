"""Question 4: dead neurons, ranges, losses and softmax, and who has which property."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rejection import rejected
from torch import nn

from theory.activations import evidence as judged
from theory.activations.bounded_evidence import gradient_kept, line_of_inputs
from theory.activations.dead_units import (
    INPUTS,
    HiddenLayer,
    draw_problem,
    steps_to_return,
    switched_off,
    train,
)
from theory.activations.demo import RRELU_SLOPES, demonstrate, functions
from theory.activations.figure import draw
from theory.activations.operations import operations
from theory.activations.recurrent import (
    CELLS,
    gru_cell,
    largest_hidden_state,
    lstm_cell,
    simple_cell,
)
from theory.activations.softmax import (
    backward_factor,
    best_log_loss,
    independent_logistics,
    log_loss,
    probability_within,
    softmax,
    softmax_over_batch,
)
from theory.errors import DomainError
from theory.nonlinearities import (
    ELU,
    LEAKY_RELU,
    LOGISTIC,
    RELU,
    SELU,
    TANH,
    Nonlinearity,
    leaky_relu,
)
from theory.signal import LECUN, propagate
from theory.statistics import mean_band

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


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


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


# Dead neurons.


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


# Zeros and operations.


def half_are_zero(nonlinearity):
    @given(SEEDS, st.integers(1, 40), st.floats(0.0, 0.9))
    @settings(max_examples=15)
    def check(seed, size, dropped):
        generator = seeded(seed)
        inputs = torch.randn(size, generator=generator, dtype=torch.float64)
        inputs[1:][torch.rand(size - 1, generator=generator) < dropped] = 0.0
        share = judged.share_of_zeros(nonlinearity, inputs, generator)
        # 15 examples at 1e-10 each.
        assert abs(share - 0.5) <= mean_band(judged.NEURONS, 1e-10)

    return check


def test_half_of_relus_activations_are_zero_however_sparse_the_input():
    half_are_zero(RELU)()


@pytest.mark.parametrize("nonlinearity", [TANH, SELU, ELU, LEAKY_RELU], ids=lambda f: f.name)
def test_other_functions_have_no_zeros(nonlinearity):
    with rejected():
        half_are_zero(nonlinearity)()
    inputs = torch.ones(3, dtype=torch.float64)
    assert judged.share_of_zeros(nonlinearity, inputs, seeded()) == 0


def test_operations_are_listed_in_order():
    assert operations(RELU) == ["clamp"]
    assert operations(TANH) == ["tanh"]
    double = Nonlinearity("double", lambda x: torch.exp(x) * 2, torch.ones_like)
    assert operations(double) == ["exp", "mul"]


def test_sparse_input_keeps_one_entry_in_sixteen():
    dense, sparse = judged._inputs(seeded())
    assert int((sparse != 0).sum()) == 4
    assert torch.equal(sparse[::16], dense[::16])
    assert bool((dense != 0).all())


def keeps_positive_scale(nonlinearity):
    @given(st.floats(-1e3, 1e3), st.integers(-20, 20))
    def check(number, power):
        x = torch.tensor(number, dtype=torch.float64)
        once = nonlinearity.value(x)
        assert nonlinearity.value(x * 2.0**power) == once * 2.0**power
        assert nonlinearity.value(once) == once
        assert nonlinearity.derivative(x) in (0.0, 1.0)

    return check


def test_relu_is_homogeneous_and_idempotent():
    keeps_positive_scale(RELU)()


@pytest.mark.parametrize("nonlinearity", [LEAKY_RELU, ELU, TANH], ids=lambda f: f.name)
def test_others_are_not(nonlinearity):
    with rejected():
        keeps_positive_scale(nonlinearity)()


# Bounded functions.

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def lies_between(nonlinearity, low, high):
    @given(FINITE)
    def check(number):
        value = float(nonlinearity.value(torch.tensor(number, dtype=torch.float64)))
        assert low <= value <= high

    return check


@pytest.mark.parametrize(
    ("nonlinearity", "low", "high"), [(TANH, -1, 1), (LOGISTIC, 0, 1)], ids=["tanh", "logistic"]
)
def test_bounded_functions_keep_their_range(nonlinearity, low, high):
    lies_between(nonlinearity, low, high)()
    with rejected():
        lies_between(SELU, low, high)()


@given(st.floats(-18, 18))
def test_tanh_reaches_its_ends_only_by_rounding(number):
    assert abs(math.tanh(number)) < 1
    assert abs(float(TANH.value(torch.tensor(number, dtype=torch.float64)))) < 1


def is_tanh(computed):
    @given(FINITE)
    def check(number):
        x = torch.tensor(number, dtype=torch.float64)
        assert abs(float(TANH.value(x) - computed(x))) <= 1e-15

    return check


def test_tanh_is_a_rescaled_logistic_function():
    is_tanh(lambda x: 2 * LOGISTIC.value(2 * x) - 1)()
    with rejected():
        is_tanh(lambda x: 2 * LOGISTIC.value(x) - 1)()


def has_steepest_slope(nonlinearity, slope):
    @given(FINITE)
    def check(number):
        x = torch.tensor(number, dtype=torch.float64)
        assert 0 <= nonlinearity.derivative(x) <= slope * (1 + 1e-15)
        assert nonlinearity.derivative(torch.zeros_like(x)) == slope

    return check


def test_tanh_is_four_times_as_steep():
    has_steepest_slope(TANH, 1.0)()
    has_steepest_slope(LOGISTIC, 0.25)()
    with rejected():
        has_steepest_slope(SELU, 1.0)()


def test_lines_of_inputs_are_even_and_reach_far():
    inputs = line_of_inputs(3.0)
    assert torch.allclose(inputs[:-2], -inputs[:-2].flip(0))
    assert (float(inputs[0]), float(inputs[1200])) == (-3.0, 3.0)
    assert inputs[-2:].tolist() == [-1e300, 1e300]


def test_kept_gradients_are_those_of_twenty_layers():
    signal = propagate(TANH, depth=20, weight_variance=LECUN)
    assert gradient_kept(TANH) == signal.log10_gradient


# Recurrent cells.


def loaded(module, weight_in, weight_back):
    with torch.no_grad():
        module.weight_ih.copy_(weight_in.T)
        module.weight_hh.copy_(weight_back.T)
    return module


CELL_MODULES = {
    "simple recurrent cell": (simple_cell, nn.RNNCell),
    "LSTM": (lstm_cell, nn.LSTMCell),
    "GRU": (gru_cell, nn.GRUCell),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_torchs(name):
    cell, module = CELL_MODULES[name]
    gates = CELLS[name][1]
    generator = seeded()
    size = 5

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    weight_in, weight_back = draw(size, gates * size), draw(size, gates * size)
    inputs, state = draw(3, size), (draw(3, size), draw(3, size))
    with torch.random.fork_rng():
        reference = module(size, size, bias=False, dtype=torch.float64)
    reference = loaded(reference, weight_in, weight_back)
    wanted = reference(inputs, state if name == "LSTM" else state[0])
    found = cell(inputs, state, weight_in, weight_back, torch.tanh)
    for one, other in zip(found, wanted if name == "LSTM" else (wanted,), strict=False):
        assert torch.allclose(one, other.detach(), rtol=1e-12)
    assert CELLS[name][0] is cell


def keeps_states_within_one(cell_of):
    @given(st.sampled_from(sorted(CELLS)), st.floats(0.1, 30), SEEDS)
    @settings(max_examples=30)
    def check(name, scale, seed):
        assert cell_of(name, scale=scale, generator=seeded(seed), size=4, steps=8) <= 1

    return check


def test_hidden_states_lie_within_one():
    keeps_states_within_one(largest_hidden_state)()


def test_those_of_a_cell_without_tanh_do_not():
    with rejected():
        keeps_states_within_one(partial(largest_hidden_state, squash=torch.relu))()


def test_a_state_that_runs_away_ends_the_run():
    found = largest_hidden_state(
        "simple recurrent cell", scale=30.0, generator=seeded(), squash=torch.relu
    )
    assert found == 1e6


def test_sequences_have_inputs_of_their_own():
    found = largest_hidden_state(
        "simple recurrent cell", scale=0.3, generator=seeded(3), size=4, steps=5
    )
    generator = seeded(3)

    def draw(*shape):
        return 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)

    weight_in, weight_back = draw(4, 4), draw(4, 4)
    state, largest = torch.zeros(64, 4, dtype=torch.float64), 0.0
    for _ in range(5):
        state = torch.tanh(draw(64, 4) @ weight_in + state @ weight_back)
        largest = max(largest, float(state.abs().max()))
    assert found == pytest.approx(largest, rel=1e-12)


def test_hidden_states_grow_with_the_weights():
    small, large = (
        largest_hidden_state("LSTM", scale=scale, generator=seeded()) for scale in (0.1, 3.0)
    )
    assert small < 0.1 < 0.9 < large


def test_hidden_states_come_from_the_generator_alone():
    one, same, other = (
        largest_hidden_state("GRU", scale=1.0, generator=seeded(seed)) for seed in (1, 1, 2)
    )
    assert one == same != other


# Softmax and losses.

SCORES = arrays.arrays(
    "float64", st.tuples(st.integers(2, 5), st.integers(2, 6)), elements=st.floats(-1e4, 1e4)
).map(torch.from_numpy)


def is_a_distribution(normalisation):
    @given(SCORES, st.floats(-1e3, 1e3), SEEDS)
    def check(scores, shift, seed):
        probabilities = normalisation(scores)
        assert (probabilities >= 0).all()
        assert (probabilities <= 1).all()
        assert torch.allclose(probabilities.sum(-1), torch.ones(len(scores), dtype=torch.float64))
        shifted = normalisation(scores + shift)
        assert torch.allclose(shifted, probabilities, atol=1e-9)
        order = torch.randperm(scores.shape[1], generator=seeded(seed))
        assert torch.allclose(normalisation(scores[:, order]), probabilities[:, order], atol=1e-12)
        best = scores.argmax(-1, keepdim=True)
        assert torch.equal(probabilities.gather(1, best)[:, 0], probabilities.amax(-1))

    return check


def test_softmax_gives_a_distribution():
    is_a_distribution(softmax)()
    scores = torch.randn(7, 4, generator=seeded(), dtype=torch.float64)
    assert torch.allclose(softmax(scores), torch.softmax(scores, -1), rtol=1e-13)
    assert torch.allclose(softmax_over_batch(scores), torch.softmax(scores, 0), rtol=1e-13)
    assert torch.allclose(independent_logistics(scores), torch.sigmoid(scores), rtol=1e-13)


@pytest.mark.parametrize(
    "wrong",
    [
        softmax_over_batch,
        independent_logistics,
        lambda scores: torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True),
        lambda scores: scores / scores.sum(-1, keepdim=True),
        lambda scores: softmax(-scores),
    ],
    ids=["over the batch", "logistics", "overflow", "no exponential", "sign"],
)
def test_what_is_no_softmax_is_rejected(wrong):
    with rejected():
        is_a_distribution(wrong)()


def two_labels_cost_two_bits(normalisation):
    @given(SCORES)
    def check(scores):
        labels = torch.zeros_like(scores)
        labels[:, :2] = 1
        losses = log_loss(normalisation(scores / 100), labels)
        assert (losses >= 2 * math.log(2) - 1e-9).all()

    return check


def test_softmax_cannot_give_two_labels_their_due():
    two_labels_cost_two_bits(softmax)()
    with rejected():
        two_labels_cost_two_bits(independent_logistics)()


def test_log_loss_is_torchs():
    generator = seeded()
    probabilities = torch.rand(6, 4, generator=generator, dtype=torch.float64)
    labels = (torch.rand(6, 4, generator=generator) < 0.5).double()
    wanted = nn.functional.binary_cross_entropy(probabilities, labels, reduction="none").sum(-1)
    assert torch.allclose(log_loss(probabilities, labels), wanted, rtol=1e-12)
    ends = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert log_loss(ends, ends).tolist() == [0.0]


def test_best_log_losses():
    one = torch.tensor([[1.0, 0, 0]], dtype=torch.float64)
    two = torch.tensor([[1.0, 1, 0]], dtype=torch.float64)
    assert best_log_loss(softmax, one) == pytest.approx(0, abs=1e-12)
    assert best_log_loss(softmax, two) == pytest.approx(2 * math.log(2))
    assert best_log_loss(independent_logistics, two) == pytest.approx(0, abs=1e-12)
    # A constant answer of one half costs ln 2 a class, whatever the scores.
    assert best_log_loss(lambda scores: 0.5 + 0 * scores, two) == pytest.approx(3 * math.log(2))


def test_best_log_loss_tries_one_score_and_minus_it():
    labels = torch.tensor([[1.0, 1, 0]], dtype=torch.float64)
    tried = []

    def note(scores):
        tried.append(scores)
        return 0.5 + 0 * scores

    best_log_loss(note, labels)
    sizes = [float(scores[0, 0]) for scores in tried]
    assert (sizes[0], sizes[-1]) == (0.0, 50.0)
    for size, scores in zip(sizes, tried, strict=True):
        assert scores.tolist() == [[size, size, -size]]


@given(st.integers(2, 50))
@settings(max_examples=20)
def test_softmax_passes_a_gradient_back_by_one_over_the_units(units):
    assert backward_factor(softmax, units) == pytest.approx(1 / units, rel=1e-9)
    assert backward_factor(independent_logistics, units) == pytest.approx(0.25, rel=1e-9)


@given(st.integers(2, 1000), st.floats(0.1, 20), st.integers(0, 2**32))
def test_no_scores_within_the_limit_give_a_larger_probability(classes, limit, seed):
    best = probability_within(limit, classes)
    scores = torch.full((1, classes), -limit, dtype=torch.float64)
    scores[0, 0] = limit
    assert float(softmax(scores)[0, 0]) == pytest.approx(best, rel=1e-9)
    drawn = limit * (2 * torch.rand(1, classes, generator=seeded(seed), dtype=torch.float64) - 1)
    assert float(softmax(drawn).max()) <= best * (1 + 1e-12)


# Judges, demo and figure.


def test_every_variant_of_leaky_relu_has_its_case():
    cases = judged.leaky_units_stay_trainable().cases
    assert len(cases) == 5
    assert all(case.holds for case in cases)


def test_prelu_starts_at_a_quarter():
    prelu = functions(slope=0.02, generator=seeded())[3]
    module = nn.PReLU(dtype=torch.float64)
    below = torch.tensor(-1.0, dtype=torch.float64)
    assert prelu.value(below) == module(below[None]).item() == -0.25
    assert prelu.name == "PReLU at its start, slope 0.25"


def test_wide_functions():
    names = [f.name for f in functions(slope=0.02, generator=seeded())]
    assert len(set(names)) == len(names) == 8
    assert "leaky ReLU, slope 0.02" in names


@given(SEEDS)
@settings(max_examples=30)
def test_rrelu_slopes_lie_in_their_range(seed):
    drawn = functions(slope=0.01, generator=seeded(seed))[4]
    slope = float(drawn.derivative(torch.tensor(-1.0, dtype=torch.float64)))
    assert RRELU_SLOPES[0] <= slope <= RRELU_SLOPES[1]


def test_rrelu_slopes_reach_both_halves_of_their_range():
    def slope(seed):
        drawn = functions(slope=0.01, generator=seeded(seed))[4]
        return float(drawn.derivative(torch.tensor(-1.0, dtype=torch.float64)))

    middle = sum(RRELU_SLOPES) / 2
    assert min(slope(seed) for seed in range(40)) < middle < max(slope(seed) for seed in range(40))


def test_demo_takes_a_narrow_range():
    assert demonstrate(largest_input=0.5, points=3).inputs == (-0.5, 0.0, 0.5)


def test_demo_measures_every_function():
    result = demonstrate(slope=0.1, largest_input=2.0, points=5)
    assert result.inputs == (-2.0, -1.0, 0.0, 1.0, 2.0)
    leaky = result.functions.index("leaky ReLU, slope 0.1")
    assert result.values[leaky] == pytest.approx((-0.2, -0.1, 0, 1, 2))
    assert result.derivatives[leaky] == pytest.approx((0.1, 0.1, 0.1, 1, 1))
    assert (result.smallest_output[leaky], result.largest_output[leaky]) == (-0.2, 2.0)
    assert (result.smallest_derivative[leaky], result.largest_derivative[leaky]) == (0.1, 1.0)
    assert result.mean_output[leaky] == pytest.approx(0.9 / math.sqrt(2 * math.pi))
    assert result.mean_square_output[leaky] == pytest.approx(1.01 / 2)
    by_name = dict(zip(result.functions, result.share_of_zeros, strict=True))
    assert by_name.pop("ReLU") == pytest.approx(0.5)
    assert set(by_name.values()) == {0.0}
    exponentials = dict(zip(result.functions, result.exponentials, strict=True))
    assert [exponentials[name] for name in ("ReLU", "SELU", "tanh", "logistic")] == [0, 1, 1, 1]
    first, second, third = result.softmax_probabilities
    assert first[2] == pytest.approx(second[2])
    assert second[0] / third[0] == pytest.approx(math.e)
    sums = [sum(column) for column in zip(*result.softmax_probabilities, strict=True)]
    assert sums == pytest.approx([1.0] * 5)
    assert first[4] / second[4] == pytest.approx(math.e**2)


def test_demo_is_repeatable_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, again, other = (demonstrate(points=3, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.functions != other.functions
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slope": -0.1}, "slope must lie from 0 to 1, got -0.1; above 1 the function would"),
        ({"slope": 1.5}, "got 1.5"),
        ({"slope": math.nan}, "got nan"),
        ({"largest_input": 0.0}, "largest_input must be above 0 and at most 100, got 0.0; beyond"),
        ({"largest_input": 101.0}, "got 101.0"),
        ({"largest_input": math.inf}, "got inf"),
        ({"points": 2}, "points must be a whole number from 3 to 10001, got 2"),
        ({"points": 10_002}, "got 10002"),
    ],
    ids=str,
)
def test_demo_refuses(options, said):
    with pytest.raises(DomainError) as refusal:
        demonstrate(**options)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_demo_takes_the_ends_of_its_domain():
    for slope in (0.0, 1.0):
        result = demonstrate(slope=slope, largest_input=100.0, points=10_001)
        assert len(result.inputs) == 10_001


def test_figure_has_a_panel_for_each_function_and_one_for_softmax():
    result = demonstrate(points=7)
    figure = draw(result)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    titles = [axes.get_title() for axes in shown]
    assert titles == [*result.functions, "softmax of three scores"]
    for index, axes in enumerate(shown[:-1]):
        value, derivative = axes.lines[-2:]
        assert tuple(value.get_ydata()) == result.values[index]
        assert tuple(derivative.get_ydata()) == result.derivatives[index]
    assert len(shown[-1].lines) == 3
