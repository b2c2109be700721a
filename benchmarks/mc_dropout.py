"""What Monte Carlo dropout costs: T samples against one deterministic pass over 10,000 images.

    python benchmarks/mc_dropout.py                  both placements, fresh weights
    python benchmarks/mc_dropout.py --run RUN        the network of a trained run

Cost does not depend on the weights, so fresh ones serve where there is no run. All contestants of
a round follow each other, and each figure is the median over the rounds of the ratio to that
round's deterministic pass: what slows the machine for a while slows both.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from lightning_cifar.checkpoints import load_checkpoint
from lightning_cifar.files import write_text_atomically
from lightning_cifar.networks import alpha_dropout_network
from lightning_cifar.runs import best_checkpoint, existing_run
from lightning_cifar.uncertainty.comparison import deterministic_logits
from lightning_cifar.uncertainty.measures import joined, prediction_of
from lightning_cifar.uncertainty.monte_carlo import logit_blocks, naive_logits

SAMPLES = (1, 10, 100)
SEED = 0


def contestants(network: nn.Sequential, images: Tensor, naive_limit: int) -> dict[str, Callable]:
    """What is timed, by name; the deterministic pass first."""
    timed: dict[str, Callable] = {"deterministic": lambda: deterministic_logits(network, images)}
    for samples in SAMPLES:
        timed[f"cached {samples}"] = lambda samples=samples: cached(network, images, samples)
        if samples <= naive_limit:
            timed[f"naive {samples}"] = lambda samples=samples: prediction_of(
                naive_logits(network, images, samples=samples, seed=SEED)
            )
    return timed


def cached(network: nn.Sequential, images: Tensor, samples: int) -> None:
    """The whole prediction: averaged probabilities and entropies of every image."""
    blocks = logit_blocks(network, images, samples=samples, seed=SEED)
    joined(prediction_of(block) for block in blocks)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device's queue emptied before and after."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def measured(
    network: nn.Sequential, images: Tensor, *, rounds: int, naive_limit: int
) -> dict[str, float]:
    """Median seconds of the deterministic pass, and the median ratio to it of all the others."""
    timed = contestants(network, images, naive_limit)
    for name in ("deterministic", f"cached {SAMPLES[0]}"):
        timed[name]()
    taken = [
        {name: seconds(work, images.device) for name, work in timed.items()} for _ in range(rounds)
    ]
    ratios = {
        name: statistics.median(times[name] / times["deterministic"] for times in taken)
        for name in list(timed)[1:]
    }
    return {"deterministic_seconds": statistics.median(t["deterministic"] for t in taken), **ratios}


def network_of_run(run: Path) -> nn.Sequential:
    """The network of a trained run's best checkpoint."""
    checkpoint = load_checkpoint(best_checkpoint(existing_run(run)))
    settings = checkpoint["hyper_parameters"]
    network = alpha_dropout_network(
        settings["depth"],
        settings["width"],
        torch.Generator().manual_seed(SEED),
        settings["dropout_rate"],
        settings["dropout_everywhere"],
    )
    prefix = "network."
    weights = {
        key.removeprefix(prefix): value
        for key, value in checkpoint["state_dict"].items()
        if key.startswith(prefix)
    }
    network.load_state_dict(weights)
    return network


def networks(runs: list[Path]) -> dict[str, nn.Sequential]:
    """The networks to time, by name."""
    if runs:
        return {str(run): network_of_run(run) for run in runs}
    generator = torch.Generator().manual_seed(SEED)
    return {
        "before the output": alpha_dropout_network(20, 100, generator, 0.1, False),
        "after every layer": alpha_dropout_network(20, 100, generator, 0.1, True),
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, action="append", default=[], help="a run folder")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--naive_limit", type=int, default=100, help="largest naive T")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, help="write the figures there, as JSON")
    return parser.parse_args()


def main() -> None:
    """Time the networks and print one line per figure."""
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    device = torch.device(chosen.device)
    generator = torch.Generator().manual_seed(SEED)
    images = torch.randn(chosen.images, 3, 32, 32, generator=generator).to(device)
    figures = {
        name: measured(
            network.to(device), images, rounds=chosen.rounds, naive_limit=chosen.naive_limit
        )
        for name, network in networks(chosen.run).items()
    }
    for name, values in figures.items():
        print(name)
        for key, value in values.items():
            print(f"  {key:24} {value:10.3f}")
    if chosen.output is not None:
        about = {key: str(value) for key, value in vars(chosen).items() if key != "output"}
        machine = {"torch": torch.__version__, "processor": platform.machine()}
        record = {"arguments": about, "machine": machine, "figures": figures}
        write_text_atomically(chosen.output, json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
