"""Judging what the sheet says of SELU, except its speed: that is in ``race_evidence``.

One function per claim, and beside it the one that its control runs through the same judge.
"""

import math
from collections.abc import Callable
from functools import partial

import torch

from theory.claim import Case, Check, Evidence
from theory.nonlinearities import LEAKY_RELU, LOGISTIC, RELU, SELU, TANH, Nonlinearity
from theory.selu import stacks
from theory.selu.moments import output_moments
from theory.signal import (
    HE,
    LECUN,
    LINEAR_DEFAULT,
    TORCH_SELU_GAIN,
    next_mean_square,
    normal_mean,
    propagate,
)
from theory.signal_network import measure_signal

DEPTH = 20
STARTS = (
    ("LeCun's start, variance 1 / fan_in", LECUN),
    ("He's start, variance 2 / fan_in", HE),
    ("torch's SELU gain of 3/4", TORCH_SELU_GAIN),
    ("the default of nn.Linear, variance 1 / (3 fan_in)", LINEAR_DEFAULT),
)


def _returns_to_one(stack: Callable[..., float]) -> tuple[Check, Check]:
    """Checks that mean squares 2 and 1/2 of the inputs both end near 1."""
    layers = f"mean square after {DEPTH} layers"
    return (
        Check(f"{layers}, inputs at 2", stack(mean_square=2.0), "<=", 1.05),
        Check(f"{layers}, inputs at 1/2", stack(mean_square=0.5), ">=", 0.95),
    )


def _judge_normalising(nonlinearity: Nonlinearity) -> Evidence:
    plain = partial(stacks.plain, nonlinearity, depth=DEPTH)
    cases = tuple(
        Case(name, _returns_to_one(partial(plain, weight_variance=variance)))
        for name, variance in STARTS
    )
    mean, variance = output_moments(0.0, 2.0)
    by_quadrature = next_mean_square(SELU, 2.0, weight_variance=1.0)
    error = abs(by_quadrature - mean**2 - variance)
    return Evidence(cases, (Check("numerical integral against closed form", error, "<=", 1e-12),))


def self_normalises() -> Evidence:
    """Q3.1: SELU brings activations back to mean square 1."""
    return _judge_normalising(SELU)


def relu_self_normalises() -> Evidence:
    """Control of Q3.1: ReLU does so from no start."""
    return _judge_normalising(RELU)


def _judge_remembering(nonlinearity: Nonlinearity) -> Evidence:
    def ratio(variance: float) -> float:
        large, small = (
            stacks.plain(nonlinearity, depth=DEPTH, weight_variance=variance, mean_square=square)
            for square in (2.0, 0.5)
        )
        return large / small

    quantity = f"mean square after {DEPTH} layers, inputs at 2, over that with inputs at 1/2"
    cases = [
        Case(name, (Check(quantity, ratio(variance), ">=", 3.99),)) for name, variance in STARTS
    ]
    mean = abs(normal_mean(nonlinearity.value))
    average = Check("mean output for standard normal pre-activations", mean, ">=", 0.1)
    return Evidence((*cases, Case("the mean of one layer", (average,))))


def relu_lacks_it() -> Evidence:
    """Q3.2: ReLU never corrects a wrong scale, and its mean stays above zero."""
    return _judge_remembering(RELU)


def selu_lacks_it() -> Evidence:
    """Control of Q3.2: SELU forgets the scale of the inputs."""
    return _judge_remembering(SELU)


def _judge_narrow(nonlinearity: Nonlinearity) -> Evidence:
    grid = torch.linspace(-1e6, 1e6, 2001, dtype=torch.float64)
    outputs = nonlinearity.value(grid)
    outside = normal_mean(lambda z: (nonlinearity.value(z).abs() > 3).to(z.dtype)) * 1e6
    largest = Check(
        "largest output, pre-activations within a million", float(outputs.max()), "<=", 3.0
    )
    often = Check("outputs beyond 3, per million", round(outside), "<=", 0.0)
    return Evidence(
        (
            Case("any pre-activation", (largest,)),
            Case("standard normal pre-activations", (often,)),
        ),
        (Check("smallest output", float(outputs.min()), ">=", -1.7581),),
    )


def stays_narrow() -> Evidence:
    """Q3.3: SELU's activations stay within a narrow range."""
    return _judge_narrow(SELU)


def tanh_stays_narrow() -> Evidence:
    """Control of Q3.3: those of tanh do."""
    return _judge_narrow(TANH)


def _drift(nonlinearity: Nonlinearity, weight_variance: float, depth: int) -> float:
    """Size of log10 of the gradient's growth; rounded, so that exactly no growth reads as 0."""
    signal = propagate(nonlinearity, depth=depth, weight_variance=weight_variance)
    return round(abs(signal.log10_gradient), 9)


def _judge_gradients(nonlinearity: Nonlinearity) -> Evidence:
    def case(depth: int, rival: str, rival_variance: float) -> Case:
        quantity = f"orders of magnitude by which the gradient changes over {depth} layers"
        own = _drift(nonlinearity, LECUN, depth)
        check = Check(quantity, own, "<", _drift(RELU, rival_variance, depth))
        return Case(f"{depth} layers, against ReLU with {rival} start", (check,))

    measured = measure_signal(
        nonlinearity,
        depth=DEPTH,
        width=128,
        examples=32,
        weight_variance=LECUN,
        generator=torch.Generator().manual_seed(0),
    )
    predicted = propagate(nonlinearity, depth=DEPTH, weight_variance=LECUN)
    error = abs(measured.log10_gradient - predicted.log10_gradient)
    # One network of this width strays by about 0.03.
    agrees = Check("prediction against one drawn network, orders of magnitude", error, "<=", 0.2)
    return Evidence(
        (case(DEPTH, "LeCun's", LECUN), case(DEPTH, "He's", HE), case(1000, "He's", HE)), (agrees,)
    )


