"""What all figures of the report have in common."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

SMALL, GREY, INK = 9, "#777777", "#000000"
# Of the variants: Okabe and Ito's, apart for the colour-blind too.
COLOURS = {"elu": "#0072B2", "batch_norm": "#D55E00", "selu": "#009E73", "alpha_dropout": "#CC79A7"}


def plain(axes: Axes) -> Axes:
    """Without a box, with a quiet grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL)
    axes.xaxis.label.set_fontsize(SMALL + 1)
    axes.yaxis.label.set_fontsize(SMALL + 1)
    return axes


def pair(height: float = 3.4) -> tuple[Figure, Axes, Axes]:
    """Two plain panels side by side, the width of the page's column."""
    figure = Figure(figsize=(8.4, height))
    left, right = map(plain, figure.subplots(1, 2))
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.86, wspace=0.26)
    return figure, left, right


def legend_above(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, above them."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, names, loc="upper center", ncols=len(names), frameon=False, fontsize=SMALL
        )
