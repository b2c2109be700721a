"""The picture of a search, without global state."""

from matplotlib.figure import Figure

from lightning_cifar.rate_search.search import SearchResult


def draw_search(result: SearchResult) -> Figure:
    """The range test's curve beside the race of the candidates."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(result.test.rates, result.test.losses, color="0.8", linewidth=1, label="per batch")
    left.plot(result.test.rates, result.test.smoothed, color="#0072B2", label="smoothed")
    left.axvline(result.rate, color="#D55E00", linestyle="--", label=f"found: {result.rate:.2g}")
    left.set(xscale="log", xlabel="learning rate", ylabel="training loss", title="Range test")
    left.set_ylim(top=1.5 * result.test.smoothed[0])
    left.legend(frameon=False)
    rates = [candidate.rate for candidate in result.race]
    right.plot(rates, [candidate.best for candidate in result.race], "o-", color="#0072B2")
    right.axvline(result.rate, color="#D55E00", linestyle="--")
    right.set(xscale="log", xlabel="learning rate", ylabel="lowest validation loss", title="Race")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
