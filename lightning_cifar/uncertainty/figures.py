"""Figures of a comparison, drawn from its record alone; and the contact sheet of a prediction."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lightning_cifar.uncertainty.comparison import DETERMINISTIC, TEMPERATURE, Comparison
from lightning_cifar.uncertainty.measures import Prediction
from lightning_cifar.uncertainty.report import TITLES

# Okabe and Ito's colours, which colour-blind readers can tell apart; the markers differ as well.
COLOURS = dict(zip(TITLES, ("#000000", "#D55E00", "#0072B2"), strict=True))
MARKERS = dict(zip(TITLES, ("s", "o", "^"), strict=True))
SHEET_COLUMNS = 6


def draw_sample_counts(comparison: Comparison) -> Figure:
    """Accuracy and NLL against the number of samples, with the other two as horizontal lines."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, key in zip(figure.subplots(1, 2), ("accuracy", "nll"), strict=True):
        counts = [scores.samples for scores in comparison.by_count]
        values = [getattr(scores, key) for scores in comparison.by_count]
        axes.plot(counts, values, "o-", color=COLOURS["monte_carlo"], label=TITLES["monte_carlo"])
        for name, style in ((DETERMINISTIC, "-"), (TEMPERATURE, "--")):
            level = comparison.scores[name][key]
            axes.axhline(level, linestyle=style, color=COLOURS[name], label=TITLES[name])
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set_xlabel("samples")
        axes.set_ylabel("accuracy" if key == "accuracy" else "negative log-likelihood (nats)")
    axes.legend()
    return figure


def draw_reliability(comparison: Comparison) -> Figure:
    """Accuracy against confidence, in 15 bins; a calibrated prediction lies on the diagonal."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="calibrated")
    for name, bins in comparison.reliability.items():
        axes.plot(
            [item.confidence for item in bins],
            [item.accuracy for item in bins],
            marker=MARKERS[name],
            color=COLOURS[name],
            label=TITLES[name],
        )
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.legend()
    return figure


def draw_risk_coverage(comparison: Comparison) -> Figure:
    """Error rate among the most certain images, against their share."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for name, points in comparison.risk_coverage.items():
        axes.plot(
            [point.coverage for point in points],
            [point.risk for point in points],
            color=COLOURS[name],
            linestyle="--" if name == TEMPERATURE else "-",
            label=TITLES[name],
        )
    axes.set_xlabel("coverage: share of the images, most certain first")
    axes.set_ylabel("risk: error rate among them")
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def draw_contact_sheet(
    images: Tensor, names: Sequence[str], prediction: Prediction, class_names: Sequence[str]
) -> Figure:
    """The most certain images above the least certain ones, six each (fewer if there are fewer).

    images: (images, 3, size, size), uint8. Certainty is the probability of the predicted class.
    """
    order = prediction.confidence.argsort(descending=True, stable=True)
    columns = min(SHEET_COLUMNS, len(order))
    figure = Figure(figsize=(1.7 * max(columns, 3), 4.6), layout="constrained")
    grid = figure.subplots(2, columns, squeeze=False)
    for row, chosen in zip(grid, (order[:columns], order.flip(0)[:columns]), strict=True):
        for axes, index in zip(row, chosen.tolist(), strict=True):
            label = class_names[int(prediction.predicted[index])]
            caption = f"{shortened(names[index])}\n{label} {prediction.confidence[index]:.0%}"
            show_image(axes, images[index], caption)
    grid[0, 0].set_ylabel("most certain")
    grid[1, 0].set_ylabel("least certain")
    return figure


def show_image(axes: Axes, image: Tensor, caption: str) -> None:
    """One uint8 image (3, size, size) without ticks; the caption is plain text, dollars too."""
    axes.imshow(image.permute(1, 2, 0).to("cpu", torch.uint8).numpy(), interpolation="nearest")
    axes.set_title(caption, fontsize=8, parse_math=False)
    axes.set_xticks([])
    axes.set_yticks([])


def shortened(name: str, length: int = 22) -> str:
    """The end of a long name: it holds what tells files of one folder apart."""
    return name if len(name) <= length else "…" + name[-length + 1 :]
