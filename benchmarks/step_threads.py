"""A step by PyTorch's kernels and by compiled ones, with one thread and with all.

    python benchmarks/step_threads.py --out benchmarks/results/step_threads.json

On an idle machine and beside another busy program, one loop, so that of two cores one is taken. All
have their turns in one process, ten steps each; figures are medians over the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from stack import BUILDERS, LEARNING_RATE, batch, network, standardisation

from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.files import write_text_atomically
from lightning_cifar.native import library
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.runs.provenance import commit, device_name, versions

WARM_UP, STEPS = 3, 10
BUSY = "while True: pass"
PYTORCH, COMPILED = "PyTorch's kernels", "compiled"


@contextmanager
def working(kernels: str, threads: int) -> Iterator[None]:
    """With these threads; with PyTorch's kernels alone where it is they that are named."""
    found = dict(library.FOUND)
    torch.set_num_threads(threads)
    if kernels != COMPILED:
        library.FOUND[torch.float32] = "left out"
    try:
        yield
    finally:
        library.FOUND.update(found)


def step_of(variant: str, size: int) -> Callable[[], Any]:
    """A step for the threads and kernels that there are now."""
    device = torch.device("cpu")
    trained = network(variant, 0, device)
    optimiser = FlatNAdam(trained.parameters(), lr=LEARNING_RATE)
    step = Backpropagation(trained, standardisation(device), optimiser, 1, torch.zeros(2, 1))
    step.prepare()
    images, labels = batch((size,), device)
    step(images, labels)

    def whole() -> None:
        step(images, labels)
        optimiser.step_attached()

    return whole


def milliseconds(variant: str, size: int, every: int, rounds: int) -> dict[str, float]:
    """Kernels and threads, in words -> median milliseconds of a step."""
    steps: dict[tuple[str, int], Callable[[], Any]] = {}
    for kernels in (PYTORCH, COMPILED):
        for threads in (1, every):
            with working(kernels, threads):
                steps[kernels, threads] = step_of(variant, size)
    taken: dict[tuple[str, int], list[float]] = {way: [] for way in steps}
    for _ in range(rounds):
        for way, step in steps.items():
            with working(*way):
                taken[way].append(timed(step))
    return {
        f"{kernels}, {threads} thread{'' if threads == 1 else 's'}": round(
            statistics.median(times), 2
        )
        for (kernels, threads), times in taken.items()
    }


def timed(step: Callable[[], Any]) -> float:
    """Milliseconds of a step, after a few that are not counted."""
    for _ in range(WARM_UP):
        step()
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    return 1000 * (time.perf_counter() - started) / STEPS


def beside(busy: bool, work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What ``work`` returns, with or without another program on a core."""
    if not busy:
        return work()
    other = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        return work()
    finally:
        other.kill()


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="+", default=list(BUILDERS), choices=BUILDERS)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    every = torch.get_num_threads()
    if library.kernels(torch.zeros(1)) is None:
        raise SystemExit(f"nothing to compare: {library.why_none(torch.zeros(1))}")
    results = []
    for busy in (False, True):
        for variant in options.variants:
            for size in options.batch_sizes:
                found = beside(busy, partial(milliseconds, variant, size, every, options.rounds))
                results.append(
                    {"busy": busy, "variant": variant, "batch_size": size, "milliseconds": found}
                )
                print(f"{'busy' if busy else 'idle'} {variant} batch {size}: {found}", flush=True)
    if options.out:
        record = {"versions": versions(), "commit": commit(), "results": results}
        record["device"] = device_name(torch.device("cpu"))
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
