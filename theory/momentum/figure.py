"""Draws question 5: the trajectory beside that of momentum 0.9, and the region of stability."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.momentum.demo import REFERENCE_MOMENTUM, MomentumResult
from theory.momentum.quadratic import ringing_range, stability_limit


def draw(result: MomentumResult) -> Figure:
    """Figure with the positions over the steps (left) and the plane of both settings (right)."""
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_trajectories(left, result)
    _draw_regions(right, result)
    return figure


def _draw_trajectories(axes: Axes, result: MomentumResult) -> None:
    shown = result.farthest_positions
    axes.plot(
        result.stretch_ends[: len(shown)],
        shown,
        color="#c2410c",
        linewidth=1.0,
        label=f"momentum {result.momentum:.12g}",
    )
    reference = result.reference_farthest_positions
    axes.plot(
        result.stretch_ends[: len(reference)],
        reference,
        color="#1d4ed8",
        linewidth=1.5,
        label=f"momentum {REFERENCE_MOMENTUM:g}",
    )
    axes.axhline(0.0, color="#6b7280", linewidth=0.8)
    axes.set_xlabel("step")
    axes.set_ylabel("position (start = 1, minimum = 0)")
    axes.set_title(f"It {result.regime}", fontsize=10)
    axes.legend(loc="upper right")


def _draw_regions(axes: Axes, result: MomentumResult) -> None:
    momentum = np.linspace(0.0, 1.0, 201)
    limit = np.array([stability_limit(value) for value in momentum])
    low, high = (np.array(edge) for edge in zip(*map(ringing_range, momentum), strict=True))
    axes.fill_between(momentum, 0.0, low, color="#bbf7d0", label="creeps")
    axes.fill_between(momentum, low, high, color="#bfdbfe", label="rings, converges")
    axes.fill_between(momentum, high, limit, color="#fde68a", label="jumps, converges")
    axes.fill_between(momentum, limit, 5.0, color="#fecaca", label="diverges")
    step = result.learning_rate * result.curvature
    axes.plot(result.momentum, min(step, 4.9), "o", color="#c2410c", clip_on=False)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 5.0)
    axes.set_xlabel("momentum")
    axes.set_ylabel("learning rate · curvature")
    axes.set_title("What the two settings do on a quadratic", fontsize=10)
    axes.legend(loc="lower left", fontsize=8)
