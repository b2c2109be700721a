"""Draws question 7: what dropout costs in training, in prediction and by Monte Carlo, as counts."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.dropout.demo import DropoutResult

_WITHOUT, _WITH = "#1d4ed8", "#c2410c"


def draw(result: DropoutResult) -> Figure:
    """Figure with the costs of dropout (left) and of Monte Carlo dropout (right), as ratios."""
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_dropout(left, result)
    _draw_monte_carlo(right, result)
    return figure


def _draw_dropout(axes: Axes, result: DropoutResult) -> None:
    bars = {
        "training step:\narithmetic": 1.0 + result.extra_step_arithmetic_share,
        "training step:\nkernel calls": result.dropout_step_operations
        / result.plain_step_operations,
        "prediction:\narithmetic and calls": result.dropout_inference_operations
        / result.plain_inference_operations,
    }
    _bars(axes, bars)
    axes.set_title(f"With dropout at rate {result.rate:.12g} (without = 1)", fontsize=10)


def _draw_monte_carlo(axes: Axes, result: DropoutResult) -> None:
    one = result.inference_flops
    bars = {
        "passes": float(result.monte_carlo_passes),
        "arithmetic,\nevery pass in full": result.monte_carlo_flops / one,
        "first layers\ncomputed once": result.shared_prefix_flops / one,
        "dropout only\nbefore the output": result.last_layer_flops / one,
    }
    _bars(axes, bars)
    axes.set_title(
        f"Monte Carlo dropout, {result.samples} samples (one prediction = 1)", fontsize=10
    )


def _bars(axes: Axes, heights: dict[str, float]) -> None:
    places = range(len(heights))
    drawn = axes.bar(places, list(heights.values()), color=_WITH, width=0.6)
    axes.bar_label(drawn, [f"{height:.3g}" for height in heights.values()], padding=2)
    axes.axhline(1.0, color=_WITHOUT, linewidth=1.2)
    axes.set_xticks(places, list(heights), fontsize=8)
    axes.set_ylim(0.0, 1.15 * max(*heights.values(), 1.0))
    axes.set_ylabel("cost as a multiple")
