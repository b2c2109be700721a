"""Paired differences with their intervals, one line each, every seed a dot."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_cifar.study.contrasts import BETTER, WORSE, Finding, Findings
from lightning_cifar.study.report.axes import GREY, INK, plain

COLOUR = {BETTER: "#14683f", WORSE: "#ad2430"}


def draw_forest(findings: Sequence[Finding]) -> Figure:
    """The differences in points of accuracy; right of zero the first side is better."""
    figure = Figure(figsize=(8.4, 0.9 + 0.42 * len(findings)))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.42, right=0.98, top=0.97, bottom=0.55 / figure.get_figheight())
    axes.axvline(0, color=INK, linewidth=1)
    for place, found in enumerate(findings):
        draw_line(axes, -place, found)
    axes.set_yticks([-place for place in range(len(findings))], [label(each) for each in findings])
    axes.set_ylim(-len(findings) + 0.4, 0.6)
    axes.set_xlabel("difference in points of test accuracy, first − second")  # noqa: RUF001
    plain(axes)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def draw_line(axes: Axes, height: float, found: Finding) -> None:
    """Dots of the seeds, interval, mean; the margin of equivalence as a band."""
    comparison = found.comparison
    assert comparison is not None
    colour = COLOUR.get(found.verdict, "#565c68")
    if found.contrast.margin is not None:
        ends = [-found.contrast.margin, found.contrast.margin]
        axes.fill_between(ends, height - 0.4, height + 0.4, color="#faeed4", linewidth=0)
    heights = [height - 0.2] * len(comparison.differences)
    axes.plot(comparison.differences, heights, "o", color=GREY, markersize=2.5)
    axes.plot([comparison.low, comparison.high], [height, height], color=colour, linewidth=2.5)
    axes.plot(comparison.mean, height, "D", color=colour, markersize=5)


def label(found: Finding) -> str:
    """Both sides; the set-up once where they share it."""
    first, second = found.contrast.first, found.contrast.second
    if first.set_up == second.set_up:
        return f"{first.variant} − {second.variant}\n({first.set_up})"  # noqa: RUF001
    if first.variant == second.variant:
        return f"{first.set_up} − {second.set_up}\n({first.variant})"  # noqa: RUF001
    return f"{first.set_up}/{first.variant}\n− {second.set_up}/{second.variant}"  # noqa: RUF001


def forest_findings(findings: Findings) -> list[Finding]:
    """Those of test accuracy that have a figure."""
    of_accuracy = (found for found in findings.all() if found.measure.key == "test_accuracy")
    return [found for found in of_accuracy if found.comparison is not None]
