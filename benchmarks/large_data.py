"""Memory and seconds of a fit on 60,000 images and on ten times as many, cold and warm.

    python benchmarks/large_data.py --out benchmarks/results/large_data.json --before FOLDER

The script draws the images and writes them as a folder of PNG files or as pairs of ``.npy``. Each
command is a process of its own: ``fit`` with an empty cache (cold), again with the cache (warm),
and ``data``. A fit searches a learning rate and trains one epoch. ``--before`` names another
checkout that is measured too; fingerprint, rate and losses must be the same.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, versions
from lightning_cifar.runs.records import read_record

ROOT = Path(__file__).parent.parent
CLASSES = 10
SMALL, LARGE = 60_000, 600_000
TEST_SHARE = 6  # one image in six, as in CIFAR
DRAWN_AT_ONCE = 10_000
SAMPLE_SECONDS = 0.1
Pixels = npt.NDArray[np.uint8]


def drawn(count: int, seed: int) -> tuple[Pixels, npt.NDArray[np.int64]]:
    """Images (count, 32, 32, 3): a pattern for each class, under noise."""
    random = np.random.default_rng(seed)
    patterns = np.random.default_rng(0).integers(0, 128, (CLASSES, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count) % CLASSES
    return patterns[labels] + random.integers(0, 128, (count, 32, 32, 3), dtype=np.uint8), labels


def write_arrays(folder: Path, count: int) -> None:
    """``x_train.npy`` and so on, never in memory as a whole."""
    folder.mkdir()
    for part, size in parts_of(count).items():
        shape = (size, 32, 32, 3)
        with (folder / f"x_{part}.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            for start in range(0, size, DRAWN_AT_ONCE):
                file.write(drawn(min(DRAWN_AT_ONCE, size - start), seed_of(part, start))[0].data)
        np.save(folder / f"y_{part}.npy", np.arange(size) % CLASSES)


def write_pictures(folder: Path, count: int) -> None:
    """``train/<class>/*.png`` and ``test/<class>/*.png``."""
    for part, size in parts_of(count).items():
        for label in range(CLASSES):
            (folder / part / str(label)).mkdir(parents=True)
        for start in range(0, size, DRAWN_AT_ONCE):
            images, labels = drawn(min(DRAWN_AT_ONCE, size - start), seed_of(part, start))
            for number, (pixels, label) in enumerate(zip(images, labels, strict=True), start):
                path = folder / part / str(label) / f"{number:06}.png"
                Image.fromarray(pixels).save(path, compress_level=1)


def parts_of(count: int) -> dict[str, int]:
    """How many images each part has."""
    return {"train": count - count // TEST_SHARE, "test": count // TEST_SHARE}


def seed_of(part: str, start: int) -> int:
    """Of the images of a part from one on."""
    return 2 * start + (part == "test") + 1


# What is measured: a name, how many images, how they are written.
SETS = (
    ("60,000 PNG files", SMALL, write_pictures),
    ("60,000 in .npy", SMALL, write_arrays),
    ("600,000 in .npy", LARGE, write_arrays),
)


def commands(images: Path, work: Path) -> dict[str, list[str]]:
    """What is run on a set, in this order; each from an empty cache of learning rates."""

    def fit(name: str) -> list[str]:
        return [
            *("fit", "--config", "elu", "--trainer.accelerator=cpu", "--trainer.max_epochs=1"),
            *(f"--data.path={images}", f"--data.cache={work / 'cache'}", f"--run={work / name}"),
            f"--learning_rate_search.cache={work / f'rates-{name}'}",
        ]

    data = [
        *("data", f"--data.path={images}", f"--data.cache={work / 'cache'}"),
        f"--contact_sheet={work / 'sheet.png'}",
    ]
    return {"fit, cold": fit("cold"), "fit, warm": fit("warm"), "data, warm": data}


def measured(arguments: Sequence[str], checkout: Path) -> dict[str, float]:
    """Seconds and megabytes of one command of a checkout.

    "processor_seconds": of all cores together; they tell more than "seconds" on a busy machine.
    "anonymous": the most that the process and those it started had at once in memory that belongs
    to no file, shared pages counted once; "resident": the most that the process itself had, with
    pages of files, which the system takes back when it needs them.
    """
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    started, used = time.monotonic(), processor_seconds()
    anonymous = resident = 0
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            [sys.executable, "-m", "lightning_cifar", *arguments],
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=checkout,
        ) as process,
    ):
        while process.poll() is None:
            anonymous = max(anonymous, sum(map(anonymous_kilobytes, family(process.pid))))
            resident = max(resident, kilobytes(Path(f"/proc/{process.pid}/status"), "VmHWM"))
            time.sleep(SAMPLE_SECONDS)
        seconds = time.monotonic() - started
        said.seek(0)
        if process.returncode:
            raise RuntimeError(
                f"{' '.join(arguments)} ended with {process.returncode}:\n{said.read()}"
            )
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor_seconds() - used, 1),
        "anonymous": round(anonymous / 1e3),
        "resident": round(resident / 1e3),
    }


def processor_seconds() -> float:
    """What the processes that have ended have used of all cores, with those they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def family(process: int) -> list[int]:
    """A process and all that it has started, as far as they still run."""
    found, waiting = [], [process]
    while waiting:
        found.append(waiting.pop())
        try:
            text = Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text()
        except OSError:
            continue
        waiting += map(int, text.split())
    return found


def anonymous_kilobytes(process: int) -> int:
    """The memory of no file that a process has now; 0 if it has ended."""
    return kilobytes(Path(f"/proc/{process}/smaps_rollup"), "Pss_Anon")


def kilobytes(path: Path, key: str) -> int:
    """A line of one of Linux's files on a process; 0 if it has ended."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), 0)


def outcome(run: Path) -> dict[str, Any]:
    """What must not depend on where the images are."""
    record = read_record(run / "record.json")
    return {
        "learning_rate": record.learning_rate,
        "fingerprint": record.data_fingerprint,
        "val_loss": record.epochs[0].val_loss,
        "train_loss": record.epochs[0].train_loss,
    }


def main() -> int:
    """Draw, measure, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--before", type=Path, help="checkout to compare with")
    parser.add_argument("--only", help="measure the sets alone whose name contains this")
    options = parser.parse_args()
    checkouts = {"now": ROOT} | ({"before": options.before.resolve()} if options.before else {})
    results = []
    for title, count, write in SETS:
        if options.only and options.only not in title:
            continue
        with tempfile.TemporaryDirectory() as place:
            write(Path(place, "images"), count)
            outcomes = []
            for when, checkout in checkouts.items():
                work = Path(place, when)
                work.mkdir()
                for name, arguments in commands(Path(place, "images"), work).items():
                    row = {"images": title, "command": name, "when": when}
                    results.append(row | measured(arguments, checkout))
                    print(json.dumps(results[-1]), flush=True)
                outcomes += [outcome(work / "cold"), outcome(work / "warm")]
            if any(each != outcomes[0] for each in outcomes):
                print(f"{title}: the fits differ: {outcomes}", file=sys.stderr)
                return 1
            print(f"{title}: all fits alike, {outcomes[0]}", flush=True)
    if options.out:
        record = {
            "results": results,
            "cores": len(os.sched_getaffinity(0)),
            "threads": os.environ.get("OMP_NUM_THREADS", ""),
            "versions": versions(),
            "commit": commit(),
        }
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
