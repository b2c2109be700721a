"""Judging what the sheet says of SELU's speed, by races against ReLU.

Both sides get standardised inputs, the start that suits them and the best of the same learning
rates. A race is decided by the share of networks in which SELU is ahead; a tie counts half.
"""

from functools import cache
from math import comb

from theory.claim import Case, Check, Evidence
from theory.nonlinearities import RELU, SELU
from theory.selu.convergence import (
    ABSOLUTE_VALUES,
    TWO_RAMPS,
    Contender,
    Course,
    Race,
    run_race,
)
from theory.signal import HE, LECUN

NETWORKS = 88
CLEAR_SHARE = 0.8  # what a side must win to be called faster
SELU_SIDE = Contender(SELU, LECUN)
RELU_SIDE = Contender(RELU, HE)
DEEP_RAMPS = Course(
    TWO_RAMPS, depth=20, width=8, learning_rates=(0.01, 0.02), steps=60, examples=24
)
SHALLOW_RAMPS = Course(TWO_RAMPS, depth=1, width=32, learning_rates=(0.05, 0.1, 0.2), steps=50)
SHALLOW_VALUES = Course(
    ABSOLUTE_VALUES, depth=1, width=32, learning_rates=(0.05, 0.1, 0.2), steps=80
)


def chance_of_half(networks: int, share: float) -> float:
    """Chance that a side that wins a network with probability ``share`` wins at most half."""
    return sum(
        comb(networks, wins) * share**wins * (1 - share) ** (networks - wins)
        for wins in range(networks // 2 + 1)
    )


_race = cache(run_race)


def _ahead(own: tuple[float, ...], rival: tuple[float, ...]) -> float:
    """Share of networks with the smaller figure; ties count half."""
    scores = [0.5 if a == b else float(a < b) for a, b in zip(own, rival, strict=True)]
    return sum(scores) / len(scores)


def _share_check(quantity: str, share: float) -> Check:
    return Check(
        quantity,
        share,
        ">",
        0.5,
        false_alarm_rate=chance_of_half(NETWORKS, CLEAR_SHARE),
        detects=f"a side that wins {CLEAR_SHARE:.0%} of the networks",
        samples=NETWORKS,
    )


def _sides(contender: Contender, course: Course) -> tuple[Race, Race]:
    return (
        _race(contender, course, seeds=NETWORKS),
        _race(RELU_SIDE, course, seeds=NETWORKS),
    )


def _faster(contender: Contender, course: Course) -> Check:
    own, rival = _sides(contender, course)
    share = _ahead(own.steps_to_target, rival.steps_to_target)
    return _share_check("share of networks that reach the training loss sooner", share)


def _better(contender: Contender, course: Course) -> Check:
    own, rival = _sides(contender, course)
    share = _ahead(own.held_out_error, rival.held_out_error)
    return _share_check("share of networks with the smaller error on fresh inputs", share)


def _condition(course: Course) -> str:
    layers = "1 hidden layer" if course.depth == 1 else f"{course.depth} hidden layers"
    return f"{course.task.name}, {layers}"


def _learned(courses: tuple[Course, ...]) -> tuple[Check, ...]:
    """Sanity: on every course some side reaches the target in half of its networks or more."""
    reached = (
        sum(
            min(pair) <= course.steps
            for pair in zip(
                *(side.steps_to_target for side in _sides(SELU_SIDE, course)), strict=True
            )
        )
        / NETWORKS
        for course in courses
    )
    return tuple(
        Check(
            f"share of networks where a side reached the target: {_condition(course)}",
            share,
            ">=",
            0.5,
        )
        for course, share in zip(courses, reached, strict=True)
    )


def _judge_speed(contender: Contender) -> Evidence:
    courses = (DEEP_RAMPS, SHALLOW_VALUES)
    cases = tuple(Case(_condition(course), (_faster(contender, course),)) for course in courses)
    return Evidence(cases, _learned(courses))


def converges_faster() -> Evidence:
    """Q3.5: SELU converges faster than ReLU."""
    return _judge_speed(SELU_SIDE)


def relu_converges_faster() -> Evidence:
    """Control of Q3.5: ReLU against itself is never ahead."""
    return _judge_speed(RELU_SIDE)


def _judge_variety(contender: Contender) -> Evidence:
    courses = (DEEP_RAMPS, SHALLOW_RAMPS, SHALLOW_VALUES)
    cases = tuple(
        Case(_condition(course), (_faster(contender, course), _better(contender, course)))
        for course in courses
    )
    return Evidence(cases, _learned(courses))


def wins_across_tasks() -> Evidence:
    """Q3.7: SELU is faster and better on a variety of tasks."""
    return _judge_variety(SELU_SIDE)


def relu_wins_across_tasks() -> Evidence:
    """Control of Q3.7: ReLU against itself wins nowhere."""
    return _judge_variety(RELU_SIDE)
