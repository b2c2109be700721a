"""Judging what the answer sheet says of SELU's speed, and where its rivals win: by races.

Both sides get standardised inputs, the start that suits them and the best of the same learning
rates. A race is decided by the share of networks in which one side is ahead; a tie counts half.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import comb

import torch
from torch import Tensor
from torch.nn import functional

from theory.claim import Case, Check, Evidence
from theory.nonlinearities import ELU, LEAKY_RELU, LOGISTIC, RELU, SELU, TANH, Nonlinearity
from theory.selu.convergence import (
    ABSOLUTE_VALUES,
    SOFT_STEPS,
    TWO_RAMPS,
    Contender,
    Course,
    Race,
    run_race,
)
from theory.signal import HE, LECUN


def _side(
    nonlinearity: Nonlinearity, same: Callable[[Tensor], Tensor], weight_variance: float
) -> Contender:
    """A contender whose function is torch's own: the same values, which tests compare, faster."""
    return Contender(replace(nonlinearity, value=same), weight_variance)


SELU_SIDE = _side(SELU, functional.selu, LECUN)
RELU_SIDE = _side(RELU, functional.relu, HE)
LEAKY_SIDE = _side(LEAKY_RELU, functional.leaky_relu, HE)
ELU_SIDE = _side(ELU, functional.elu, HE)
TANH_SIDE = _side(TANH, torch.tanh, LECUN)
LOGISTIC_SIDE = _side(LOGISTIC, torch.sigmoid, LECUN)

DEEP = Course(
    ABSOLUTE_VALUES, depth=20, width=32, learning_rates=(0.004, 0.015), steps=30, examples=16
)
RATES = (0.05, 0.1, 0.2)
SHALLOW_VALUES = Course(ABSOLUTE_VALUES, depth=1, width=32, learning_rates=RATES, steps=80)
SHALLOW_RAMPS = Course(TWO_RAMPS, depth=1, width=32, learning_rates=RATES, steps=50)
SHALLOW_STEPS = Course(SOFT_STEPS, depth=1, width=32, learning_rates=RATES, steps=50)


def _field(course: Course) -> tuple[int, float]:
    """Networks of a race, and the share that a side must win to be called ahead."""
    return (32, 0.92) if course is DEEP else (88, 0.8)


def chance_of_half(networks: int, share: float) -> float:
    """Chance that a side that wins a network with probability ``share`` wins at most half."""
    return sum(
        comb(networks, wins) * share**wins * (1 - share) ** (networks - wins)
        for wins in range(networks // 2 + 1)
    )


_race = cache(run_race)


def ahead(own: tuple[float, ...], rival: tuple[float, ...]) -> float:
    """Share of networks with the smaller figure; ties count half."""
    scores = [0.5 if a == b else float(a < b) for a, b in zip(own, rival, strict=True)]
    return sum(scores) / len(scores)


def _sides(own: Contender, rival: Contender, course: Course) -> tuple[Race, Race]:
    networks, _ = _field(course)
    races = [_race(side, course, seeds=networks, seed=0) for side in (own, rival)]
    return races[0], races[1]


def _share_check(quantity: str, share: float, course: Course) -> Check:
    networks, clear = _field(course)
    return Check(
        quantity,
        share,
        ">",
        0.5,
        false_alarm_rate=chance_of_half(networks, clear),
        detects=f"a side that wins {clear:.0%} of the networks",
        samples=networks,
    )


def sooner(own: Contender, rival: Contender, course: Course) -> Check:
    """Check that ``own`` reaches the training loss in fewer steps in most networks."""
    one, other = _sides(own, rival, course)
    share = ahead(one.steps_to_target, other.steps_to_target)
    return _share_check("share of networks that reach the training loss sooner", share, course)


def smaller_error(own: Contender, rival: Contender, course: Course) -> Check:
    """Check that ``own`` has the smaller error on fresh inputs in most networks."""
    one, other = _sides(own, rival, course)
    share = ahead(one.held_out_error, other.held_out_error)
    return _share_check("share of networks with the smaller error on fresh inputs", share, course)


def _condition(course: Course) -> str:
    layers = "1 hidden layer" if course.depth == 1 else f"{course.depth} hidden layers"
    return f"{course.task.name}, {layers} of {course.width}"


def _learned(courses: tuple[Course, ...]) -> tuple[Check, ...]:
    """Sanity: on every course SELU or ReLU reaches the target in half of the networks or more."""
    checks = []
    for course in courses:
        one, other = _sides(SELU_SIDE, RELU_SIDE, course)
        pairs = zip(one.steps_to_target, other.steps_to_target, strict=True)
        reached = [min(pair) <= course.steps for pair in pairs]
        quantity = f"share of networks where a side reached the target: {_condition(course)}"
        checks.append(Check(quantity, sum(reached) / len(reached), ">=", 0.5))
    return tuple(checks)


def _check_speed(contender: Contender) -> Evidence:
    courses = (DEEP, SHALLOW_VALUES)
    cases = tuple(
        Case(_condition(course), (sooner(contender, RELU_SIDE, course),)) for course in courses
    )
    return Evidence(cases, _learned(courses))


def converges_faster() -> Evidence:
    """Q3.5: SELU converges faster than ReLU."""
    return _check_speed(SELU_SIDE)


def logistic_converges_faster() -> Evidence:
    """Control of Q3.5: the logistic function does not, deep or shallow."""
    return _check_speed(LOGISTIC_SIDE)


def _check_variety(contender: Contender) -> Evidence:
    courses = (DEEP, SHALLOW_RAMPS, SHALLOW_VALUES, SHALLOW_STEPS)
    cases = tuple(
        Case(
            _condition(course),
            (
                sooner(contender, RELU_SIDE, course),
                smaller_error(contender, RELU_SIDE, course),
            ),
        )
        for course in courses
    )
    return Evidence(cases, _learned(courses))


def wins_across_tasks() -> Evidence:
    """Q3.7: SELU is faster and better on a variety of tasks."""
    return _check_variety(SELU_SIDE)


def logistic_wins_across_tasks() -> Evidence:
    """Control of Q3.7: the logistic function is so on none."""
    return _check_variety(LOGISTIC_SIDE)


def _check_rivals(course: Course, for_tanh: Course) -> Evidence:
    """The statement holds where the rival has the smaller error on fresh inputs."""
    rivals = (("ReLU", RELU_SIDE), ("leaky ReLU", LEAKY_SIDE))
    cases = [
        Case(f"{name} on {_condition(course)}", (smaller_error(side, SELU_SIDE, course),))
        for name, side in rivals
    ]
    bent = smaller_error(TANH_SIDE, SELU_SIDE, for_tanh)
    cases.append(Case(f"tanh on {_condition(for_tanh)}", (bent,)))
    return Evidence(tuple(cases), _learned((course, for_tanh)))


def rivals_can_be_better() -> Evidence:
    """Q3.9: there are problems where ReLU, leaky ReLU or tanh does better."""
    return _check_rivals(SHALLOW_RAMPS, SHALLOW_STEPS)


def rivals_on_swapped_tasks() -> Evidence:
    """Control of Q3.9: each rival on the task that suits the other kind."""
    return _check_rivals(SHALLOW_STEPS, SHALLOW_RAMPS)
