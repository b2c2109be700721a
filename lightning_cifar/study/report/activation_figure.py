"""Mean and variance of the activations through the depth of the network."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_cifar.study.report.axes import COLOURS, GREY, legend_above, pair
from lightning_cifar.study.report.layers import BEST, MEANS, VARIANCES, Normalising


def draw_activations(found: Normalising) -> Figure:
    """Dashed before training, solid at the best epoch; the band is where SELU's map contracts."""
    figure, left, right = pair(3.6)
    for variant, moment, layers in found.rows:
        depth = range(1, len(layers.means) + 1)
        style, label = ("-", variant) if moment == BEST else ("--", None)
        colour = COLOURS.get(variant, GREY)
        left.plot(depth, layers.means, style, color=colour, linewidth=1.6, label=label)
        right.plot(depth, layers.variances, style, color=colour, linewidth=1.6)
    left.axhspan(*MEANS, color="#dfeaf5", zorder=0)
    right.axhspan(*VARIANCES, color="#dfeaf5", zorder=0)
    left.set(xlabel="hidden layer", ylabel="mean")
    right.set(xlabel="hidden layer", ylabel="variance", yscale="log")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    legend_above(figure, left)
    return figure
