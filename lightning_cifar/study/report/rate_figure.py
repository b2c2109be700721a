"""Accuracy against the learning rate of a grid, and where the search ended."""

import math

from matplotlib.figure import Figure

from lightning_cifar.study.report.axes import SMALL, plain
from lightning_cifar.study.report.rate_answer import found_rate
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.variant_colours import COLOURS


def draw_rates(study: Study) -> Figure:
    """One curve a variant; a run that did not learn leaves a gap, the found rate is a triangle."""
    figure = Figure(figsize=(8.4, 3.6))
    axes = plain(figure.subplots())
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.15, top=0.96)
    for variant, points in study.grid.items():
        colour = COLOURS.get(variant, "#555555")
        rates = [point.rate for point in points]
        accuracies = [100 * point.accuracy for point in points]
        axes.plot(rates, accuracies, "o-", color=colour, markersize=4, label=variant)
        rate = found_rate(study, variant)
        if not math.isnan(rate):
            axes.plot(
                rate,
                0.03,
                "^",
                color=colour,
                markersize=8,
                transform=axes.get_xaxis_transform(),
            )
    axes.set(xscale="log", xlabel="learning rate", ylabel="accuracy (%)")
    axes.legend(frameon=False, fontsize=SMALL)
    return figure
