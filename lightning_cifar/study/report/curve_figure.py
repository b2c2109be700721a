"""Learning curves: the median over the seeds, in a band from the lowest run to the highest."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_cifar.study.plan_file import variants_of
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.report.axes import COLOURS, legend_above, pair
from lightning_cifar.study.study_files import Study

MOST_POINTS = 120  # of a curve; more would only make the page heavier


def curve_set_ups(study: Study) -> list[str]:
    """The set-ups that have a curve, in the order of the plan."""
    there = {record.set_up for record in study.records if record.run.epochs}
    planned = [str(name) for name in study.plan.get("set_ups") or () if name in there]
    return planned + sorted(there - set(planned))


def draw_curves(study: Study, set_up: str) -> Figure:
    """Validation loss and accuracy by epoch, as far as half of the runs go."""
    figure, left, right = pair()
    for variant in variants_of(study):
        runs = study.runs(set_up, variant)
        draw_band(left, runs, "val_loss", 1)
        draw_band(right, runs, "val_accuracy", 100)
    left.set(xlabel="epoch", ylabel="validation loss")
    right.set(xlabel="epoch", ylabel="validation accuracy (%)")
    limit_losses(left)
    legend_above(figure, left)
    return figure


def draw_band(axes: Axes, runs: Sequence[StudyRecord], name: str, scale: float) -> None:
    """The median and the range of the runs still under way at each epoch."""
    curves = [[scale * getattr(epoch, name) for epoch in run.run.epochs] for run in runs]
    curves = [curve for curve in curves if curve]
    if not curves:
        return
    lengths = sorted(len(curve) for curve in curves)
    end = lengths[(len(lengths) - 1) // 2]
    epochs = np.unique(np.linspace(1, end, min(end, MOST_POINTS)).round().astype(int))
    columns = [[curve[epoch - 1] for curve in curves if len(curve) >= epoch] for epoch in epochs]
    finite = [[value for value in column if np.isfinite(value)] or [np.nan] for column in columns]
    colour, label = COLOURS.get(runs[0].variant, "#555555"), runs[0].variant
    low, high = [min(column) for column in finite], [max(column) for column in finite]
    axes.fill_between(epochs, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(epochs, [np.median(column) for column in finite], color=colour, label=label)


def limit_losses(axes: Axes) -> None:
    """Leave out the first epochs' peaks, which would flatten all the rest."""
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    finite = np.concatenate([each[np.isfinite(each)] for each in drawn]) if drawn else np.array([])
    if len(finite):
        low, high = finite.min(), np.quantile(finite, 0.97)
        axes.set_ylim(low - 0.08 * (high - low) - 0.01, high + 0.25 * (high - low) + 0.01)
