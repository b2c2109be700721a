"""The seven theory questions on the exercise's own network and real images, and a depth sweep.

    python -m benchmarks.real_network --path cifar10-jpeg.zip --out benchmarks/results/real_network
    python -m benchmarks.real_network.page

Each question leaves a record of a few kB; one that is there, made with the same settings, is not
made again. The second command writes docs/real_network.md, its figures, and what the claims of the
theory cite. Without --path it takes the images that the package draws itself.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.real_network import (
    depth_sweep,
    q1_equal_start,
    q2_biases,
    q3_q4_activations,
    q5_momentum,
    q6_sparsity,
    q7_dropout,
)
from benchmarks.real_network.comparing import plain
from benchmarks.real_network.setting import Setting, setting_of
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, device_name, versions

EXPERIMENTS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "q1": q1_equal_start.measure,
    "q2": q2_biases.measure,
    "q3_q4": q3_q4_activations.measure,
    "q5": q5_momentum.measure,
    "q6": q6_sparsity.measure,
    "q7": q7_dropout.measure,
    "depth": depth_sweep.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for and not there yet; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_network",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--path", help="folder or zip of CIFAR-10 images")
    parser.add_argument("--out", type=Path, required=True, help="folder of the records")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, help="some of the questions")
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args(arguments)
    data = (
        CIFAR10DataModule(source="folder", path=options.path)
        if options.path
        else CIFAR10DataModule(source="synthetic")
    )
    try:
        setting = setting_of(data, options.images, options.seeds, options.epochs)
        options.out.mkdir(parents=True, exist_ok=True)
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    settings = setting.described() | {"data": data.fingerprint}
    for name in options.only or EXPERIMENTS:
        recorded(name, setting, settings, options.out / f"{name}.json")
    return 0


def recorded(name: str, setting: Setting, settings: dict[str, Any], path: Path) -> None:
    """Run an experiment, unless its record is there, and write the record."""
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["settings"] == settings:
        print(f"{name}: the record is there", flush=True)
        return
    start = time.perf_counter()
    found = plain(EXPERIMENTS[name](setting))
    seconds = time.perf_counter() - start
    about = {
        "experiment": name,
        "settings": settings,
        "seconds": round(seconds),
        "device": device_name(torch.device("cpu")),
        "versions": versions(),
        "commit": commit(),
    }
    write_text_atomically(path, json.dumps(about | found, separators=(",", ":")) + "\n")
    print(f"{name}: {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
