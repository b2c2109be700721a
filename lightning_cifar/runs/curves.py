"""Learning curves of some runs, without global state."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from lightning_cifar.runs.records import RunRecord
from lightning_cifar.runs.variant_colours import COLOURS


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
