"""How SGD with momentum moves on a quadratic: does it arrive, ring or diverge, and how fast?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.domain import require_between, require_positive
from theory.errors import DomainError
from theory.momentum.quadratic import (
    Array,
    count_sign_changes,
    crossings_per_step,
    ringing_range,
    spectral_radius,
    stability_limit,
    stationary_variance,
    steps_to_shrink,
    trajectory,
)

REFERENCE_MOMENTUM = 0.9
_POINTS = 800  # positions kept for the figure
# Of learning_rate·curvature: below, a million steps go nowhere; above, squares overflow.
_SMALLEST_STEP, _LARGEST_STEP = 1e-9, 1e100
_ROUNDING = 1e-12  # two products of decimals that mean the same differ by less


@dataclass(frozen=True)
class MomentumResult:
    """What one momentum does, beside the usual 0.9 at the same learning rate.

    Attributes:
        momentum: the momentum shown.
        learning_rate: the learning rate.
        curvature: the curvature of the loss ½·curvature·x².
        steps: steps run, from rest at distance 1.
        regime: what happens in the long run, in words.
        factor_per_step: factor by which the distance changes per step in the long run.
        steps_per_factor_e: steps until the distance is e times smaller; infinite if it never is.
        reference_steps_per_factor_e: the same at momentum 0.9.
        largest_stable_learning_rate: the learning rate above which the distance grows.
        crossings: how often the minimum was crossed.
        predicted_crossings: how often the closed form says; 0 where it does not ring.
        deepest_overshoot: deepest point beyond the minimum, in starting distances.
        final_distance: distance from the minimum at the end, in starting distances; a
            diverging run ends beyond 1e150.
        noise_gain: variance that gradient noise leaves in the long run, in multiples of that
            without momentum; infinite where nothing damps it, and not a number (nan) where the
            run without momentum has no such variance, at a learning rate times curvature of 2
            or more.
        stretch_ends: the run in 800 stretches, each by its last step; single steps if fewer.
        farthest_positions: in each stretch, the position farthest from the minimum, in starting
            distances.
        reference_farthest_positions: the same with momentum 0.9; both lists end where they
            pass 1e6.
    """

    momentum: float
    learning_rate: float
    curvature: float
    steps: int
    regime: str
    factor_per_step: float
    steps_per_factor_e: float
    reference_steps_per_factor_e: float
    largest_stable_learning_rate: float
    crossings: int
    predicted_crossings: float
    deepest_overshoot: float
    final_distance: float
    noise_gain: float
    stretch_ends: tuple[int, ...]
    farthest_positions: tuple[float, ...]
    reference_farthest_positions: tuple[float, ...]


def demonstrate(
    *,
    momentum: float = 0.99999,
    learning_rate: float = 0.1,
    steps: int = 400,
    curvature: float = 1.0,
) -> MomentumResult:
    """Follow SGD with momentum on ½·curvature·x² from rest at distance 1.

    Args:
        momentum: share of the velocity kept in each step, from 0 to 1.
        learning_rate: learning rate, above 0; times the curvature from 1e-9 to 1e100.
        steps: steps to follow, from 1 to 1,000,000.
        curvature: curvature of the loss, above 0.

    Raises:
        DomainError: for a parameter outside those bounds.
    """
    _require_momentum(momentum)
    require_positive("learning_rate", learning_rate)
    require_positive("curvature", curvature)
    require_between("steps", steps, 1, 1_000_000)
    step = _exact(momentum, learning_rate * curvature)
    run = trajectory(momentum, step, steps)
    radius = float(spectral_radius(momentum, step))
    shown = np.unique(np.linspace(0, steps, min(steps, _POINTS) + 1).round().astype(int))
    return MomentumResult(
        momentum=momentum,
        learning_rate=learning_rate,
        curvature=curvature,
        steps=steps,
        regime=regime(momentum, step),
        factor_per_step=radius,
        steps_per_factor_e=_steps_per_factor_e(radius),
        reference_steps_per_factor_e=_steps_per_factor_e(
            float(spectral_radius(REFERENCE_MOMENTUM, step))
        ),
        largest_stable_learning_rate=stability_limit(momentum) / curvature,
        crossings=count_sign_changes(run),
        predicted_crossings=_predicted_crossings(momentum, step, steps),
        deepest_overshoot=max(0.0, float(-run.min())),
        final_distance=float(abs(run[-1])),
        noise_gain=_noise_gain(momentum, step),
        stretch_ends=tuple(int(index) for index in shown),
        farthest_positions=_shown(run, shown),
        reference_farthest_positions=_shown(trajectory(REFERENCE_MOMENTUM, step, steps), shown),
    )


def regime(momentum: float, step: float) -> str:
    """What happens in the long run, in words, for ``step`` = learning_rate·curvature."""
    step = _exact(momentum, step)
    limit, (low, high) = stability_limit(momentum), ringing_range(momentum)
    if step > limit:
        return "diverges: the distance grows in every swing"
    if step == limit:
        return "swings for ever at the edge of divergence"
    if momentum == 1.0:
        return "rings for ever: nothing damps the swing"
    if step <= low:
        return "creeps up to the minimum without crossing it"
    if step < high:
        return "rings around the minimum and converges"
    return "jumps across the minimum in every step and converges"


def _require_momentum(momentum: float) -> None:
    if momentum > 1.0 and math.isfinite(momentum):
        raise DomainError(
            f"momentum must be from 0 to 1, got {momentum}; above 1 the velocity grows by itself "
            "in every step, so the weights diverge at every learning rate and there is nothing "
            "else to show"
        )
    require_between("momentum", momentum, 0.0, 1.0)


def _exact(momentum: float, step: float) -> float:
    """``step``, or the border between two regimes that it differs from by rounding alone.

    As decimals 2.236 is 2·(1 + 0.118); as floats it is a little more, and would diverge.

    Raises:
        DomainError: nothing can be followed at such a step.
    """
    require_between("learning_rate times curvature", step, _SMALLEST_STEP, _LARGEST_STEP)
    borders = (*ringing_range(momentum), stability_limit(momentum))
    alike = (border for border in borders if math.isclose(step, border, rel_tol=_ROUNDING))
    return next(alike, step)


def _steps_per_factor_e(radius: float) -> float:
    return steps_to_shrink(radius, math.e)


def _predicted_crossings(momentum: float, step: float, steps: int) -> float:
    low, high = ringing_range(momentum)
    return steps * crossings_per_step(momentum, step) if low < step < high else 0.0


def _noise_gain(momentum: float, step: float) -> float:
    plain = stationary_variance(0.0, step)
    with_momentum = stationary_variance(momentum, step)
    return with_momentum / plain if math.isfinite(plain) else math.nan


def _shown(run: Array, ends: NDArray[np.int_]) -> tuple[float, ...]:
    """The most distant position of each stretch that ends at ``ends``, up to the first past 1e6.

    Single positions at a distance of many steps would show a beat that is not there.
    """
    stretches = np.split(run, ends[ends < len(run) - 1] + 1)
    chosen = np.array([stretch[np.argmax(np.abs(stretch))] for stretch in stretches])
    beyond = np.flatnonzero(np.abs(chosen) > 1e6)
    return tuple(float(x) for x in chosen[: beyond[0] if beyond.size else None])
