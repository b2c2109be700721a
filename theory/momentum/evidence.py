"""The experiments of question 5 on how the weights move, each with a control that is rejected."""

import numpy as np

from theory.claim import Case, Check, Evidence
from theory.momentum.descent import (
    BARRIER,
    WORSE_BOTTOM,
    descend,
    gradient_weights,
    roll,
    tilted_double_well,
    tilted_double_well_loss,
)
from theory.momentum.quadratic import count_sign_changes, crossings_per_step, trajectory

CLOSE_TO_ONE = 0.99999
STEPS = (0.001, 0.01, 0.1, 1.0, 3.0)  # learning rate times curvature


def stays_far_from_the_minimum() -> Evidence:
    """Q5.1 at 0.99999."""
    return _check_distance(CLOSE_TO_ONE)


def stays_far_at_ordinary_momentum() -> Evidence:
    """Control of Q5.1: 0.9 arrives."""
    return _check_distance(0.9)


def _check_distance(momentum: float) -> Evidence:
    runs = {step: trajectory(momentum, step, 10_000) for step in STEPS}
    checks = tuple(
        Check(
            f"largest distance from the minimum in steps 9,000 to 10,000, in starting distances, "
            f"at learning rate · curvature = {step:g}",
            float(np.abs(run[9000:]).max()),
            ">=",
            0.5,
        )
        for step, run in runs.items()
    )
    return Evidence((Case("10,000 steps from rest on a quadratic", checks),), _is_sgd(momentum))


def _is_sgd(momentum: float) -> tuple[Check, ...]:
    """The recurrence moves, and is what ``torch.optim.SGD`` does."""
    expected = descend(lambda x: x, start=1.0, momentum=momentum, learning_rate=0.1, steps=200)
    ours = trajectory(momentum, 0.1, 200)
    return (
        Check("range of positions over 200 steps", float(np.ptp(ours)), ">", 0.1),
        Check(
            "largest difference from torch.optim.SGD over 200 steps",
            float(np.abs(ours - expected).max()),
            "<=",
            1e-9,
        ),
    )


def relies_on_the_past() -> Evidence:
    """Q5.2 at 0.99999."""
    return _check_memory(CLOSE_TO_ONE)


def relies_on_the_past_at_low_momentum() -> Evidence:
    """Control of Q5.2: at 0.3 the newest gradient rules."""
    return _check_memory(0.3)


def _check_memory(momentum: float) -> Evidence:
    steps = 1000
    weights = gradient_weights(momentum, steps)
    expected = momentum ** np.arange(steps - 1, -1, -1.0)
    share = float(weights[-1] / weights.sum())
    case = Case(
        "torch.optim.SGD after 1,000 gradients",
        (
            Check("share of the newest gradient in the update", share, "<", 0.5),
            Check(
                "largest difference of a weight from momentum to the power of its age",
                float(np.abs(weights - expected).max()),
                "<=",
                1e-12,
            ),
        ),
    )
    return Evidence((case,), (Check("sum of the weights", float(weights.sum()), ">", 0.0),))


def overshoots() -> Evidence:
    """Q5.3 at 0.99999."""
    return _check_overshoot(CLOSE_TO_ONE)


def overshoots_at_low_momentum() -> Evidence:
    """Control of Q5.3: 0.5 is damped enough to creep at these learning rates."""
    return _check_overshoot(0.5)


def _check_overshoot(momentum: float) -> Evidence:
    cases = []
    for step in (1e-5, 1e-3, 1e-2, 0.05):
        run = trajectory(momentum, step, 2000)
        beyond = Check(
            "deepest point beyond the minimum, in starting distances", float(-run.min()), ">", 0.0
        )
        cases.append(Case(f"learning rate · curvature = {step:g}", (beyond,)))
    return Evidence(tuple(cases), _is_sgd(momentum))


def oscillates() -> Evidence:
    """Q5.4 with the usual momentum of 0.99999."""
    return _check_oscillation(nesterov=False)


