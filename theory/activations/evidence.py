"""Judging what the answer sheet says of SELU, ReLU and its variants (Q4.1 to Q4.6) and of choosing.

One function per claim, and beside it the one that its control puts through the same check. tanh
is checked in ``bounded_evidence``, logistic and softmax in ``probability_evidence``.
"""

import torch
from torch import Tensor

from theory.activations.dead_units import draw_problem, steps_to_return, switched_off, train
from theory.activations.operations import EXPONENTIALS, operations
from theory.activations.pixels import share_of_black
from theory.claim import Case, Check, Evidence
from theory.nonlinearities import ELU, LEAKY_RELU, RELU, SELU, TANH, Nonlinearity, leaky_relu
from theory.signal import LECUN, TORCH_SELU_GAIN, propagate
from theory.statistics import samples_needed

RETURN_LIMIT = 2000
RASH_NETWORKS = 10


def _check_feed_forward(weight_variance: float) -> Evidence:
    def case(depth: int) -> Case:
        high, low = (
            propagate(SELU, depth=depth, weight_variance=weight_variance, mean_square=square)
            for square in (2.0, 0.5)
        )
        growth = max(abs(high.log10_gradient), abs(low.log10_gradient))
        distance = "distance from 1 of the last layer's mean square, with inputs of {}"
        checks = (
            Check(distance.format("2"), abs(high.mean_squares[-1] - 1.0), "<=", 0.1),
            Check(distance.format("1/2"), abs(low.mean_squares[-1] - 1.0), "<=", 0.1),
            Check("orders of magnitude by which the gradient changes", growth, "<=", 1.0),
        )
        return Case(f"{depth} dense layers", checks)

    return Evidence(tuple(case(depth) for depth in (10, 20, 50)))


def selu_suits_feed_forward() -> Evidence:
    """Q4.1: with the right start SELU keeps the signal of a feed-forward network."""
    return _check_feed_forward(LECUN)


def torch_gain_suits_feed_forward() -> Evidence:
    """Control of Q4.1: with torch's gain of 3/4 it does not."""
    return _check_feed_forward(TORCH_SELU_GAIN)


def _check_dying(nonlinearity: Nonlinearity) -> Evidence:
    generator = torch.Generator().manual_seed(0)
    layer, inputs, targets = draw_problem(neurons=32, examples=32, generator=generator)
    off = train(
        nonlinearity, switched_off(layer, inputs), inputs, targets, learning_rate=0.05, steps=20
    )
    rash = [
        train(
            nonlinearity,
            *draw_problem(neurons=32, examples=32, generator=generator),
            learning_rate=0.2,
            steps=20,
        )
        for _ in range(RASH_NETWORKS)
    ]
    switched = (
        Check("largest entry of the neuron's gradient", off.first_gradient, "==", 0.0),
        Check("largest change of its weights in 20 steps", off.first_move, "==", 0.0),
    )
    killed = sum(training.stuck_after - training.stuck_before for training in rash)
    neurons = 32 * RASH_NETWORKS
    lost = Check(f"neurons of {neurons} whose gradient has become zero", killed, ">", 0)
    return Evidence(
        (
            Case("a neuron below zero on every example", switched),
            Case("training with a learning rate of 0.2, which is too large", (lost,)),
        ),
        (Check("largest change of the other weights", off.largest_move, ">", 0.01),),
    )


def relu_units_die() -> Evidence:
    """Q4.2: a ReLU neuron can be switched off and then has no gradient."""
    return _check_dying(RELU)


def leaky_units_die() -> Evidence:
    """Control of Q4.2: a leaky one cannot."""
    return _check_dying(LEAKY_RELU)


def _check_trainable(variants: tuple[tuple[str, Nonlinearity], ...]) -> Evidence:
    layer, inputs, targets = draw_problem(
        neurons=8, examples=32, generator=torch.Generator().manual_seed(0)
    )
    layer = switched_off(layer, inputs)

    def case(name: str, nonlinearity: Nonlinearity) -> Case:
        weights = layer.gradients(nonlinearity, inputs, targets)[0][0]
        steps = steps_to_return(lambda: nonlinearity, limit=RETURN_LIMIT)
        checks = (
            Check("largest entry of the neuron's gradient", float(weights.abs().max()), ">", 0.0),
            Check("steps until it reaches its target", steps, "<=", RETURN_LIMIT),
        )
        return Case(name, checks)

    below = int(((inputs @ layer.weight[0] + layer.bias[0]) < 0).sum())
    return Evidence(
        tuple(case(name, nonlinearity) for name, nonlinearity in variants),
        (Check("examples of 32 on which the neuron is below zero", below, "==", 32),),
    )


