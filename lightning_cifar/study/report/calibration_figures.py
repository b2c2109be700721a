"""How far stated confidence can be trusted, and how many samples are worth drawing."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_cifar.study.measures import WAYS
from lightning_cifar.study.report.axes import GREY, SMALL, legend_above, pair
from lightning_cifar.study.report.monte_carlo import (
    MonteCarlo,
    mean_score,
    pooled_reliability,
    scores_by_count,
)

COLOURS = {"deterministic": "#0072B2", "monte_carlo": "#D55E00", "temperature": "#009E73"}
STYLES = {"deterministic": "--", "temperature": ":"}


def draw_reliability(found: MonteCarlo) -> Figure:
    """Accuracy by stated confidence; on the diagonal a network is as right as it is sure."""
    figure, left, right = pair(3.8)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    for way, colour in COLOURS.items():
        bins = pooled_reliability(found.recorded, way)
        sure, right_share = [each.confidence for each in bins], [each.accuracy for each in bins]
        left.plot(sure, right_share, "o-", color=colour, markersize=3, label=WAYS[way])
        total = sum(each.images for each in bins) or 1
        right.plot(sure, [each.images / total for each in bins], color=colour)
    left.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    right.set(xlabel="confidence", ylabel="share of the images", xlim=(0, 1))
    legend_above(figure, left)
    return figure


def draw_samples(found: MonteCarlo) -> Figure:
    """Accuracy and negative log-likelihood by number of samples: mean, and range over seeds."""
    figure, left, right = pair(3.6)
    draw_counts(left, found.recorded, "accuracy", 100)
    draw_counts(right, found.recorded, "nll", 1)
    left.set(ylabel="test accuracy (%)")
    right.set(ylabel="test negative log-likelihood")
    legend_above(figure, left)
    return figure


def draw_counts(axes: Axes, compared: Sequence[Mapping[str, Any]], key: str, scale: float) -> None:
    """One score against the number of samples, and of both ways that need one pass."""
    found = scores_by_count(compared, key)
    counts = list(found)
    means = [scale * sum(each) / len(each) for each in found.values()]
    low, high = ([scale * end(each) for each in found.values()] for end in (min, max))
    colour = COLOURS["monte_carlo"]
    axes.fill_between(counts, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(counts, means, "o-", color=colour, markersize=4, label=WAYS["monte_carlo"])
    for way, style in STYLES.items():
        level = scale * mean_score(compared, way, key)
        axes.axhline(level, linestyle=style, color=COLOURS[way], label=WAYS[way])
    axes.set(xscale="log", xlabel="Monte Carlo samples")
    axes.set_xticks(counts, [str(count) for count in counts], fontsize=SMALL)
    axes.minorticks_off()
