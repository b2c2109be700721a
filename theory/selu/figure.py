"""Draw the mean square of the activations and the gradient's size, layer by layer."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from theory.selu.demo import SeluResult

COLOURS = {
    "SELU": "#1f77b4",
    "ReLU": "#d95f02",
    "ELU": "#2a9d5c",
    "SiLU": "#8e5ea2",
    "tanh": "#a0522d",
    "logistic": "#666666",
}
STYLES = {"LeCun": "-", "He": "--", "gain 3/4": "-.", "nn.Linear default": ":"}


def draw(result: SeluResult) -> Figure:
    """Return the figure: predictions as lines, one drawn network as dots."""
    figure = Figure(figsize=(9.0, 6.4), layout="constrained")
    activations, gradients = figure.subplots(1, 2)
    layers = range(len(result.mean_squares_by_layer_predicted[0]))
    for index, name in enumerate(result.starts):
        function, start = name.split(" + ")
        # SELU with the right start and ReLU with He's lie on one another: one wide, one narrow.
        width = 3.0 if name == "SELU + LeCun" else 1.5
        line: dict[str, Any] = {
            "color": COLOURS[function],
            "linestyle": STYLES[start],
            "linewidth": width,
        }
        squares = result.mean_squares_by_layer_predicted[index]
        activations.plot(layers, squares, label=name, **line)
        measured = result.mean_squares_by_layer_measured[index]
        activations.plot(layers, measured, ".", color=COLOURS[function], markersize=3)
        gradients.plot(layers, result.log10_gradients_by_layer_predicted[index], **line)
    _finish(activations, gradients)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _finish(activations: Axes, gradients: Axes) -> None:
    activations.set_yscale("log")
    activations.set_title("Mean square of the activations", fontsize=11)
    activations.set_xlabel("layer (0: inputs); lines predicted, dots measured")
    gradients.set_title("log10 of the gradient, relative to the last layer", fontsize=11)
    gradients.set_xlabel("layer (the gradient travels from right to left)")
    for axes in (activations, gradients):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="#cccccc", linewidth=0.4)
