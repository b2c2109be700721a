"""What the search costs in accuracy: the rate it finds against a grid of rates a factor 2 apart.

    python benchmarks/learning_rate_search.py --path cifar10-jpeg.zip \
        --rates benchmarks/results/study/rates --out benchmarks/results/learning_rate_search

Every rate of the grid, and the one that a study's search found, is trained from the same weights:
NAdam, batch 128; in the set-up "exercise" at a constant rate, at most 20 epochs, patience 5; in
"one_cycle" with 1cycle over 15 epochs. Compared are the validation accuracies at the epochs with
the lowest validation loss, means where there are several starts. All networks of a variant are one
stack. A grid that is in the folder already, with as many starts, is used again, and only the
rate found is trained.

The grid's best is the luckiest of its rates.
"""

import argparse
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.schedules import Schedule
from lightning_cifar.rate_search.race import at_rate, train_many
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.stack.fit import prepared
from lightning_cifar.stack.progress import MemberProgress

GRID = tuple(1e-5 * 2**power for power in range(12))
BATCH = 128


@dataclass(frozen=True)
class SetUp:
    """The rates of a grid and how its networks are trained; None: without patience."""

    rates: tuple[float, ...]
    schedule: Schedule
    epochs: int
    patience: int | None


# 1cycle comes down from every rate: the lower ones are far from the best.
SET_UPS = {
    "exercise": SetUp(GRID, "constant", 20, 5),
    "one_cycle": SetUp(GRID[4:11], "one_cycle", 15, None),
}


def main() -> None:
    """Train the grids, compare, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--path", required=True, help="folder or zip of CIFAR-10 images")
    parser.add_argument("--rates", type=Path, required=True, help="folder rates/ of a study")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set-ups", nargs="+", default=list(SET_UPS), choices=SET_UPS)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    options = parser.parse_args()
    images = CIFAR10DataModule(source="folder", path=options.path, batch_size=BATCH)
    images.prepare_data()
    images.setup("fit")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.set_ups:
        for variant in options.variants:
            path = options.out / f"{name}-{variant}.json"
            found = json.loads((options.rates / f"{name}-{variant}-0.json").read_text())["rate"]
            known = known_grid(path, SET_UPS[name].rates, options.starts)
            rates = (found,) if known else (*SET_UPS[name].rates, found)
            runs = train(variant, rates, images, SET_UPS[name], options.starts, options.device)
            points = points_of(rates, runs, options.starts)
            result = compared(known or points[:-1], points[-1], options.starts)
            print(f"{name}/{variant}: {shown(result)}", flush=True)
            source = {"versions": versions(), "commit": commit()}
            source["device"] = device_name(options.device)
            write_text_atomically(path, json.dumps(result | source, indent=1) + "\n")


def known_grid(path: Path, rates: Sequence[float], starts: int) -> list[dict[str, Any]]:
    """The points of a grid that was trained before; none where it was another grid."""
    if not path.exists():
        return []
    result = json.loads(path.read_text())
    grid: list[dict[str, Any]] = result["grid"]
    same = result["starts"] == starts and [each["rate"] for each in grid] == list(rates)
    return grid if same else []


def train(
    variant: str,
    rates: Sequence[float],
    images: CIFAR10DataModule,
    set_up: SetUp,
    starts: int,
    device: torch.device,
) -> list[MemberProgress]:
    """The runs of the first rate from all starts, then those of the second, and so on."""
    members = [
        prepared(VARIANTS[variant](seed=seed, schedule=set_up.schedule, compiled=True), images)
        for seed in range(starts)
    ]
    return train_many(
        [at_rate(member, rate) for rate in rates for member in members],
        images,
        device=device,
        epochs=set_up.epochs,
        patience=set_up.patience,
    )


def points_of(
    rates: Sequence[float], runs: Sequence[MemberProgress], starts: int
) -> list[dict[str, Any]]:
    """What came of each rate."""
    groups = [runs[index * starts : (index + 1) * starts] for index in range(len(rates))]
    return [point(rate, group) for rate, group in zip(rates, groups, strict=True)]


def compared(grid: list[dict[str, Any]], found: dict[str, Any], starts: int) -> dict[str, Any]:
    """The grid, and the rate found against the best of it; accuracies in [0, 1]."""
    best = max(grid, key=lambda each: each["accuracy"])
    lost = [100 * (b - a) for a, b in zip(found["accuracies"], best["accuracies"], strict=True)]
    return {
        "starts": starts,
        "grid": grid,
        "found": found,
        "grid_best_rate": best["rate"],
        "points_lost": statistics.mean(lost),
        "standard_error": statistics.stdev(lost) / math.sqrt(starts) if starts > 1 else None,
    }


def point(rate: float, runs: Sequence[MemberProgress]) -> dict[str, Any]:
    """What came of one rate; a network that diverged at once guesses."""
    accuracies = [
        run.epochs[run.best_epoch].val_accuracy if run.best_epoch >= 0 else 0.1 for run in runs
    ]
    return {
        "rate": rate,
        "accuracy": statistics.mean(accuracies),
        "accuracies": accuracies,
        "val_losses": [run.best_loss if math.isfinite(run.best_loss) else None for run in runs],
        "best_epochs": [run.best_epoch for run in runs],
        "stop_reasons": [run.stop_reason for run in runs],
    }


def shown(result: dict[str, Any]) -> str:
    """The result in a line."""
    curve = ", ".join(f"{each['rate']:.1e} {each['accuracy']:.1%}" for each in result["grid"])
    found = result["found"]
    return (
        f"{curve}; found {found['rate']:.2e} gives {found['accuracy']:.2%}, the grid's best, "
        f"{result['grid_best_rate']:.2e}, {result['points_lost']:+.2f} points more"
    )


if __name__ == "__main__":
    main()
