"""The figures of docs/real_network.md, on white, so that they can be read on a dark page too."""

from collections.abc import Callable, Mapping

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.real_network.q6_sparsity import PENALTIES, SHARES
from benchmarks.real_network.telling import Record, average
from lightning_cifar.study.report.axes import legend_above, pair, plain

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#555555")
GUESSING = 2.3026  # ln 10, the loss of a guess among ten classes


def draw_signals(record: Record) -> Figure:
    """Variance of the activations and norm of the gradients by layer, before training."""
    figure, left, right = pair()
    shown = ("selu, lecun", "relu, he", "relu, torch", "elu, he", "tanh, lecun", "logistic, lecun")
    for name, colour in zip(shown, COLOURS, strict=False):
        before = record["cells"][name]["before"]
        layers = range(1, len(before["variances"]) + 1)
        left.plot(layers, before["variances"], color=colour, label=name)
        right.plot(range(1, len(before["gradients"]) + 1), before["gradients"], color=colour)
    left.set(yscale="log", xlabel="hidden layer", ylabel="variance before training")
    right.set(yscale="log", xlabel="layer", ylabel="norm of the gradient before training")
    return finished(figure, left, right)


def draw_momentum(record: Record) -> Figure:
    """Training loss by step for each momentum, each at its own rate."""
    figure, left, right = pair()
    for (name, curve), colour in zip(record["curves"].items(), COLOURS, strict=False):
        values = [GUESSING * 3 if each is None else each for each in curve]
        left.plot(record["curve_steps"], values, color=colour, label=name)
        right.plot(record["curve_steps"], values, color=colour)
    left.set(xlabel="step", ylabel="training loss (median)", ylim=(None, GUESSING + 0.1))
    right.set(xlabel="step", ylabel="training loss, up to 3 times guessing", yscale="log")
    right.set_ylim(None, GUESSING * 3)
    return finished(figure, left, right)


def draw_sparsity(record: Record) -> Figure:
    """Accuracy against the share of exact zeros: penalties, and pruning."""
    figure, left, right = pair()
    names = [f"proximal {each:g}" for each in PENALTIES]
    zeros = [100 * average(record["zeros"][name]) for name in ("none", *names)]
    left.plot(
        zeros,
        [average(record["accuracy"][name]) for name in ("none", *names)],
        "o-",
        color=COLOURS[0],
        label="proximal step",
    )
    for name, colour in (("once", COLOURS[1]), ("gradual", COLOURS[2])):
        values = [average(record["tuned"][f"{name} {share}"]) for share in SHARES]
        every = [average(record["tuned"]["unpruned 0"]), *values]
        left.plot([0, *(100 * share for share in SHARES)], every, "o-", color=colour, label=name)
    cut = [average(record["cut"]["none"][str(share)]) for share in SHARES]
    left.plot(
        [100 * share for share in SHARES], cut, "o-", color=COLOURS[3], label="not trained on"
    )
    left.set(xlabel="weights exactly 0 (%)", ylabel="validation accuracy (%)")
    full = record["bytes"]["full"]
    right.plot(
        [100 * share for share in SHARES],
        [100 * record["bytes"][str(share)] / full for share in SHARES],
        "o-",
        color=COLOURS[4],
    )
    right.axhline(100, color=COLOURS[6], linewidth=0.8)
    right.set(xlabel="weights exactly 0 (%)", ylabel="bytes, compressed rows (% of full)", ylim=0)
    return finished(figure, left, right)


def draw_depth(record: Record) -> Figure:
    """Accuracy by depth of every kind."""
    figure, left, right = pair()
    for place, (name, cells) in enumerate(record["cells"].items()):
        axes = left if place < 4 else right
        accuracy = [average(cells[str(depth)]["accuracy"]) for depth in record["depths"]]
        axes.plot(record["depths"], accuracy, "o-", color=COLOURS[place], label=name)
    plain_cells = record["cells"]["elu"]
    right.plot(
        record["depths"],
        [average(plain_cells[str(depth)]["accuracy"]) for depth in record["depths"]],
        ":",
        color=COLOURS[0],
        label="elu",
    )
    low = min(left.get_ylim()[0], right.get_ylim()[0])
    high = max(left.get_ylim()[1], right.get_ylim()[1])
    for axes in (left, right):
        axes.set(xlabel="hidden layers", ylabel="validation accuracy (%)", ylim=(low, high))
        axes.legend(frameon=False, fontsize=8)
        plain(axes)
    return figure


def finished(figure: Figure, left: Axes, right: Axes) -> Figure:
    """With a quiet grid and one legend."""
    plain(left)
    plain(right)
    legend_above(figure, left)
    return figure


def save(figure: Figure, path: str) -> None:
    """As SVG on white; the same figure gives the same file."""
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "real network"}):
        figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None})


# Experiment -> name of the file, how it is drawn, words for those who cannot see it.
FIGURES: Mapping[str, tuple[str, Callable[[Record], Figure], str]] = {
    "q3_q4": (
        "real_network_signals.svg",
        draw_signals,
        "Variance of the activations and norm of the gradients by layer before training",
    ),
    "q5": (
        "real_network_momentum.svg",
        draw_momentum,
        "Training loss by step for each momentum at its own rate",
    ),
    "q6": (
        "real_network_sparsity.svg",
        draw_sparsity,
        "Accuracy and bytes against the share of weights that are exactly zero",
    ),
    "depth": (
        "real_network_depth.svg",
        draw_depth,
        "Validation accuracy by depth: the four variants, and what one would use today",
    ),
}
