"""What the search costs in accuracy: the rate it finds against a grid of 12 rates a factor 2 apart.

    python benchmarks/learning_rate_search.py --path cifar10-jpeg.zip \
        --runs runs/variants --out benchmarks/results/learning_rate_search

The rates found are those of the runs in the folder --runs, one for each variant, left there by
benchmarks/train_variants.py. Every rate of the grid, and the one found, is trained in the same way
from the same weights: NAdam, batch 128, constant rate, at most 20 epochs, patience 5. Compared are
the validation accuracies at the epochs with the lowest validation loss. A grid that stands in the
folder already is used again.

The grid's best is the luckiest of twelve. With --again N the rate found and the grid's best are
both trained from N fresh starts, and their means compared.
"""

import argparse
import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lightning_cifar.callbacks.learning_rate_search import SEARCH_FILE
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.files import write_text_atomically
from lightning_cifar.provenance import commit, device_name, versions
from lightning_cifar.rate_race import RaceRun, train_many

GRID = tuple(1e-5 * 2**power for power in range(12))
EPOCHS, PATIENCE, BATCH = 20, 5, 128


def main() -> None:
    """Train the grids, search, compare, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--path", required=True, help="folder or zip of CIFAR-10 images")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--runs", type=Path, help="folder with a run of each variant")
    parser.add_argument("--again", type=int, help="fresh starts for the two rates")
    options = parser.parse_args()
    images = CIFAR10DataModule(source="folder", path=options.path, batch_size=BATCH)
    images.prepare_data()
    images.setup("fit")
    options.out.mkdir(parents=True, exist_ok=True)
    for variant in options.variants:
        if options.again is not None:
            compare_again(variant, images, options.again, options.out)
            continue
        grid = grid_of(variant, images, options.out / f"grid_{variant}.json")
        if options.runs is not None:
            found = read_json(options.runs / variant / SEARCH_FILE)["rate"]
            compare(variant, images, found, grid, options.out / f"{variant}.json")


def train(
    variant: str,
    rates: tuple[float, ...],
    images: CIFAR10DataModule,
    starts: tuple[int, ...] | None = None,
) -> list[RaceRun]:
    """Train the variant's network at each rate; all from the same start unless seeds are given."""
    classifier = VARIANTS[variant]()
    seeds = starts or (0,) * len(rates)
    pixels = images.standardisation
    classifier.standardise.adopt(pixels.mean, pixels.deviation)
    return train_many(
        [VARIANTS[variant](seed=seed).network for seed in seeds],
        rates,
        images.train_images,
        images.validation_images,
        classifier.standardise,
        batch_size=BATCH,
        epochs=EPOCHS,
        seed=0,
        patience=PATIENCE,
        compiled=True,
    )


def grid_of(variant: str, images: CIFAR10DataModule, path: Path) -> list[dict[str, Any]]:
    """The grid's runs, from the file or trained now."""
    if not path.exists():
        write_text_atomically(path, json.dumps(record(train(variant, GRID, images)), indent=1))
    runs: list[dict[str, Any]] = read_json(path)["runs"]
    for run in runs:
        print(f"{variant}  {run['rate']:.2e}  {run['accuracy']:.2%}  {run['stop_reason']}")
    return runs


def read_json(path: Path) -> Any:
    """A JSON file's content."""
    return json.loads(path.read_text())


def record(runs: list[RaceRun]) -> dict[str, Any]:
    """Runs as plain values, without weights, with where they come from."""
    shown = []
    for run in runs:
        values = asdict(run)
        del values["best_state"]
        accuracy = run.val_accuracies[run.best_epoch] if run.best_epoch >= 0 else 0.0
        shown.append(values | {"accuracy": accuracy})
    device = device_name(torch.device("cpu"))
    return {"runs": shown, "versions": versions(), "commit": commit(), "device": device}


def compare(
    variant: str,
    images: CIFAR10DataModule,
    found: float,
    grid: list[dict[str, Any]],
    path: Path,
) -> None:
    """Train at the rate found, and set it against the grid's best."""
    result = record(train(variant, (found,), images))
    accuracy = result["runs"][0]["accuracy"]
    best = max(grid, key=lambda run: run["accuracy"])
    lost = 100 * (best["accuracy"] - accuracy)
    print(
        f"{variant}: found {found:.2e} gives {accuracy:.2%}; the grid's best, "
        f"{best['rate']:.2e}, {best['accuracy']:.2%}: {lost:+.2f} points lost"
    )
    summary = {
        "found": found,
        "accuracy": accuracy,
        "grid_best_rate": best["rate"],
        "grid_best_accuracy": best["accuracy"],
        "points_lost": lost,
    }
    write_text_atomically(path, json.dumps(summary | result, indent=1) + "\n")


def compare_again(variant: str, images: CIFAR10DataModule, starts: int, folder: Path) -> None:
    """Train at the rate found and at the grid's best from fresh starts, and compare the means."""
    first = read_json(folder / f"{variant}.json")
    rates = (first["found"], first["grid_best_rate"])
    seeds = tuple(range(1, starts + 1))
    every = tuple(rate for rate in rates for _ in seeds)
    result = record(train(variant, every, images, seeds * 2))
    accuracies = [100 * run["accuracy"] for run in result["runs"]]
    found, best = accuracies[:starts], accuracies[starts:]
    lost = [b - a for a, b in zip(found, best, strict=True)]
    error = statistics.stdev(lost) / starts**0.5
    summary = {
        "starts": starts,
        "found": rates[0],
        "accuracy": statistics.mean(found),
        "grid_best_rate": rates[1],
        "grid_best_accuracy": statistics.mean(best),
        "points_lost": statistics.mean(lost),
        "standard_error": error,
    }
    print(f"{variant}: {summary}")
    write_text_atomically(folder / f"again_{variant}.json", json.dumps(summary | result, indent=1))


if __name__ == "__main__":
    main()
