"""Pictures of a search and of learning curves, without global state."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from lightning_cifar.learning_rate import SearchResult
from lightning_cifar.records import RunRecord
from lightning_cifar.variant_colours import COLOURS


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


def draw_curves(records: Mapping[str, RunRecord]) -> Figure:
    """Validation loss and accuracy by epoch, one colour a variant, the kept epoch marked."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, record in records.items():
        epochs = [epoch.epoch + 1 for epoch in record.epochs]
        losses = [epoch.val_loss for epoch in record.epochs]
        accuracies = [100 * epoch.val_accuracy for epoch in record.epochs]
        colour = COLOURS.get(record.variant)
        left.plot(epochs, losses, color=colour, label=name)
        right.plot(epochs, accuracies, color=colour, label=name)
        if record.best is not None:
            left.plot(record.best.epoch + 1, record.best.val_loss, "o", color=colour)
            right.plot(record.best.epoch + 1, 100 * record.best.val_accuracy, "o", color=colour)
    left.set(xlabel="epoch", ylabel="validation loss")
    right.set(xlabel="epoch", ylabel="validation accuracy (%)")
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure


def save_curves(records: Mapping[str, RunRecord], path: Path) -> None:
    """Draw the curves of ``records`` into a PNG."""
    draw_curves(records).savefig(path, dpi=120)
