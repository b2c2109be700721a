"""Question 3: the races between SELU and its rivals."""

import dataclasses
import math

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.nonlinearities import NONLINEARITIES, RELU, SELU, TANH
from theory.selu import race_evidence
from theory.selu.convergence import (
    ABSOLUTE_VALUES,
    INPUTS,
    LOSS_TO_REACH,
    SOFT_STEPS,
    TWO_RAMPS,
    Contender,
    Course,
    draw_examples,
    draw_parameters,
    predict,
    run_race,
)
from theory.signal import HE, LECUN

SEEDS = st.integers(0, 2**32)


SMALL = Course(TWO_RAMPS, depth=2, width=5, learning_rates=(0.05,), steps=12, examples=9)
SIDE = Contender(SELU, LECUN)


def follows_plain_training(race):
    """The property that a race is what training each network by itself gives."""

    @given(SEEDS, st.sampled_from([SELU, RELU, TANH]), st.floats(0.5, 2.0))
    @settings(max_examples=15)
    def check(seed, nonlinearity, variance):
        contender = Contender(nonlinearity, variance)
        generator = seeded(seed)
        inputs, targets = draw_examples(SMALL, seeds=2, generator=generator)
        fresh = draw_examples(SMALL, seeds=2, generator=generator)
        parameters = draw_parameters(contender, SMALL, seeds=2, generator=generator)
        found = race(contender, SMALL, seeds=2, seed=seed)
        for network in range(2):
            own = [parameter[network : network + 1] for parameter in parameters]
            x, y = inputs[network : network + 1], targets[network : network + 1]
            reached = SMALL.steps + 1
            for step in range(SMALL.steps):
                own = [parameter.detach().requires_grad_() for parameter in own]
                loss = nn.functional.mse_loss(predict(nonlinearity, own, x), y)
                if loss.item() <= LOSS_TO_REACH:
                    reached = min(reached, step)
                loss.backward()
                own = [parameter - SMALL.learning_rates[0] * parameter.grad for parameter in own]
            outputs = predict(nonlinearity, own, fresh[0][network : network + 1])
            error = nn.functional.mse_loss(outputs, fresh[1][network : network + 1]).item()
            assert found.steps_to_target[network] == reached
            # Twelve steps can make much of a last bit; another rate changes the first digit.
            assert found.held_out_error[network] == pytest.approx(error, rel=1e-6)

    return check


def test_races_are_plain_training():
    follows_plain_training(run_race)()


def test_a_race_at_another_rate_is_rejected():
    other = dataclasses.replace(SMALL, learning_rates=(0.06,))
    with rejected():
        follows_plain_training(lambda contender, _, **named: run_race(contender, other, **named))()


def test_races_reach_networks_that_learn_within_the_budget():
    seed = find(
        SEEDS, lambda seed: min(run_race(SIDE, SMALL, seeds=2, seed=seed).steps_to_target) < 12
    )
    assert run_race(SIDE, SMALL, seeds=2, seed=seed) == run_race(SIDE, SMALL, seeds=2, seed=seed)


def test_a_race_that_starts_at_its_target_takes_no_step():
    easy = dataclasses.replace(TWO_RAMPS, deviation=1e6)  # targets and outputs of almost zero
    still = Contender(RELU, 1e-12)
    race = run_race(still, dataclasses.replace(SMALL, task=easy), seeds=2, seed=0)
    assert race.steps_to_target == (0, 0)
    hard = dataclasses.replace(TWO_RAMPS, mean=math.sqrt(LOSS_TO_REACH) * 1.1e6, deviation=1e6)
    rate = {"learning_rates": (1e-9,)}
    race = run_race(still, dataclasses.replace(SMALL, task=hard, **rate), seeds=2, seed=0)
    assert race.steps_to_target == (13, 13)
    assert LOSS_TO_REACH == 0.2


def test_a_rate_that_blows_up_does_not_count():
    rash = dataclasses.replace(SMALL, learning_rates=(0.05, 1e6))
    one, other = (run_race(SIDE, course, seeds=4, seed=0) for course in (rash, SMALL))
    assert one == other


