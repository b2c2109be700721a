"""Judging what the answer sheet says of SELU, except its speed and its gradients.

One function per claim, and beside it the one that its control puts through the same check.
"""

import math
from collections.abc import Callable
from functools import cache, partial

import torch

from theory.claim import Case, Check, Evidence
from theory.formatting import figure
from theory.nonlinearities import ELU, RELU, SELU, Nonlinearity
from theory.selu import stacks
from theory.selu.moments import output_moments
from theory.selu.race_evidence import DEEP, ELU_SIDE, RELU_SIDE, sooner
from theory.selu.trained import LARGEST_MEAN, NARROW, VARIANCES, Activations, Course, follow
from theory.signal import (
    HE,
    LECUN,
    LINEAR_DEFAULT,
    TORCH_SELU_GAIN,
    next_mean_square,
    normal_mean,
    propagate,
)

DEPTH = 20
STARTS = (
    ("LeCun's start, variance 1 / fan_in", LECUN),
    ("He's start, variance 2 / fan_in", HE),
    ("torch's SELU gain of 3/4", TORCH_SELU_GAIN),
    ("the default of nn.Linear, variance 1 / (3 fan_in)", LINEAR_DEFAULT),
)


def _returns_to_one(stack: Callable[..., float]) -> tuple[Check, ...]:
    """Checks that mean squares 2 and 1/2 of the inputs both end within 0.05 of 1."""
    return tuple(
        Check(
            f"distance from 1 of the mean square after {DEPTH} layers, with inputs of {name}",
            abs(stack(mean_square=square) - 1.0),
            "<=",
            0.05,
        )
        for name, square in (("2", 2.0), ("1/2", 0.5))
    )


_followed = cache(follow)


def _normalised(activations: Activations) -> Check:
    low, high = VARIANCES
    return Check(
        f"layers of {DEPTH} with mean within ±{LARGEST_MEAN:g} and variance {low:g} to {high:g}",
        activations.normalised,
        "==",
        DEPTH,
    )


def _course(nonlinearity: Nonlinearity, weight_variance: float) -> Course:
    return _followed(nonlinearity, weight_variance=weight_variance, steps=30, seed=0)


def _trained_well(course: Course) -> Check:
    return Check(
        "loss after training over that before", course.loss_after / course.loss_before, "<", 0.1
    )


def _check_normalising(nonlinearity: Nonlinearity, weight_variance: float) -> Evidence:
    plain = partial(stacks.plain, nonlinearity, depth=DEPTH)
    cases = [
        Case(f"{name}, at the start", _returns_to_one(partial(plain, weight_variance=variance)))
        for name, variance in STARTS
    ]
    course = _course(nonlinearity, weight_variance)
    cases.append(Case("the start that suits it, after training", (_normalised(course.after),)))
    mean, variance = output_moments(0.0, 2.0)
    by_quadrature = next_mean_square(SELU, 2.0, weight_variance=1.0)
    error = abs(by_quadrature - mean**2 - variance)
    exact = Check("numerical integral against closed form", error, "<=", 1e-12)
    return Evidence(tuple(cases), (exact, _trained_well(course)))


def self_normalises() -> Evidence:
    """Q3.1: SELU brings activations back to mean square 1."""
    return _check_normalising(SELU, LECUN)


def relu_self_normalises() -> Evidence:
    """Control of Q3.1: ReLU does so from no start."""
    return _check_normalising(RELU, HE)


def _check_remembering(nonlinearity: Nonlinearity) -> Evidence:
    def ratio(variance: float) -> float:
        large, small = (
            stacks.plain(nonlinearity, depth=DEPTH, weight_variance=variance, mean_square=square)
            for square in (2.0, 0.5)
        )
        return large / small

    quantity = (
        f"mean square after {DEPTH} layers with inputs of 2, divided by that with inputs of 1/2"
    )
    cases = [
        Case(name, (Check(quantity, ratio(variance), ">=", 3.99),)) for name, variance in STARTS
    ]
    mean = abs(normal_mean(nonlinearity.value))
    average = Check("mean output for standard normal pre-activations", mean, ">=", 0.1)
    return Evidence((*cases, Case("the mean of one layer", (average,))))


