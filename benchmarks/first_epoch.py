"""Seconds from `fit` to the first epoch line, nothing cached, beside an epoch of the same fit.

    python benchmarks/first_epoch.py --path cifar10-jpeg.zip

Each fit is a process of its own with nothing cached, neither rates nor compiled kernels, but the
decoded images, by a run that is not counted. An epoch is the median of those after the first.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, versions

VARIANTS = ("elu", "batch_norm", "selu", "alpha_dropout")
LINE = re.compile(r"searching a learning rate|epoch \d+/")


def command(variant: str, batch_size: int, path: Path, run: Path, images: Path) -> list[str]:
    """A fit of a few epochs."""
    settings = {
        "run": run,
        "trainer.max_epochs": 4,
        "trainer.accelerator": "cpu",
        "data.source": "folder",
        "data.path": path,
        "data.batch_size": batch_size,
        "data.cache": images,
    }
    flags = [f"--{key}={value}" for key, value in settings.items()]
    return [sys.executable, "-m", "lightning_cifar", "fit", "--config", variant, *flags]


def moments(arguments: list[str], cache: Path) -> list[float]:
    """Seconds after the start at which the search began and each epoch line came."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "XDG_CACHE_HOME": str(cache)}
    started = time.monotonic()
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        ends = (time.monotonic() for line in process.stdout if LINE.match(line))
        times = [end - started for end in ends]
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return times


def measured(variant: str, batch_size: int, path: Path, images: Path) -> dict[str, float]:
    """The start of the search, the first line, an epoch, and ratios to it."""
    with tempfile.TemporaryDirectory() as folder:
        fit = command(variant, batch_size, path, Path(folder, "run"), images)
        start, *times = moments(fit, Path(folder, "cache"))
    epoch = statistics.median(after - before for before, after in pairwise(times))
    return {
        "start": start,
        "first_line": times[0],
        "epoch": epoch,
        "epochs": times[0] / epoch,
        "epochs_from_start": (times[0] - start) / epoch,
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="images: a folder or a zip")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder)
        measured(options.variants[0], 1024, options.path, images)  # decodes them
        for size in options.batch_sizes:
            for variant in options.variants:
                rounds = [
                    measured(variant, size, options.path, images) for _ in range(options.rounds)
                ]
                middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
                results.append({"variant": variant, "batch_size": size} | middle)
                print(
                    f"{variant} batch {size}: first line after {middle['first_line']:.1f} s, an "
                    f"epoch takes {middle['epoch']:.1f} s: {middle['epochs']:.1f} epochs, "
                    f"{middle['epochs_from_start']:.1f} from the start of the search",
                    flush=True,
                )
    if options.out:
        record = {"versions": versions(), "commit": commit(), "results": results}
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
