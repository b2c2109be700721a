"""Where the time of one training step goes: microseconds by kind of call, for one network.

    python benchmarks/step_time.py --out benchmarks/results/step_time.json

The calls of a step are timed one by one, which adds a microsecond to each; "whole" is the same step
without a clock inside. With --pytorch the steps are those of PyTorch's kernels.
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from stack import BUILDERS, LEARNING_RATE, batch, network, standardisation

from lightning_cifar.backprop.compiled import Compiled
from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.backprop.threads import threads_for
from lightning_cifar.files import write_text_atomically
from lightning_cifar.native import library
from lightning_cifar.native.operations import DTYPES, ENTRIES, KINDS, Operation
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.runs.provenance import commit, device_name, versions

WARM_UP = 20


def parts_of(call: Callable[[], Any]) -> list[tuple[str, Callable[[], Any]]]:
    """What a call consists of, by name: a compiled one of operations, which can be made alone."""
    if not isinstance(call, Compiled):
        return [(kind_of(call), call)]
    threads = torch.get_num_threads()
    return [
        (name_of(each), partial(call.library.run, (Operation * 1)(each), threads))
        for each in call.operations
    ]


def name_of(operation: Operation) -> str:
    """The kind of an operation of the compiled kernels, with the sizes of a product."""
    kind = KINDS[operation.kind]
    if kind == "map":
        return ENTRIES[operation.n[15]]
    if kind != "product":
        return kind
    batch, rows, columns, depth = operation.n[:4]
    return f"product {batch} x ({rows}, {depth}) ({depth}, {columns})"


def kind_of(call: Callable[[], Any]) -> str:
    """The name of what is called, with the shapes of a product."""
    function = getattr(call, "func", call)
    name = getattr(function, "__name__", str(function))
    if name in ("bmm", "baddbmm"):
        left, right = call.args[-2:]  # type: ignore[attr-defined]
        return f"{name} {tuple(left.shape)} x {tuple(right.shape)}"
    return str(name)


def measured(variant: str, size: int, steps: int) -> dict[str, float]:
    """Microseconds a step spends in each kind of call, the longest first, and as a whole."""
    with threads_for(size, torch.zeros(1)):
        return times(variant, size, steps)


def times(variant: str, size: int, steps: int) -> dict[str, float]:
    """The same with the threads that there are."""
    device = torch.device("cpu")
    trained = network(variant, 0, device)
    optimiser = FlatNAdam(trained.parameters(), lr=LEARNING_RATE)
    totals = torch.zeros(2, 1)
    step = Backpropagation(trained, standardisation(device), optimiser, 1, totals)
    step.prepare()
    images, labels = batch((size,), device)
    whole: list[float] = []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        step(images, labels)
        optimiser.step_attached()
        whole.append(time.perf_counter() - started)
    (found,) = step.batches.values()
    spent: dict[str, list[float]] = defaultdict(list)
    with torch.no_grad():
        for _ in range(steps):
            of_step: dict[str, float] = defaultdict(float)
            named = [("load", lambda: found.load(images, labels))]
            named += [part for call in found.calls for part in parts_of(call)]
            for name, call in [*named, ("NAdam", optimiser.step_attached)]:
                started = time.perf_counter()
                call()
                of_step[name] += time.perf_counter() - started
            for name, seconds in of_step.items():
                spent[name].append(seconds)
    medians = {name: statistics.median(times) for name, times in spent.items()}
    medians["whole"] = statistics.median(whole[WARM_UP:])
    return {
        name: round(1e6 * seconds, 1)
        for name, seconds in sorted(medians.items(), key=lambda item: -item[1])
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="+", default=list(BUILDERS), choices=BUILDERS)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pytorch", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.pytorch:
        library.FOUND.update(dict.fromkeys(DTYPES, "left out"))
    results = []
    for variant in options.variants:
        for size in options.batch_sizes:
            found = measured(variant, size, options.steps)
            results.append({"variant": variant, "batch_size": size, "microseconds": found})
            print(f"{variant} batch {size}: {found}", flush=True)
    if options.out:
        record = {"versions": versions(), "commit": commit(), "results": results}
        record["device"] = device_name(torch.device("cpu"))
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
