"""Seconds per epoch of a single fit, for each variant: what the study's report turns epochs into.

    python benchmarks/variant_cost.py --out benchmarks/results/study/cost.json

The command `fit` with all that it does by default, at a given rate, on the CPU; each variant has a
process of its own and sleeps while another has its turn, so that a slow moment of the machine hits
all of them. The first epoch is not counted. Figures are medians over the rounds. An epoch trains on
45,000 images and validates on 5,000. Images are drawn: the arithmetic takes the same time on any.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from peer_loops import Setting, ours
from peers import EPOCH_IMAGES, Worker, whole

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, device_name, versions

BASE = "elu"


def interleaved(batch_size: int, rounds: int, images: int) -> dict[str, list[float]]:
    """Variant -> seconds of one epoch, a figure for each round.

    images: that a turn trains on.
    """
    workers = {name: Worker(ours, Setting(name, batch_size, images)) for name in VARIANTS}
    for worker in workers.values():
        worker.epoch()
    seconds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(rounds):
        for name, worker in workers.items():
            seconds[name].append(whole(worker.epoch(), images))
    for worker in workers.values():
        worker.end()
    return seconds


def summary(seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, and medians of the rounds' ratios to the plain network."""
    ratios = {
        name: statistics.median(a / b for a, b in zip(values, seconds[BASE], strict=True))
        for name, values in seconds.items()
    }
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {"seconds": seconds, "medians": medians, f"ratios_to_{BASE}": ratios}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128, 32])
    parser.add_argument("--images", type=int, default=EPOCH_IMAGES, help="fewer to try")
    parser.add_argument("--out", type=Path, help="cost.json of a study's folder")
    options = parser.parse_args()
    results = {}
    for batch_size in options.batch_sizes:
        results[batch_size] = summary(interleaved(batch_size, options.rounds, options.images))
        ratios = results[batch_size][f"ratios_to_{BASE}"]
        for name, median in results[batch_size]["medians"].items():
            print(f"batch {batch_size}: {name} {median:.2f} s, {ratios[name]:.2f} x {BASE}")
    if options.out:
        record = {"versions": versions(), "commit": commit(), "images": options.images}
        record |= {"device": device_name(torch.device("cpu")), "results": results}
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
