"""Pictures of the benchmark of uncertainty: quality against cost, calibration against strength."""

from collections.abc import Mapping
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.uncertainty_comparisons import Record, values
from benchmarks.uncertainty_training import EVERY, LAST
from benchmarks.uncertainty_ways import PLAIN, SAMPLED, SIZES, Way, sampling_cost
from lightning_cifar.study.report.axes import GREY, SMALL, pair, plain
from lightning_cifar.uncertainty.corruptions import STRENGTHS

# Okabe and Ito's colours; markers and dashes tell the lines apart as well.
STYLES = (
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "-"),
    ("#009E73", "^", "-"),
    ("#CC79A7", "D", "--"),
    ("#E69F00", "v", "--"),
    ("#56B4E9", "P", ":"),
)
COSTS = "cost for an image, in passes of one network"
Line = tuple[str, str, str]  # what it is, condition, kind


def lines_of(roles: Mapping[str, str]) -> list[Line]:
    """The lines of both pictures: without dropout, and with it in both places."""
    undropped = [roles[role] for role in ("plain", "undropped") if role in roles]
    found: list[Line] = [(f"{name}, no dropout", name, PLAIN) for name in undropped]
    for place in (LAST, EVERY):
        if place in roles:
            found.append((f"{roles[place]}, Monte Carlo", roles[place], SAMPLED))
            found.append((f"{roles[place]}, dropout off", roles[place], PLAIN))
    return found


def draw_costs(records: Mapping[str, Record], roles: Mapping[str, str], samples: int) -> Figure:
    """Test loss, each with a temperature, against training runs and against cost for an image.

    Of Monte Carlo dropout on the right, dotted, also one network with fewer samples.
    """
    figure, left, right = pair(3.8)
    for (name, condition, kind), (colour, marker, line) in zip(
        lines_of(roles), STYLES, strict=False
    ):
        record = records[condition]
        ways = [Way(kind, size, True) for size in SIZES]
        ways = [way for way in ways if way.key in record["parts"]["test"]]
        losses = [mean(values(record, way, "nll", "test")) for way in ways]
        style = {"color": colour, "marker": marker, "linestyle": line, "label": name}
        left.plot([way.size for way in ways], losses, **style)
        options = record["about"]["options"]
        right.plot([way.computed(options, samples) for way in ways], losses, **style)
        if kind == SAMPLED:
            few = record["parts"]["samples"]
            first = [mean(figures["nll"]) for figures in few.values()]
            costs = [sampling_cost(options, count) for count in (*map(int, few), samples)]
            right.plot(costs, [*first, losses[0]], color=colour, marker=".", linestyle=":")
    for axes, what in ((left, "training runs"), (right, COSTS)):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel=what, ylabel="test negative log-likelihood (nats)")
        plain(axes)
    left.set_xticks(SIZES, [str(size) for size in SIZES])
    left.minorticks_off()
    left.sharey(right)
    finish(figure, left, "one network, fewer samples", marker=".", linestyle=":")
    return figure


def draw_shift(records: Mapping[str, Record], roles: Mapping[str, str]) -> Figure:
    """Calibration error against strength, mean over the corruptions: one network, then ensembles.

    All with the temperature of the validation images, and thin, without.
    """
    figure, left, right = pair(3.8)
    for axes, size in ((left, 1), (right, largest(records, roles))):
        for (name, condition, kind), (colour, marker, line) in zip(
            lines_of(roles), STYLES, strict=False
        ):
            for scaled in (True, False):
                errors = by_strength(records[condition], Way(kind, size, scaled))
                axes.plot(
                    range(len(errors)),
                    [100 * each for each in errors],
                    color=colour,
                    marker=marker if scaled else "",
                    linestyle=line,
                    linewidth=1.5 if scaled else 0.7,
                    label=name if scaled else None,
                )
        title = "one network" if size == 1 else f"ensembles of {size}"
        axes.set(xlabel=f"strength of the corruptions; {title}", ylabel="calibration error (%)")
        plain(axes)
    top = max(left.get_ylim()[1], right.get_ylim()[1])
    for axes in (left, right):
        axes.set_ylim(0, top)
    finish(figure, left, "no temperature", linewidth=0.7)
    return figure


def largest(records: Mapping[str, Record], roles: Mapping[str, str]) -> int:
    """Networks in the largest ensemble that all conditions of the picture have."""
    counts = [len(records[condition]["about"]["seeds"]) for _, condition, _ in lines_of(roles)]
    return max(size for size in SIZES if size <= min(counts))


def by_strength(record: Record, way: Way, measure: str = "calibration_error") -> list[float]:
    """A measure at strengths 0 to 5, mean over corruptions and groups."""
    return [
        mean(values(record, way, measure, f"strength {strength}")) for strength in (0, *STRENGTHS)
    ]


def finish(figure: Figure, axes: Axes, other: str, **style: Any) -> None:
    """A legend above the panels: the lines, and what the style of the other ones means."""
    figure.subplots_adjust(top=0.77)
    handles, names = axes.get_legend_handles_labels()
    handles.append(Line2D([], [], color=GREY, **style))
    figure.legend(
        handles, [*names, other], loc="upper center", ncols=3, frameon=False, fontsize=SMALL
    )
