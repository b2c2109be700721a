"""Question 1's figure: how far apart units grow, and what the network gets right, by step."""

from matplotlib.figure import Figure

from theory.symmetry.demo import SymmetryResult

_FLOOR = 1e-18  # exact zeros cannot stand on a logarithmic axis


def draw(result: SymmetryResult) -> Figure:
    """Draw the spread of the units above the accuracy on XOR, for both starts."""
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    steps = range(len(result.spread_equal_start))
    starts = (
        ("all weights equal", result.spread_equal_start, result.accuracy_equal_start, "C3", "-"),
        (
            "each weight its own draw",
            result.spread_independent_start,
            result.accuracy_independent_start,
            "C0",
            "--",
        ),
    )
    for name, spread, accuracy, colour, line in starts:
        visible = [max(value, _FLOOR) for value in spread]
        upper.semilogy(steps, visible, color=colour, linestyle=line, label=name)
        lower.plot(steps, accuracy, color=colour, linestyle=line, label=name)
    upper.set_ylabel("largest difference between\ntwo units of a layer, relative")
    upper.legend()
    lower.axhline(0.75, color="grey", linewidth=0.8)
    lower.annotate("no straight cut gets beyond 3 of 4", (0, 0.765), color="grey", fontsize=9)
    lower.set_ylabel("share of XOR's corners")
    lower.set_ylim(-0.05, 1.05)
    lower.set_xlabel("training step")
    return figure