def relu_lacks_it() -> Evidence:
    """Q3.2: ReLU never corrects a wrong scale, and its mean stays above zero."""
    return _check_remembering(RELU)


def selu_lacks_it() -> Evidence:
    """Control of Q3.2: SELU forgets the scale of the inputs."""
    return _check_remembering(SELU)


def _check_narrow(nonlinearity: Nonlinearity, weight_variance: float) -> Evidence:
    course = _course(nonlinearity, weight_variance)
    cases = tuple(
        Case(
            when,
            (
                _normalised(found),
                Check(
                    f"smallest share of a layer's activations within -{NARROW:g} to {NARROW:g}",
                    found.smallest_share,
                    ">=",
                    0.99,
                ),
            ),
        )
        for when, found in (
            ("before training", course.before),
            (
                f"after training (largest variance {figure(course.after.largest_variance)})",
                course.after,
            ),
        )
    )
    return Evidence(cases, (_trained_well(course),))


def stays_narrow() -> Evidence:
    """Q3.3: SELU's activations stay within a narrow range."""
    return _check_narrow(SELU, LECUN)


def relu_stays_narrow() -> Evidence:
    """Control of Q3.3: those of ReLU are not even at the start."""
    return _check_narrow(RELU, HE)


def _check_depth(nonlinearity: Nonlinearity, weight_variance: float) -> Evidence:
    def case(condition: str, stack: Callable[..., float]) -> Case:
        layers = partial(stack, nonlinearity, depth=DEPTH, weight_variance=weight_variance)
        return Case(condition, _returns_to_one(layers))

    signal = propagate(nonlinearity, depth=1000, weight_variance=weight_variance)
    growth = Check("log10 of the gradient's growth", abs(signal.log10_gradient), "<=", 3.0)
    distance = abs(signal.mean_squares[-1] - 1.0)
    kept = Check("distance from 1 of the mean square of the last layer", distance, "<=", 0.05)
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
    return _check_depth(SELU, LECUN)


def wrong_start_suits_depth() -> Evidence:
    """Control of Q3.6: started by He's rule it suits none of them."""
    return _check_depth(SELU, HE)


def _check_three(others: tuple[Check, Check]) -> Evidence:
    """Judge whether three advantages are three: each must stand without the others.

    The first is self-normalisation. ``others`` are tried with ELU, which has SELU's shape but not
    the constants that make it normalise itself.
    """
    selu, elu = (
        partial(stacks.plain, function, depth=DEPTH, weight_variance=variance)
        for function, variance in ((SELU, LECUN), (ELU, HE))
    )
    first = _returns_to_one(selu)
    case = Case("the first with SELU, the other two with ELU, each alone", (*first, *others))
    gone = abs(elu(mean_square=2.0) - 1.0)
    return Evidence(
        (case,),
        (
            Check(
                "distance from 1 of ELU's mean square in the last layer, with inputs of 2",
                gone,
                ">",
                0.5,
            ),
        ),
    )


def are_three() -> Evidence:
    """Q3.8: the sheet's second and third advantage, speed and depth, without the first."""
    kept = stacks.plain(ELU, depth=DEPTH, weight_variance=HE, mean_square=1.0)
    depth = Check(
        f"distance from 1 of the mean square after {DEPTH} layers", abs(kept - 1), "<=", 0.05
    )
    return _check_three((sooner(ELU_SIDE, RELU_SIDE, DEEP), depth))


def other_three_are_three() -> Evidence:
    """Control of Q3.8: a mean near zero and a derivative that is never zero do stand."""
    relu_mean, elu_mean = (
        normal_mean(f.value) / math.sqrt(next_mean_square(f, 1.0, weight_variance=1.0))
        for f in (RELU, ELU)
    )
    grid = torch.linspace(-30.0, 30.0, 601, dtype=torch.float64)
    zeros = float((ELU.derivative(grid) == 0).sum())
    return _check_three(
        (
            Check(
                "mean output divided by its root mean square, relative to ReLU",
                elu_mean / relu_mean,
                "<=",
                0.5,
            ),
            Check("points from -30 to 30 where the derivative is zero", zeros, "==", 0.0),
        )
    )
