"""Train the four variants one after another, and show them side by side.

    python benchmarks/train_variants.py --out runs/demo --config configs/synthetic.yaml

All further arguments go to ``lightning-cifar fit``. The folder gets a number if it exists.
"""

import argparse
import sys
import time
from pathlib import Path

from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import RECORD_FILE, RunRecord, read_record

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
    from lightning_cifar.runs.curves import save_curves

    picture = folder / "learning_curves.png"
    save_curves(records, picture)
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
