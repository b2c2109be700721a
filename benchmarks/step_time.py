"""Where the time of one training step goes: microseconds by part, for one network.

    python benchmarks/step_time.py --out benchmarks/results/step_time.json

The parts take turns within every step, and a step is repeated, so that a slow moment of the machine
hits all of them; figures are medians. Below the parts stand other ways to do the optimiser's work
on the same gradients, and the two ways to bring the gradients into one tensor.
"""

import argparse
import json
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
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.standardise import Standardise

LEARNING_RATE = 3e-4
IMAGES = 5000
BUILDERS = {
    "elu": networks.elu_network,
    "batch_norm": networks.batch_norm_network,
    "selu": networks.selu_network,
    "alpha_dropout": partial(
        networks.alpha_dropout_network, dropout_rate=0.1, dropout_everywhere=False
    ),
}
Action = Callable[[], object]


class Clock:
    """Microseconds of each named action, call by call."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def run(self, name: str, action: Callable[[], Any]) -> Any:
        """Do it, and note how long it took."""
        started = time.perf_counter()
        result = action()
        self.times.setdefault(name, []).append(1e6 * (time.perf_counter() - started))
        return result

    def medians(self) -> dict[str, float]:
        """The typical time of each action; the first tenth of the calls is left out."""
        return {
            name: statistics.median(times[len(times) // 10 :]) for name, times in self.times.items()
        }


def step_parts(variant: str, batch_size: int, steps: int) -> dict[str, float]:
    """Median microseconds of each part of a step with FlatNAdam, from indices to new weights."""
    clock = Clock()
    network = BUILDERS[variant](20, 100, torch.Generator().manual_seed(0))
    standardise = Standardise()
    optimiser = FlatNAdam(network.parameters(), lr=LEARNING_RATE)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(
        0, 256, (IMAGES, *networks.IMAGE_SHAPE), dtype=torch.uint8, generator=generator
    )
    labels = torch.randint(10, (IMAGES,), generator=generator)
    for _ in range(steps):
        chosen = torch.randint(IMAGES, (batch_size,), generator=generator)
        raw, targets = clock.run("take batch", partial(take, images, labels, chosen))
        inputs = clock.run("standardise", partial(standardise, raw))
        clock.run("zero_grad", optimiser.zero_grad)
        logits = clock.run("forward", partial(network, inputs))
        loss = clock.run("loss", partial(functional.cross_entropy, logits, targets))
        clock.run("backward", loss.backward)
        clock.run("optimiser", optimiser.step)
    return clock.medians()


def take(images: Tensor, labels: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The chosen images and labels."""
    return images[chosen], labels[chosen]


def with_gradients(variant: str) -> nn.Sequential:
    """A network after one backward pass."""
    network = BUILDERS[variant](20, 100, torch.Generator().manual_seed(0))
    network(torch.randn(32, *networks.IMAGE_SHAPE)).square().mean().backward()
    return network


def optimiser_ways(variant: str, steps: int, compiled: bool) -> dict[str, float]:
    """Median microseconds of one step by different optimisers, in turn."""
    makers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "NAdam, loop": partial(torch.optim.NAdam, foreach=False),
        "NAdam, foreach": partial(torch.optim.NAdam, foreach=True),
        "FlatNAdam": FlatNAdam,
    }
    if compiled:
        makers["FlatNAdam, compiled"] = partial(FlatNAdam, compiled=True)
    optimisers = {
        name: make(with_gradients(variant).parameters(), lr=LEARNING_RATE)
        for name, make in makers.items()
    }
    return in_turn({name: optimiser.step for name, optimiser in optimisers.items()}, steps)


def gathering_ways(variant: str, steps: int) -> dict[str, float]:
    """Median microseconds to have all gradients in one tensor, beyond the backward pass itself."""
    gradients = [parameter.grad for parameter in with_gradients(variant).parameters()]
    sizes = [gradient.numel() for gradient in gradients]
    flat = torch.zeros(sum(sizes))
    views = [part.view_as(each) for part, each in zip(flat.split(sizes), gradients, strict=True)]

    def kept_views() -> None:
        # What autograd does when .grad is a view: it adds the new gradient to a zeroed buffer.
        flat.zero_()
        for view, gradient in zip(views, gradients, strict=True):
            view.add_(gradient)

    return in_turn(
        {
            "views kept: zero and add": kept_views,
            "separate: cat": lambda: torch.cat([each.flatten() for each in gradients], out=flat),
            "separate: foreach copy": lambda: torch._foreach_copy_(views, gradients),
        },
        steps,
    )


def in_turn(actions: dict[str, Action], steps: int) -> dict[str, float]:
    """Median microseconds of each action, each once in every round."""
    clock = Clock()
    for _ in range(steps):
        for name, action in actions.items():
            clock.run(name, action)
    return clock.medians()


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", default=list(BUILDERS), choices=BUILDERS)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--compiled", action="store_true", help="also the one-pass update")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    for variant in options.variants:
        tables = {
            f"step, batch {size}": step_parts(variant, size, options.steps)
            for size in options.batch_sizes
        }
        tables["optimisers"] = optimiser_ways(variant, options.steps, options.compiled)
        tables["gathering"] = gathering_ways(variant, options.steps)
        results.append({"variant": variant, "microseconds": tables})
        for name, table in tables.items():
            shown = "  ".join(f"{part} {value:.0f}" for part, value in table.items())
            print(f"{variant} {name} (sum {sum(table.values()):.0f} us): {shown}", flush=True)
    if options.out:
        record = {"versions": versions(), "commit": commit(), "threads": torch.get_num_threads()}
        record |= {"device": device_name(torch.device("cpu")), "results": results}
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
