"""What a study's searches cost in accuracy, over seeds that did not choose the grid's best rate.

    python -m benchmarks.search_seeds --path cifar10-jpeg.zip \
        --out benchmarks/results/search_seeds.json

benchmarks/learning_rate_search.py compares the rate found with the luckiest of a grid of rates, by
one start each. Here the grid's best rate is trained again, from the other seeds of the study, as
the study trains: its epochs, its patience. Each seed's validation accuracy is compared with that
of the study's run with the same seed, which had a search of its own. What was trained before is
read from the file.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from scipy.stats import t

from benchmarks.study_grid import ORDER, VARIANTS
from lightning_cifar.classifiers import VARIANTS as CLASSIFIERS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.schedules import Schedule
from lightning_cifar.rate_search.race import at_rate, train_many
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.stack.fit import prepared
from lightning_cifar.study.records import read_study

RESULTS = Path(__file__).parent / "results"
ARMS = tuple(f"{set_up}-{variant}" for set_up in ORDER for variant in VARIANTS)
CHOSE = 0  # the seed whose runs chose the grid's best rate
# Schedule, most epochs and patience of the study's set-ups.
CONDUCT: dict[str, tuple[Schedule, int, int | None]] = {
    "exercise": ("constant", 100, 10),
    "one_cycle": ("one_cycle", 15, None),
}


def main() -> None:
    """Train what is missing, compare, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--path", required=True, help="folder or zip of CIFAR-10 images")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    options = parser.parse_args()
    images = CIFAR10DataModule(source="folder", path=options.path, batch_size=128)
    images.prepare_data()
    images.setup("fit")
    kept = json.loads(options.out.read_text()) if options.out.exists() else {}
    searched = searched_accuracies(RESULTS / "study")
    for arm in options.arms:
        if arm not in kept:
            grid = json.loads((RESULTS / "learning_rate_search" / f"{arm}.json").read_text())
            rate = grid["grid_best_rate"]
            seeds = sorted(searched[arm].keys() - {CHOSE})
            trained = accuracies_at(arm, rate, seeds, images, options.device)
            source = {"device": device_name(options.device), "versions": versions()}
            kept[arm] = {"rate": rate, "accuracies": trained, "commit": commit()} | source
            write_text_atomically(options.out, json.dumps(kept, indent=1) + "\n")
        own = [searched[arm][int(seed)] for seed in kept[arm]["accuracies"]]
        print(in_words(arm, kept[arm]["rate"], kept[arm]["accuracies"].values(), own), flush=True)


def searched_accuracies(study: Path) -> dict[str, dict[int, float]]:
    """Of each arm's runs, seed -> validation accuracy at the lowest validation loss."""
    found: dict[str, dict[int, float]] = {}
    for record in read_study(study)[0]:
        kept = record.run.epochs[record.run.best_epoch]
        found.setdefault(f"{record.set_up}-{record.variant}", {})[record.seed] = kept.val_accuracy
    return found


def accuracies_at(
    arm: str, rate: float, seeds: Sequence[int], images: CIFAR10DataModule, device: torch.device
) -> dict[str, float]:
    """Train an arm's networks at one rate; seed -> accuracy, 0.1 for one that diverged at once."""
    set_up, variant = arm.split("-")
    schedule, epochs, patience = CONDUCT[set_up]
    members = [
        at_rate(prepared(CLASSIFIERS[variant](seed=seed, schedule=schedule), images), rate)
        for seed in seeds
    ]
    runs = train_many(members, images, device=device, epochs=epochs, patience=patience, seeds=seeds)
    return {
        str(seed): run.epochs[run.best_epoch].val_accuracy if run.best_epoch >= 0 else 0.1
        for seed, run in zip(seeds, runs, strict=True)
    }


def points_lost(best: Sequence[float], searched: Sequence[float]) -> tuple[float, float]:
    """Mean of the differences seed by seed, in points, and half of its 95 % interval (Student)."""
    lost = [100 * (grid - own) for grid, own in zip(best, searched, strict=True)]
    half = t.ppf(0.975, len(lost) - 1) * stdev(lost) / math.sqrt(len(lost))
    return mean(lost), float(half)


def in_words(arm: str, rate: float, best: Any, searched: Sequence[float]) -> str:
    """One line for one arm."""
    lost, half = points_lost(list(best), searched)
    return (
        f"{arm}: {len(searched)} seeds, {mean(best):.2%} at {rate:.2g}, "
        f"{mean(searched):.2%} at the rates found: {lost:+.2f} points "
        f"({lost - half:+.2f} to {lost + half:+.2f})"
    )


def section(results: Mapping[str, Any]) -> list[str]:
    """A table for the page of benchmarks."""
    searched = searched_accuracies(RESULTS / "study")
    rows = []
    for arm, kept in results.items():
        own = [searched[arm][int(seed)] for seed in kept["accuracies"]]
        best = list(kept["accuracies"].values())
        lost, half = points_lost(best, own)
        rows.append(
            f"| `{arm}` | {kept['rate']:.2g} | {mean(best):.1%} | {mean(own):.1%} "
            f"| {lost:+.2f} ({lost - half:+.2f} to {lost + half:+.2f}) |"
        )
    return [
        "| set-up and variant | the grid's best rate | accuracy there | at the rates found "
        "| points lost |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "The arms in which one start had lost more than half a point above. "
        f"Nine seeds of the study, seed {CHOSE} left out because it chose the grid's best rate; "
        "differences seed by seed with Student's 95 % interval. "
        "An interval that reaches above half a point does not rule such a loss out. "
        "`python -m benchmarks.search_seeds --path cifar10-jpeg.zip --out "
        f"benchmarks/results/search_seeds.json --arms {' '.join(results)}`",
    ]


if __name__ == "__main__":
    main()