def leaky_units_stay_trainable() -> Evidence:
    """Q4.3: with a slope below zero the neuron keeps a gradient and comes back."""
    drawn = 1 / 8 + (1 / 3 - 1 / 8) * float(
        torch.rand((), generator=torch.Generator().manual_seed(0))
    )
    return _check_trainable(
        (
            ("leaky ReLU with slope 0.01", LEAKY_RELU),
            ("leaky ReLU with slope 0.2", leaky_relu(0.2)),
            ("PReLU at the slope where it starts, 1/4", leaky_relu(0.25)),
            ("RReLU at a slope drawn between 1/8 and 1/3", leaky_relu(drawn)),
            ("ELU", ELU),
        )
    )


def relu_units_stay_trainable() -> Evidence:
    """Control of Q4.3: with slope 0 it does neither."""
    return _check_trainable((("leaky ReLU with slope 0", leaky_relu(0.0)), ("ReLU", RELU)))


def not_checkable() -> Evidence:
    """Q4.4 and Q4.15: a judgement of popularity, and advice; no experiment can refute them."""
    return Evidence(cases=())


SHARE_DIFFERENCE = 0.1
NEURONS = samples_needed(SHARE_DIFFERENCE, 5e-10)  # two shares are compared: 1e-9 for both


def share_of_zeros(nonlinearity: Nonlinearity, inputs: Tensor, generator: torch.Generator) -> float:
    """Share of exact zeros among ``NEURONS`` neurons with weights drawn for one input vector."""
    weights = torch.randn(NEURONS, len(inputs), generator=generator, dtype=torch.float64)
    return float((nonlinearity.value(weights @ inputs) == 0).double().mean())


def _check_sparse(pictures: Check, effect: str, difference: float, sparse: Tensor) -> Evidence:
    caused = Check(
        f"share of zeros among hidden activations, {effect}",
        difference,
        ">=",
        SHARE_DIFFERENCE,
        false_alarm_rate=1e-9,
        detects=f"a difference of {2 * SHARE_DIFFERENCE:g} against none",
        samples=NEURONS,
    )
    zeros = float((sparse == 0).double().mean())
    return Evidence(
        (
            Case("vision: the test images of CIFAR-10", (pictures,)),
            Case("inputs of which 94 % are zero", (caused,)),
        ),
        (Check("share of zeros in the sparse input", zeros, ">=", 0.9),),
    )


def _inputs(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One dense input vector, and the same with all but one in sixteen entries set to zero."""
    dense = torch.randn(64, generator=generator, dtype=torch.float64)
    return dense, torch.where(torch.arange(64) % 16 == 0, dense, 0.0)


def relu_suits_sparse_inputs() -> Evidence:
    """Q4.5: ReLU goes with sparse inputs, such as pictures."""
    generator = torch.Generator().manual_seed(0)
    dense, sparse = _inputs(generator)
    difference = share_of_zeros(RELU, sparse, generator) - share_of_zeros(RELU, dense, generator)
    pictures = Check("share of zeros among the pixels", share_of_black(), ">=", 0.4)
    return _check_sparse(pictures, "sparse input minus dense input", difference, sparse)


def relu_makes_sparse_activations() -> Evidence:
    """Control of Q4.5: it is the hidden activations that are sparse, and ReLU makes them so."""
    generator = torch.Generator().manual_seed(0)
    dense, sparse = _inputs(generator)
    zeros = share_of_zeros(RELU, dense, generator)
    difference = zeros - share_of_zeros(TANH, dense, generator)
    pictures = Check("share of zeros among hidden activations, dense input", zeros, ">=", 0.4)
    return _check_sparse(pictures, "ReLU minus tanh", difference, sparse)


def _check_simple(nonlinearity: Nonlinearity) -> Evidence:
    names = operations(nonlinearity)
    slow = sum(name in EXPONENTIALS for name in names)
    slopes = nonlinearity.derivative(torch.linspace(-8, 8, 400, dtype=torch.float64))
    from_two = float(torch.minimum(slopes.abs(), (slopes - 1).abs()).max())
    cost = (
        Check("passes over the data that its formula takes", len(names), "<=", 1),
        Check("exponentials per output", slow, "<=", 0),
    )
    simple = (
        Check("different values of the derivative", len(set(slopes.tolist())), "==", 2),
        Check("largest distance of the derivative from 0 or 1", from_two, "==", 0.0),
    )
    return Evidence((Case("the function", cost), Case("its derivative", simple)))


def relu_is_simple() -> Evidence:
    """Q4.6: ReLU is cheap to compute and its derivative simple."""
    return _check_simple(RELU)


def selu_is_simple() -> Evidence:
    """Control of Q4.6: SELU needs an exponential, for the derivative too."""
    return _check_simple(SELU)
