"""Dropout after every layer: is the prediction without dropout any measure of what was learned?

    python benchmarks/dropout_everywhere.py --path cifar10-jpeg.zip --out FILE

A few rates train side by side, with alpha dropout after each of the 20 layers. After each epoch the
validation loss and accuracy are taken twice: without dropout, as the rate search and early stopping
judge, and as the mean of ``SAMPLES`` predictions with dropout.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.files import write_text_atomically
from lightning_cifar.rate_search.race import at_rate
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.stack.batches import StackedBatches
from lightning_cifar.stack.fit import prepared, silent_trainer
from lightning_cifar.stack.module import StackedClassifiers
from lightning_cifar.stack.progress import StackProgress

RATES = (3e-5, 1e-4, 3e-4, 1e-3)
SAMPLES = 10
SEED = 0
IMAGES_AT_ONCE = 500


@dataclasses.dataclass(frozen=True)
class Epoch:
    """Validation figures after an epoch, one of each for each rate."""

    loss: list[float]
    accuracy: list[float]
    sampled_loss: list[float]
    sampled_accuracy: list[float]


def main() -> None:
    """Train, print a line an epoch, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--path", help="folder or zip of images; without it the synthetic set")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    data = (
        CIFAR10DataModule(source="folder", path=options.path)
        if options.path
        else CIFAR10DataModule()
    )
    data.prepare_data()
    data.setup("fit")
    epochs = trained(data, options.epochs)
    if options.out:
        about = {
            "commit": commit(),
            "versions": versions(),
            "device": device_name(torch.device("cpu")),
        }
        figures = {"rates": RATES, "samples": SAMPLES, "images": str(data.source)}
        rows = [dataclasses.asdict(epoch) for epoch in epochs]
        write_text_atomically(
            options.out, json.dumps(about | figures | {"epochs": rows}, indent=1) + "\n"
        )


def trained(data: CIFAR10DataModule, epochs: int) -> list[Epoch]:
    """The figures of each epoch of the four networks, which start alike."""
    classifier = prepared(AlphaDropoutClassifier(dropout_everywhere=True), data)
    seeds = [SEED] * len(RATES)
    stack = StackedClassifiers([at_rate(classifier, rate) for rate in RATES], seeds)
    done: list[Epoch] = []

    def after_epoch(number: int, _: int) -> None:
        losses, accuracies = zip(*stack.val_figures(), strict=True)
        samples = sampled(stack, data.validation_images)
        done.append(Epoch(list(losses), list(accuracies), *samples))
        print(f"epoch {number}: {dataclasses.asdict(done[-1])}", flush=True)

    progress = StackProgress(len(RATES), on_epoch=after_epoch)
    trainer = silent_trainer([progress], accelerator="cpu", devices=1, max_epochs=epochs)
    batches = StackedBatches(data.train_images, batch_size=data.batch_size, seeds=seeds)
    validation = TensorBatches(data.validation_images, batch_size=IMAGES_AT_ONCE, shuffle=False)
    trainer.fit(stack, batches, validation)
    return done


@torch.no_grad()
def sampled(stack: StackedClassifiers, data: LabelledImages) -> tuple[list[float], list[float]]:
    """Loss and accuracy of the mean of ``SAMPLES`` predictions with dropout, for each member."""
    stack.train()
    mean: Tensor = (
        sum(  # type: ignore[assignment]
            torch.cat(
                [stack(images).softmax(-1) for images in data.images.split(IMAGES_AT_ONCE)],
                dim=1,
            )
            for _ in range(SAMPLES)
        )
        / SAMPLES
    )
    losses = [functional.nll_loss(member.log(), data.labels).item() for member in mean]
    accuracies = [(member.argmax(-1) == data.labels).double().mean().item() for member in mean]
    return losses, accuracies


if __name__ == "__main__":
    main()
