"""Draws question 6: weights under L1 by the gradient of the penalty and by the proximal step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.sparsity.demo import SparsityResult


def draw(result: SparsityResult) -> Figure:
    """Figure with the weights over their targets (left) and the magnitudes near zero (right)."""
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1))
    _draw_weights(left, result)
    _draw_magnitudes(right, result)
    return figure


def _draw_weights(axes: Axes, result: SparsityResult) -> None:
    axes.axvspan(-result.penalty, result.penalty, color="#e5e7eb", label="zero at the minimum")
    axes.plot(result.targets, result.targets, color="#6b7280", linewidth=0.8, label="no penalty")
    axes.plot(
        result.targets,
        result.subgradient_weights,
        ".",
        color="#c2410c",
        markersize=4,
        label=f"gradient of the penalty: {result.subgradient_zeros} zeros",
    )
    axes.plot(
        result.targets,
        result.proximal_weights,
        color="#1d4ed8",
        linewidth=1.5,
        label=f"proximal step: {result.proximal_zeros} zeros",
    )
    axes.set_xlabel("best weight without the penalty")
    axes.set_ylabel("weight with the penalty")
    axes.legend(fontsize=8)


def _draw_magnitudes(axes: Axes, result: SparsityResult) -> None:
    rank = np.arange(1, result.weights + 1)
    floor = 1e-6  # where zeros are drawn: a logarithmic axis has no place for them
    for weights, colour, name in (
        (result.subgradient_weights, "#c2410c", "gradient of the penalty"),
        (result.proximal_weights, "#1d4ed8", "proximal step"),
    ):
        magnitudes = np.sort(np.abs(np.array(weights)))
        axes.plot(rank, np.maximum(magnitudes, floor), color=colour, label=name)
    axes.axhline(result.flutter_bound, color="#6b7280", linestyle="--", linewidth=0.8)
    axes.annotate("reach of one step", (1, result.flutter_bound), va="bottom", fontsize=8)
    axes.set_yscale("log")
    axes.set_ylim(floor / 2.0, None)
    axes.set_xlabel("weights, from the smallest to the largest")
    axes.set_ylabel("magnitude (exact zeros at the bottom)")
    axes.legend(fontsize=8, loc="lower right")
