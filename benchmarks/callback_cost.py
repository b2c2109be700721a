"""What a fit costs where a callback looks between two steps, or into one: milliseconds a step.

    python benchmarks/callback_cost.py --out benchmarks/results/callback_cost.json

Nobody looks: steps are made by hand, many to a call. A callback with ``on_train_batch_end``: by
hand, one to a call. A callback with ``on_after_backward``: by autograd, as Lightning does it.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from lightning_cifar import CIFAR10DataModule
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, device_name, versions

BATCH_SIZES = (32, 128)
RATE = 1e-4


class LooksAfterSteps(Callback):
    """Wants to be called after each batch."""

    def on_train_batch_end(self, *_: Any) -> None:
        """Look."""


class LooksIntoSteps(Callback):
    """Wants to see gradients."""

    def on_after_backward(self, *_: Any) -> None:
        """Look."""


class Clock(Callback):
    """Takes the time of the second epoch, without disturbing anybody."""

    knows_blocks = True

    def on_train_epoch_start(self, trainer: Trainer, _: Any) -> None:
        """Begin, and count the steps that were made before."""
        self.started, self.before = time.perf_counter(), trainer.global_step

    def on_train_epoch_end(self, trainer: Trainer, _: Any) -> None:
        """Milliseconds a step."""
        seconds = time.perf_counter() - self.started
        self.milliseconds = 1000 * seconds / (trainer.global_step - self.before)


WAYS: dict[str, Callable[[], list[Callback]]] = {
    "nobody looks": lambda: [],
    "after steps": lambda: [LooksAfterSteps()],
    "into steps": lambda: [LooksIntoSteps()],
}


def milliseconds(variant: str, batch_size: int, way: str, scratch: Path) -> float:
    """Of a step in the second epoch of a fit."""
    clock = Clock()
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[clock, *WAYS[way]()],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = CIFAR10DataModule(
        source="synthetic", batch_size=batch_size, cache=str(scratch), validation_size=1000
    )
    trainer.fit(VARIANTS[variant](learning_rate=RATE), data)
    return clock.milliseconds


def main() -> None:
    """Time in interleaved rounds, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore")
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for variant in VARIANTS:
            for size in BATCH_SIZES:
                times: dict[str, list[float]] = {way: [] for way in WAYS}
                for _ in range(options.rounds):
                    for way, each in times.items():
                        each.append(milliseconds(variant, size, way, Path(scratch)))
                medians = {way: statistics.median(each) for way, each in times.items()}
                print(variant, size, {way: f"{each:.2f} ms" for way, each in medians.items()})
                results.append({"variant": variant, "batch_size": size, "milliseconds": medians})
    if options.out is not None:
        content = {
            "device": device_name(torch.device("cpu")),
            "commit": commit(),
            "versions": versions(),
            "rounds": options.rounds,
            "results": results,
        }
        write_text_atomically(options.out, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
