"""Dropout after every layer: is the prediction without dropout any measure of what was learned?

    python benchmarks/dropout_everywhere.py --path cifar10-jpeg.zip --out FILE

A few rates train side by side, with alpha dropout after each of the 20 layers. After each epoch the
validation loss and accuracy are taken twice: without dropout, as the rate search and early stopping
judge, and as the mean of ``SAMPLES`` predictions with dropout.
"""

import argparse
import copy
import dataclasses
import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.rate_search.race import evaluate, train_epoch
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.stack.network import StackedNetwork

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
    torch.manual_seed(SEED)
    classifier = AlphaDropoutClassifier(learning_rate=RATES[0], dropout_everywhere=True)
    standardise = classifier.standardise
    standardise.adopt(data.standardisation.mean, data.standardisation.deviation)
    networks = [copy.deepcopy(classifier.network) for _ in RATES]
    stack = StackedNetwork(networks, seeds=[SEED] * len(RATES)).train()
    rates = torch.tensor(RATES, dtype=torch.float64)
    optimiser = FlatNAdam(stack.parameter_groups(), lr=1.0, rates=rates)
    scheduler = LambdaLR(optimiser, lambda _: 1.0)
    batches = TensorBatches(data.train_images, batch_size=data.batch_size, shuffle=True, seed=SEED)
    done = []
    for number in range(epochs):
        batches.set_epoch(number)
        train_epoch(stack, optimiser, scheduler, batches, standardise)
        plain = [each.tolist() for each in evaluate(stack, data.validation_images, standardise)]
        done.append(Epoch(*plain, *sampled(stack, data.validation_images, standardise)))
        print(f"epoch {number}: {dataclasses.asdict(done[-1])}", flush=True)
    return done


@torch.no_grad()
def sampled(
    stack: StackedNetwork, data: LabelledImages, standardise: torch.nn.Module
) -> tuple[list[float], list[float]]:
    """Loss and accuracy of the mean of ``SAMPLES`` predictions with dropout, for each member."""
    stack.train()
    mean: Tensor = (
        sum(  # type: ignore[assignment]
            torch.cat(
                [
                    stack(standardise(images)).softmax(-1)
                    for images in data.images.split(IMAGES_AT_ONCE)
                ],
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
