"""Training throughput of a stack of M networks against M bare PyTorch loops, one after another.

    python benchmarks/stack.py --out benchmarks/results/stack.json

A member-step is forward, backward and NAdam of one network on one batch. The contestants take
turns in one process, so that a slow moment of the machine hits all of them; figures are medians
over the rounds. Pixels are random: the arithmetic takes the same time on any image. Memory is that
of a process of its own (CPU, Linux) or PyTorch's highest allocation (GPU).
"""

import argparse
import json
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_cifar import networks
from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.backprop.threads import threads_for
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.stack.network import StackedNetwork
from lightning_cifar.standardise import Standardise

LEARNING_RATE = 3e-4
BUILDERS = {
    "elu": networks.elu_network,
    "batch_norm": networks.batch_norm_network,
    "selu": networks.selu_network,
    "alpha_dropout": partial(
        networks.alpha_dropout_network, dropout_rate=0.1, dropout_everywhere=False
    ),
}
Step = Callable[[], None]


def network(variant: str, seed: int, device: torch.device) -> nn.Sequential:
    """One of the exercise's networks."""
    return BUILDERS[variant](20, 100, torch.Generator().manual_seed(seed)).to(device)


def batch(shape: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Random images (*shape, 3, 32, 32), uint8, and labels."""
    generator = torch.Generator().manual_seed(0)
    every = (*shape, *networks.IMAGE_SHAPE)
    images = torch.randint(256, every, generator=generator, dtype=torch.uint8)
    return images.to(device), torch.randint(10, shape, generator=generator).to(device)


def bare_loop(variant: str, size: int, device: torch.device) -> Step:
    """A step of a plain loop with PyTorch's NAdam."""
    alone = network(variant, 0, device)
    optimiser = torch.optim.NAdam(alone.parameters(), lr=LEARNING_RATE)
    images, labels = batch((size,), device)
    standardise = standardisation(device)

    def step() -> None:
        optimiser.zero_grad()
        functional.cross_entropy(alone(standardise(images)), labels).backward()
        optimiser.step()

    return step


def standardisation(device: torch.device) -> Standardise:
    """What raw images go through first."""
    layer = Standardise().to(device)
    layer.adopt(*(torch.full(networks.IMAGE_SHAPE, value) for value in (127.5, 74.0)))
    return layer


def stack_loop(variant: str, size: int, device: torch.device, *, members: int, own: bool) -> Step:
    """A step of a stack, or of a single network; ``own``: each member has its own batch."""
    every = [network(variant, seed, device) for seed in range(members)]
    if members == 1:
        layers, optimiser = every[0], FlatNAdam(every[0].parameters(), lr=LEARNING_RATE)
    else:
        stack = StackedNetwork(every).train()
        rates = torch.full((members,), LEARNING_RATE)
        layers = stack.layers
        optimiser = FlatNAdam(stack.parameter_groups(), lr=1.0, rates=rates)
    totals = torch.zeros(2, members, device=device)
    backpropagation = Backpropagation(layers, standardisation(device), optimiser, members, totals)
    backpropagation.prepare()
    images, labels = batch((members, size) if own and members > 1 else (size,), device)

    def step() -> None:
        with threads_for(members * size, totals):
            backpropagation(images, labels)
            optimiser.step()

    return step


def steps_per_second(step: Step, device: torch.device, seconds: float) -> float:
    """Steps per second over about ``seconds``, after a few to warm up."""
    for _ in range(3):
        step()
    synchronise(device)
    started, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        for _ in range(5):
            step()
        count += 5
        synchronise(device)
    return count / elapsed


def synchronise(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def contestants(
    variant: str, size: int, members: int, device: torch.device
) -> dict[str, tuple[int, Callable[[], Step]]]:
    """Name -> (members per step, maker). The bare loops have one member at a time."""
    makers: dict[str, tuple[int, Callable[[], Step]]] = {
        "bare": (1, partial(bare_loop, variant, size, device))
    }
    for own in (False, True):
        name = f"stack, {'own' if own else 'shared'} batches"
        make = partial(stack_loop, variant, size, device, members=members, own=own)
        makers[name] = members, make
    return makers


def measured(
    variant: str, size: int, members: int, device: torch.device, options: argparse.Namespace
) -> dict[str, Any]:
    """Member-steps per second by contestant and round, ratios to the bare loop, memory."""
    throughputs: dict[str, list[float]] = {}
    makers = contestants(variant, size, members, device)
    for _ in range(options.rounds):
        for name, (count, make) in makers.items():
            rate = count * steps_per_second(make(), device, options.seconds)
            throughputs.setdefault(name, []).append(rate)
    ratios = {
        name: statistics.median(a / b for a, b in zip(rates, throughputs["bare"], strict=True))
        for name, rates in throughputs.items()
    }
    return {
        "variant": variant,
        "batch_size": size,
        "members": members,
        "member_steps_per_second": throughputs,
        "ratios_to_bare": ratios,
        "stack_megabytes": memory(variant, size, members, device),
    }


def memory(variant: str, size: int, members: int, device: torch.device) -> float:
    """Megabytes that a stack takes at most during a few steps, in its own process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(highest_memory, (variant, size, members, str(device)))


def highest_memory(variant: str, size: int, members: int, device_text: str) -> float:
    """The same, for the present process, which must be fresh; NaN where no one counts it."""
    device = torch.device(device_text)
    before = resident_bytes("VmRSS")
    if device.type == "cpu" and math.isfinite(before):
        Path("/proc/self/clear_refs").write_text("5")  # the highest value so far is forgotten
    step = stack_loop(variant, size, device, members=members, own=False)
    for _ in range(3):
        step()
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return (resident_bytes("VmHWM") - before) / 1e6


def resident_bytes(name: str) -> float:
    """The present ("VmRSS") or highest ("VmHWM") memory of this process; NaN except on Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return math.nan
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return 1024 * float(line.split()[1])


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", default=["elu"], choices=BUILDERS)
    parser.add_argument("--members", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="per contestant and round")
    parser.add_argument("--device", default="cpu", type=torch.device)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    """Measure, print and record."""
    options = arguments()
    torch.set_num_threads(options.threads)
    results = []
    for variant in options.variants:
        for size in options.batch_sizes:
            for members in options.members:
                result = measured(variant, size, members, options.device, options)
                results.append(result)
                shown = "  ".join(
                    f"{name}: {statistics.median(rates):.0f}/s"
                    f" (x{result['ratios_to_bare'][name]:.2f})"
                    for name, rates in result["member_steps_per_second"].items()
                )
                megabytes = result["stack_megabytes"]
                print(
                    f"{variant} batch {size} M {members}: {shown}  {megabytes:.0f} MB", flush=True
                )
    if options.out:
        record = {"versions": versions(), "commit": commit(), "threads": options.threads}
        record |= {"device": device_name(options.device), "results": results}
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
