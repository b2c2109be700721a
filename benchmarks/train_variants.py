"""Train the four variants one after another, and show them side by side.

    python benchmarks/train_variants.py --out runs/demo --config configs/synthetic.yaml

All further arguments go to ``lightning-cifar fit``. The folder gets a number if it exists.
"""

import argparse
import sys
import time
from pathlib import Path

from matplotlib.figure import Figure

from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import RECORD_FILE, RunRecord, read_record
from lightning_cifar.study.report.axes import COLOURS

VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
CONFIGS = Path(__file__).parent.parent / "configs"


def main() -> int:
    """Train, print the table, draw the curves; the exit code of the first failed fit, or 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/variants"), help="folder of the runs"
    )
    options, fit_arguments = parser.parse_known_args()
    from lightning_cifar.__main__ import main as lightning_cifar

    folder = free_folder(options.out)
    started = time.monotonic()
    records = {}
    for variant in VARIANTS:
        print(f"\n{variant}", flush=True)
        run = folder / variant
        configs = ["--config", str(CONFIGS / f"{variant}.yaml")]
        code = lightning_cifar(["fit", *configs, "--run", str(run), *fit_arguments])
        if code != 0:
            return code
        records[variant] = read_record(run / RECORD_FILE)
    picture = folder / "learning_curves.png"
    draw_curves(records).savefig(picture, dpi=120)
    print("\n" + table(records))
    print(f"\nlearning curves: {picture}\n{time.monotonic() - started:.0f} s in all")
    return 0


def free_folder(wanted: Path) -> Path:
    """``wanted``, or with the first number that makes it new."""
    for number in range(1000):
        folder = wanted if number == 0 else wanted.with_name(f"{wanted.name}-{number:03d}")
        if not folder.exists():
            return folder
    raise InputError(f"{wanted} and 999 folders after it exist; choose another --out")


def draw_curves(records: dict[str, RunRecord]) -> Figure:
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


def table(records: dict[str, RunRecord]) -> str:
    """The records in columns, as Markdown."""
    rows = [
        "| variant | validation accuracy | validation loss | best epoch | rate found | s/epoch |",
        "|---|---|---|---|---|---|",
    ]
    for variant, record in records.items():
        best = record.best
        if best is None:
            rows.append(f"| {variant} | {record.stop_reason} | | | {record.learning_rate:.2g} | |")
            continue
        rows.append(
            f"| {variant} | {best.val_accuracy:.1%} | {best.val_loss:.3f} | {best.epoch + 1} of "
            f"{len(record.epochs)} | {record.learning_rate:.2g} | {record.seconds_per_epoch:.1f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