def helps_gradients() -> Evidence:
    """Q3.4: SELU helps against the vanishing and exploding gradients of deep ReLU networks."""
    return _judge_gradients(SELU)


def logistic_helps_gradients() -> Evidence:
    """Control of Q3.4: the logistic function does not, anywhere."""
    return _judge_gradients(LOGISTIC)


def _judge_depth(nonlinearity: Nonlinearity, weight_variance: float) -> Evidence:
    def case(condition: str, stack: Callable[..., float]) -> Case:
        layers = partial(stack, nonlinearity, depth=DEPTH, weight_variance=weight_variance)
        return Case(condition, _returns_to_one(layers))

    signal = propagate(nonlinearity, depth=1000, weight_variance=weight_variance)
    growth = Check("log10 of the gradient's growth", abs(signal.log10_gradient), "<=", 3.0)
    kept = Check("mean square of the last layer", signal.mean_squares[-1], "<=", 1.05)
    return Evidence(
        (
            case(f"{DEPTH} plain dense layers", stacks.plain),
            case(f"{DEPTH} dense layers with alpha dropout of 20 %", stacks.with_alpha_dropout),
            case(f"{DEPTH} dense layers with ordinary dropout of 20 %", stacks.with_dropout),
            case(f"{DEPTH} dense layers, each with a skip connection", stacks.with_skips),
            Case("1000 plain dense layers", (kept, growth)),
        )
    )


def suits_depth() -> Evidence:
    """Q3.6: SELU suits deep networks."""
    return _judge_depth(SELU, LECUN)


def wrong_start_suits_depth() -> Evidence:
    """Control of Q3.6: started by He's rule it suits none of them."""
    return _judge_depth(SELU, HE)


def _judge_three(others: tuple[tuple[str, float, float], ...]) -> Evidence:
    """Count self-normalisation and those other advantages that are left without it.

    Each of ``others`` is a figure under He's start, where SELU does not normalise itself, with the
    bound that it keeps if the advantage is one of its own.
    """
    left = sum(value <= bound for _, value, bound in others)
    what = "; ".join(f"{name} {value:.3g} (at most {bound:g})" for name, value, bound in others)
    taken = stacks.plain(SELU, depth=DEPTH, weight_variance=HE, mean_square=1.0)
    return Evidence(
        (Case(f"without self-normalisation: {what}", (Check("advantages", 1 + left, "==", 3),)),),
        (Check(f"mean square after {DEPTH} layers, normalisation gone", taken, ">=", 2.0),),
    )


def are_three() -> Evidence:
    """Q3.8: the sheet's second and third advantage stand without the first."""
    moderate = _drift(SELU, HE, DEPTH)
    deep = stacks.plain(SELU, depth=DEPTH, weight_variance=HE, mean_square=1.0)
    return _judge_three(
        (
            ("orders of magnitude by which the gradient changes", moderate, 1.0),
            (f"mean square after {DEPTH} layers", deep, 1.05),
        )
    )


def other_three_are_three() -> Evidence:
    """Control of Q3.8: a mean near zero and a derivative that is never zero do stand."""
    relu_mean, selu_mean = (
        normal_mean(f.value, variance=HE) / math.sqrt(next_mean_square(f, 1.0, weight_variance=HE))
        for f in (RELU, SELU)
    )
    grid = torch.linspace(-30.0, 30.0, 601, dtype=torch.float64)
    zeros = float((SELU.derivative(grid) == 0).sum())
    return _judge_three(
        (
            ("mean output over its root mean square, relative to ReLU", selu_mean / relu_mean, 0.5),
            ("points between -30 and 30 where the derivative is zero", zeros, 0.0),
        )
    )


def _judge_rivals(weight_variance: float, largest_pre_activation: float) -> Evidence:
    """The statement holds where the rival's distance from what is wanted is the smaller one."""

    def off_scale(nonlinearity: Nonlinearity) -> float:
        signal = propagate(nonlinearity, depth=DEPTH, weight_variance=weight_variance)
        return round(abs(math.log10(signal.mean_squares[-1])), 9)  # rounding is no distance

    def beyond_one(nonlinearity: Nonlinearity) -> float:
        largest = torch.tensor(largest_pre_activation, dtype=torch.float64)
        return max(0.0, float(nonlinearity.value(largest)) - 1)

    scale = f"orders of magnitude between the mean square after {DEPTH} layers and 1"
    beyond = f"how far above 1 an output gets at pre-activation {largest_pre_activation:g}"
    cases = [
        Case(
            f"deep stack, weight variance {weight_variance:g} / fan_in, rival {rival.name}",
            (Check(scale, off_scale(rival), "<", off_scale(SELU)),),
        )
        for rival in (RELU, LEAKY_RELU)
    ]
    bounded = Check(beyond, beyond_one(TANH), "<", beyond_one(SELU))
    return Evidence((*cases, Case("output within -1 to 1, rival tanh", (bounded,))))


def rivals_can_be_better() -> Evidence:
    """Q3.9: there are problems where ReLU, leaky ReLU or tanh does better."""
    return _judge_rivals(HE, 10.0)


def rivals_on_home_ground() -> Evidence:
    """Control of Q3.9: with LeCun's start and small outputs no rival does."""
    return _judge_rivals(LECUN, 0.9)
