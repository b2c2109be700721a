"""The picture of a search, without global state."""

from matplotlib.figure import Figure

from lightning_cifar.rate_search.search import SearchResult


def draw_search(result: SearchResult) -> Figure:
    """The range test's curve beside the race of the candidates."""
    figure = Figure(figsize=(9, 3.6))
    # A layout that measures every text takes as long as a hundred steps, and the fit waits for it.
    figure.subplots_adjust(left=0.07, right=0.97, top=0.91, bottom=0.14, wspace=0.2)
    left, right = figure.subplots(1, 2)
    left.plot(result.test.rates, result.test.losses, color="0.8", linewidth=1, label="per batch")
    left.plot(result.test.rates, result.test.smoothed, color="#0072B2", label="smoothed")
    left.axvline(result.rate, color="#D55E00", linestyle="--", label=f"found: {result.rate:.2g}")
    left.set(xscale="log", xlabel="learning rate", ylabel="training loss", title="Range test")
    start, lowest = result.test.smoothed[0], min(result.test.smoothed)
    fall = start - lowest or 1.0
    left.set_ylim(lowest - fall / 4, start + fall)  # where training breaks losses have no end
    left.legend(frameon=False)
    rates = [candidate.rate for candidate in result.race]
    right.plot(rates, [candidate.best for candidate in result.race], "o-", color="#0072B2")
    right.axvline(result.rate, color="#D55E00", linestyle="--")
    right.set(xscale="log", xlabel="learning rate", ylabel="lowest validation loss", title="Race")
    named = rates[:: 1 + len(rates) // 8]
    right.set_xticks(named, [f"{rate:.2g}" for rate in named])
    right.minorticks_off()
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