def oscillates_with_nesterov() -> Evidence:
    """Control of Q5.4: Nesterov's form damps a direction of noticeable curvature."""
    return _check_oscillation(nesterov=True)


def _check_oscillation(*, nesterov: bool) -> Evidence:
    step, steps = 0.1, 20_000
    run = trajectory(CLOSE_TO_ONE, step, steps, nesterov=nesterov)
    predicted = steps * crossings_per_step(CLOSE_TO_ONE, step)
    visible = np.where(np.abs(run) > 1e-6, run, 0.0)
    crossings = count_sign_changes(visible)
    case = Case(
        f"{steps:,} steps at learning rate · curvature = {step:g}",
        (
            Check(
                f"crossings of the minimum, distance from the predicted {predicted:.1f}",
                abs(crossings - predicted),
                "<=",
                1.0,
            ),
            Check(
                "largest swing in the last 1,000 steps, in starting distances",
                float(np.abs(run[-1000:]).max()),
                ">=",
                0.5,
            ),
        ),
    )
    return Evidence((case,), (Check("crossings of the minimum", crossings, ">", 1.0),))


def keeps_its_direction() -> Evidence:
    """Q5.5 with momentum 1 as PyTorch has it by default."""
    return _check_direction(dampening=0.0)


def keeps_its_direction_with_dampening() -> Evidence:
    """Control of Q5.5: with dampening 1 only the first gradient ever counts."""
    return _check_direction(dampening=1.0)


def _check_direction(*, dampening: float) -> Evidence:
    run = descend(
        lambda x: x, start=1.0, momentum=1.0, learning_rate=0.3, steps=1000, dampening=dampening
    )
    updates = np.diff(run)
    case = Case(
        "torch.optim.SGD with momentum 1 on ½x², 1,000 steps",
        (
            Check("reversals of direction", count_sign_changes(updates), "==", 0.0),
            Check(
                "largest difference between two updates, in starting distances",
                float(np.ptp(updates)),
                "<=",
                1e-9,
            ),
        ),
    )
    return Evidence((case,), (Check("smallest update", float(np.abs(updates).min()), ">", 0.0),))


def gets_stuck() -> Evidence:
    """Q5.6 with momentum 1."""
    return _check_stuck(1.0)


def gets_stuck_at_low_momentum() -> Evidence:
    """Control of Q5.6: 0.5 settles in the nearer, worse valley."""
    return _check_stuck(0.5)


def _check_stuck(momentum: float) -> Evidence:
    top = _height(BARRIER)
    cases, ranges = [], []
    for start in (1.7, 1.3, 1.2):
        run = roll(
            tilted_double_well, start=start, momentum=momentum, learning_rate=0.01, steps=40_000
        )
        ranges.append(float(np.ptp(run)))
        above = _height(start) / top
        crossings = count_sign_changes(run - BARRIER)
        cases.append(
            Case(
                f"two valleys, started at {start:g} in the worse one, at {above:.3g} times the "
                "barrier's height; 40,000 steps",
                (Check("crossings of the barrier", crossings, "==", 0.0),),
            )
        )
    moved = Check("smallest range of positions", min(ranges), ">", 0.1)
    return Evidence(tuple(cases), (moved, _rolls_like_sgd(momentum)))


def _height(x: float) -> float:
    """Loss above the bottom of the worse valley."""
    return tilted_double_well_loss(x) - tilted_double_well_loss(WORSE_BOTTOM)


def _rolls_like_sgd(momentum: float) -> Check:
    ours, theirs = (
        run(tilted_double_well, start=1.7, momentum=momentum, learning_rate=0.01, steps=200)
        for run in (roll, descend)
    )
    apart = np.abs(ours - theirs)
    return Check(
        "largest difference from torch.optim.SGD over 200 steps", float(apart.max()), "<=", 1e-9
    )
