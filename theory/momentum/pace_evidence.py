"""The experiments of question 5 on pace and divergence, each with a control that is rejected."""

import numpy as np

from theory.claim import Case, Check, Evidence
from theory.momentum.conditioning import best_momentum, best_radius
from theory.momentum.descent import descend, slope_before_a_valley, slope_before_a_valley_loss
from theory.momentum.quadratic import (
    Array,
    spectral_radius,
    stability_limit,
    stationary_variance,
    steps_to_shrink,
)

CLOSE_TO_ONE = 0.99999


def best_between_half_and_nine_tenths() -> Evidence:
    """Q5.7 over condition numbers."""
    return _check_advice((1.0, 10.0, 100.0, 1e3, 1e4, 1e6))


def best_momentum_without_conditioning() -> Evidence:
    """Control of Q5.7: all problems taken for one of condition number 100."""
    return _check_advice((100.0,))


def _check_advice(condition_numbers: tuple[float, ...]) -> Evidence:
    cases = []
    for condition_number in condition_numbers:
        best = best_momentum(condition_number)
        quantity = "momentum that converges fastest on a quadratic"
        checks = (Check(quantity, best, ">=", 0.5), Check(quantity, best, "<=", 0.9))
        cases.append(Case(f"condition number {condition_number:,.0f}", checks))
    return Evidence(tuple(cases))


def converges_slowly() -> Evidence:
    """Q5.8 at 0.99999."""
    return _check_pace(CLOSE_TO_ONE)


def converges_slowly_at_095() -> Evidence:
    """Control of Q5.8: 0.95 takes about twice as long as 0.9, which is not slow."""
    return _check_pace(0.95)


def _check_pace(momentum: float) -> Evidence:
    steps = np.geomspace(1e-6, stability_limit(momentum), 20_000)[:-1]
    fewest = steps_to_shrink(float(spectral_radius(momentum, steps).min()))
    reference = np.geomspace(1e-6, stability_limit(0.9), 20_000)[:-1]
    usual = steps_to_shrink(float(spectral_radius(0.9, reference).min()))
    check = Check(
        "steps until the distance is 1,000 times smaller, with the best of all learning rates, "
        "relative to momentum 0.9",
        fewest / usual,
        ">=",
        100.0,
    )
    return Evidence(
        (Case("a quadratic of one curvature", (check,)),),
        (Check("steps that momentum 0.9 needs", usual, "<=", 1000.0),),
    )


def diverges() -> Evidence:
    """Q5.9 at 0.99999."""
    return _check_divergence(CLOSE_TO_ONE)


def diverges_above_one() -> Evidence:
    """Control of Q5.9: at 1.5 no learning rate is stable."""
    return _check_divergence(1.5)


def _check_divergence(momentum: float) -> Evidence:
    cases = [
        Case(
            f"quadratic, learning rate · curvature = {step:g}",
            (Check("factor per step in the long run", _radius(momentum, step), ">", 1.0),),
        )
        for step in (0.01, 1.0, 3.9, 4.1)
    ]
    settled, run = (_valley(value) for value in (0.9, momentum))
    losses = slope_before_a_valley_loss(run)
    # Counted up to 1,000: how far the weights fly beyond that is chaotic, differing by processor.
    highest = min(float(losses.max() / losses[0]), 1000.0)
    growth = Check("highest loss, in starting losses, counted up to 1,000", highest, ">", 10.0)
    cases.append(Case("a slope into a quartic valley, learning rate tuned for 0.9", (growth,)))
    arrived = Check("distance of momentum 0.9 at the end", float(abs(settled[-1])), "<=", 1e-6)
    return Evidence(tuple(cases), (arrived,))


def _radius(momentum: float, step: float) -> float:
    return float(spectral_radius(momentum, step))


def _valley(momentum: float) -> Array:
    return descend(
        slope_before_a_valley, start=40.0, momentum=momentum, learning_rate=0.1, steps=3000
    )


def slow_without_momentum() -> Evidence:
    """Q5.10 over condition numbers, and where noise sets the pace."""
    return _check_missing_momentum((1.0, 100.0, 1e4))


def slow_without_momentum_in_a_round_bowl() -> Evidence:
    """Control of Q5.10: all problems taken for a round bowl."""
    return _check_missing_momentum((1.0,))


def _check_missing_momentum(condition_numbers: tuple[float, ...]) -> Evidence:
    quantity = "steps without momentum, relative to the best momentum"
    cases = []
    for condition_number in condition_numbers:
        best = best_radius(best_momentum(condition_number), condition_number)
        without = best_radius(0.0, condition_number)
        ratio = steps_to_shrink(float(without)) / steps_to_shrink(float(best))
        condition = f"no noise, condition number {condition_number:,.0f}"
        cases.append(Case(condition, (Check(quantity, ratio, ">=", 2.0),)))
    plain, fast = (_steps_at_noise_floor(momentum) for momentum in (0.0, 0.9))
    noisy = Check("steps without momentum, relative to momentum 0.9", plain / fast, ">=", 2.0)
    cases.append(Case("noisy gradients, the same spread in the end", (noisy,)))
    return Evidence(tuple(cases))


def _steps_at_noise_floor(momentum: float, variance: float = 0.001) -> float:
    """Steps per factor 1,000 with the learning rate whose stationary variance is ``variance``."""
    slack = variance * (1.0 - momentum)
    rate = 2.0 * slack * (1.0 + momentum) / (1.0 + momentum + slack)
    if not np.isclose(stationary_variance(momentum, rate), variance):
        raise ArithmeticError(f"learning rate {rate} does not give the variance {variance}")
    return steps_to_shrink(_radius(momentum, rate))
