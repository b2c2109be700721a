"""Draw the activation functions with their derivatives, one small panel each, and softmax."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.activations.demo import OTHER_SCORES, ActivationsResult

COLUMNS = 3
VALUE_COLOUR = "#1f77b4"
DERIVATIVE_COLOUR = "#d95f02"
CLASS_COLOURS = ("#1f77b4", "#d95f02", "#2a9d5c")


def draw(result: ActivationsResult) -> Figure:
    """Return the figure; solid lines are the functions, dashed ones their derivatives."""
    panels = len(result.functions) + 1
    rows = -(-panels // COLUMNS)
    figure = Figure(figsize=(9.0, 2.3 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    curves = zip(result.functions, result.values, result.derivatives, strict=True)
    for axes, (name, values, derivatives) in zip(grid, curves, strict=False):
        _draw_function(axes, result.inputs, values, derivatives)
        axes.set_title(name, fontsize=10)
    _draw_softmax(grid[panels - 1], result)
    for axes in grid[panels:]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_function(
    axes: Axes, inputs: tuple[float, ...], values: tuple[float, ...], derivatives: tuple[float, ...]
) -> None:
    axes.axhline(0, color="#999999", linewidth=0.6)
    axes.axvline(0, color="#999999", linewidth=0.6)
    axes.plot(inputs, values, color=VALUE_COLOUR, label="function")
    axes.plot(inputs, derivatives, color=DERIVATIVE_COLOUR, linestyle="--", label="derivative")
    axes.set_ylim(-2.0, 3.0)
    axes.tick_params(labelsize=8)


def _draw_softmax(axes: Axes, result: ActivationsResult) -> None:
    names = ("class with score x", *(f"class with score {score:g}" for score in OTHER_SCORES))
    curves = zip(names, result.softmax_probabilities, CLASS_COLOURS, ("-", "--", ":"), strict=True)
    for name, curve, colour, style in curves:
        axes.plot(result.inputs, curve, color=colour, linestyle=style, label=name)
    axes.set_title("softmax of three scores", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.set_ylim(-0.05, 1.6)  # room for the legend
    axes.legend(fontsize=8, frameon=False, loc="upper left")
