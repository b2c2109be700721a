"""Accuracy against the learning rate of a grid, and where the search ended."""

from matplotlib.figure import Figure

from lightning_cifar.study.report.axes import COLOURS, legend_above, plain
from lightning_cifar.study.study_files import Study


def draw_rates(study: Study) -> Figure:
    """A panel for each set-up, one curve a variant; the rate found is a triangle.

    Runs that did not learn leave a gap.
    """
    set_ups = list(dict.fromkeys(condition.partition("/")[0] for condition in study.grid))
    figure = Figure(figsize=(8.4, 3.6))
    panels = figure.subplots(1, len(set_ups), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.15, top=0.84, wspace=0.05)
    for set_up, axes in zip(set_ups, panels, strict=True):
        plain(axes).set(xscale="log", xlabel="learning rate", title=set_up)
        for condition, grid in study.grid.items():
            name, _, variant = condition.partition("/")
            if name != set_up:
                continue
            colour = COLOURS.get(variant, "#555555")
            rates = [point.rate for point in grid.points]
            accuracies = [100 * point.accuracy for point in grid.points]
            axes.plot(rates, accuracies, "o-", color=colour, markersize=4, label=variant)
            if grid.found is not None:
                height = axes.get_xaxis_transform()
                axes.plot(grid.found.rate, 0.03, "^", color=colour, markersize=8, transform=height)
    panels[0].set_ylabel("accuracy (%)")
    legend_above(figure, panels[0])
    return figure