def test_the_better_of_two_rates_counts():
    low, high, both = (
        run_race(SIDE, dataclasses.replace(SMALL, learning_rates=rates), seeds=4, seed=0)
        for rates in ((0.01,), (0.05,), (0.01, 0.05))
    )
    pairs = zip(low.held_out_error, high.held_out_error, strict=True)
    assert both.held_out_error == pytest.approx([min(pair) for pair in pairs])
    steps = zip(low.steps_to_target, high.steps_to_target, strict=True)
    assert both.steps_to_target == tuple(min(pair) for pair in steps)


def test_outputs_are_those_of_an_ordinary_network():
    parameters = draw_parameters(SIDE, SMALL, seeds=3, generator=seeded())
    assert [tuple(p.shape) for p in parameters] == [
        (3, 5, INPUTS), (3, 5, 5), (3, 1, 5), (3, 5, 1), (3, 5, 1), (3, 1, 1),
    ]  # fmt: skip
    parameters = [p + 0.1 for p in parameters]
    inputs = torch.randn(3, INPUTS, 6, generator=seeded(), dtype=torch.float64)
    for network in range(3):
        first, second, last, *biases = (p[network] for p in parameters)
        signal = torch.selu(nn.functional.linear(inputs[network].T, first, biases[0][:, 0]))
        signal = torch.selu(nn.functional.linear(signal, second, biases[1][:, 0]))
        wanted = nn.functional.linear(signal, last, biases[2][:, 0])[:, 0]
        assert torch.allclose(predict(SELU, parameters, inputs)[network], wanted, rtol=1e-12)


def test_weights_have_the_variance_of_their_start():
    course = Course(TWO_RAMPS, depth=2, width=300, learning_rates=(0.1,), steps=1)
    first, second, last, *biases = draw_parameters(
        Contender(RELU, HE), course, seeds=2, generator=seeded()
    )
    # Relative standard error of a normal sample's variance: sqrt(2 / n); 6.2 of them.
    for weight, variance in ((first, HE / INPUTS), (second, HE / 300), (last, 1 / 300)):
        band = 6.2 * math.sqrt(2 / weight.numel())
        assert float((weight**2).mean()) == pytest.approx(variance, rel=band)
    assert not any(bias.any() for bias in biases)


@pytest.mark.parametrize(
    "task", [TWO_RAMPS, ABSOLUTE_VALUES, SOFT_STEPS], ids=lambda task: task.name
)
def test_targets_are_standardised(task):
    course = Course(task, depth=1, width=1, learning_rates=(0.1, 0.2), steps=1, examples=100_000)
    inputs, targets = draw_examples(course, seeds=2, generator=seeded())
    assert inputs.shape == (4, INPUTS, 100_000)
    assert torch.equal(inputs[:2], inputs[2:])
    # 6.2 standard errors of mean and variance; the targets' kurtosis is below 4.
    own = targets[:2]
    assert float(own.mean()) == pytest.approx(0, abs=6.2 / math.sqrt(own.numel()))
    assert float(own.var()) == pytest.approx(1, abs=6.2 * math.sqrt(3 / own.numel()))


def test_chance_of_winning_at_most_half():
    assert race_evidence.chance_of_half(2, 0.5) == 0.75
    assert race_evidence.chance_of_half(3, 0.9) == pytest.approx(0.1**3 + 3 * 0.1**2 * 0.9)
    for course in (race_evidence.DEEP, race_evidence.SHALLOW_RAMPS):
        assert race_evidence.chance_of_half(*race_evidence._field(course)) <= 1e-9


@pytest.mark.parametrize(
    ("side", "name"),
    [
        (race_evidence.SELU_SIDE, "SELU"),
        (race_evidence.RELU_SIDE, "ReLU"),
        (race_evidence.LEAKY_SIDE, "leaky ReLU"),
        (race_evidence.ELU_SIDE, "ELU"),
        (race_evidence.TANH_SIDE, "tanh"),
        (race_evidence.LOGISTIC_SIDE, "logistic"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_contenders_compute_their_function(side, name):
    function = next(f for f in NONLINEARITIES if f.name == name)
    inputs = torch.linspace(-9, 9, 99, dtype=torch.float64)
    assert side.nonlinearity.name == name
    assert torch.allclose(side.nonlinearity.value(inputs), function.value(inputs), rtol=1e-12)


def test_ties_count_half():
    assert race_evidence.ahead((1, 2, 3, 4), (2, 2, 2, 2)) == 0.375
