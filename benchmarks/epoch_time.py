"""Seconds per epoch: this package, the same network in a bare PyTorch loop, stock Lightning.

    python benchmarks/epoch_time.py --out benchmarks/results/epoch_time.json

The contestants take turns in one process, so that a slow moment of the machine hits all of them;
figures are medians over the rounds. "Parts" are this package's loader, network and optimiser in a
plain loop: what the Trainer costs is the difference. An epoch is 45,000 training images and a
validation pass over 5,000. Pixels are random: the arithmetic takes the same time on any image.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_cifar import networks
from lightning_cifar.classifiers import DenseClassifier, EluClassifier
from lightning_cifar.cli.options import TRAINER_DEFAULTS
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.statistics import measure
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.runs.checkpoints import SealedCheckpoints
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import FiniteGuard
from lightning_cifar.training.progress import EpochProgress
from lightning_cifar.training.quiet import quieten
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.training.run_record import WriteRunRecord

LEARNING_RATE = 3e-4
TRAIN_IMAGES, VALIDATION_IMAGES = 45_000, 5_000
VALIDATION_BATCH = 1000


def random_images(count: int, seed: int) -> LabelledImages:
    """Random pixels and labels."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, *networks.IMAGE_SHAPE)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.randint(0, 10, (count,), generator=generator))


class Images(LightningDataModule):
    """The package's loaders over given images."""

    fingerprint = "random"
    classes = tuple("0123456789")

    def __init__(self, train: LabelledImages, validation: LabelledImages, batch_size: int) -> None:
        super().__init__()
        self.train, self.validation, self.batch_size = train, validation, batch_size
        self.standardisation = measure(train.images, "per_pixel")

    def train_dataloader(self) -> TensorBatches:
        """Shuffled batches."""
        return TensorBatches(self.train, batch_size=self.batch_size, seed=0, shuffle=True)

    def val_dataloader(self) -> TensorBatches:
        """Batches in order."""
        return TensorBatches(self.validation, batch_size=VALIDATION_BATCH, seed=0, shuffle=False)


class EpochClock(Callback):
    """Seconds from the start of one epoch to the start of the next, everything between included."""

    def __init__(self) -> None:
        self.starts: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self.starts.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Of the last whole epoch."""
        return self.starts[-1] - self.starts[-2]


def benchmark_images() -> tuple[LabelledImages, LabelledImages]:
    """The training and the validation images."""
    return random_images(TRAIN_IMAGES, 0), random_images(VALIDATION_IMAGES, 1)


def ours(
    train: LabelledImages,
    validation: LabelledImages,
    batch_size: int,
    variant: type[DenseClassifier] = EluClassifier,
    compiled: bool = False,
) -> float:
    """Full Trainer with all default callbacks, except the search; the second of three epochs."""
    clock = EpochClock()
    with tempfile.TemporaryDirectory() as folder:
        callbacks = [FiniteGuard(), EpochProgress(), clock]
        callbacks += [BestWeights(), WriteRunRecord({}), ResumePoint()]
        trainer = Trainer(
            **TRAINER_DEFAULTS | {"max_epochs": 3},
            callbacks=callbacks,
            plugins=[SealedCheckpoints()],
            default_root_dir=folder,
            accelerator="cpu",
        )
        classifier = variant(learning_rate=LEARNING_RATE, compiled=compiled)
        trainer.fit(classifier, Images(train, validation, batch_size))
    return clock.seconds


def parts(
    train: LabelledImages, validation: LabelledImages, batch_size: int, compiled: bool = False
) -> float:
    """The package's parts without a Trainer; the second epoch."""
    classifier = EluClassifier(learning_rate=LEARNING_RATE)
    pixels = measure(train.images, "per_pixel")
    classifier.standardise.adopt(pixels.mean, pixels.deviation)
    network, standardise = classifier.network, classifier.standardise
    trained = torch.compile(network, dynamic=False) if compiled else network
    optimiser = FlatNAdam(network.parameters(), lr=LEARNING_RATE, compiled=compiled)
    batches = TensorBatches(train, batch_size=batch_size, seed=0, shuffle=True)
    for epoch in range(2):
        started = time.perf_counter()
        network.train()
        batches.set_epoch(epoch)
        total, right = torch.zeros(()), torch.zeros(())
        for images, labels in batches:
            optimiser.zero_grad()
            logits = trained(standardise(images))
            loss = functional.cross_entropy(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach() * len(labels)
            right += (logits.argmax(1) == labels).sum()
        with torch.no_grad():
            evaluate(network, standardise(validation.images), validation.labels)
    return time.perf_counter() - started


def bare(train: LabelledImages, validation: LabelledImages, batch_size: int) -> float:
    """A plain loop over standardised float tensors in memory, with PyTorch's NAdam."""
    statistics_ = measure(train.images, "per_pixel")
    images, val_images = (
        (each.images.float() - statistics_.mean) / statistics_.deviation
        for each in (train, validation)
    )
    network = networks.elu_network(20, 100, torch.Generator().manual_seed(0))
    optimiser = torch.optim.NAdam(network.parameters(), lr=LEARNING_RATE)
    started = time.perf_counter()
    network.train()
    total = 0.0
    for chosen in torch.randperm(len(images)).split(batch_size):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(images[chosen]), train.labels[chosen])
        loss.backward()
        optimiser.step()
        total += loss.item() * len(chosen)
    evaluate(network, val_images, validation.labels)
    return time.perf_counter() - started


@torch.no_grad()
def evaluate(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Accuracy."""
    network.eval()
    batches = zip(images.split(VALIDATION_BATCH), labels.split(VALIDATION_BATCH), strict=True)
    right = sum(int((network(each).argmax(1) == answers).sum()) for each, answers in batches)
    return right / len(labels)


class StockModule(LightningModule):
    """The module that a Lightning tutorial would write."""

    def __init__(self) -> None:
        super().__init__()
        self.network = networks.elu_network(20, 100, torch.Generator().manual_seed(0))

    def training_step(self, batch: list[Tensor], batch_index: int) -> Tensor:
        """Mean loss, logged."""
        loss = functional.cross_entropy(self.network(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_index: int) -> None:
        """Mean loss, logged."""
        self.log("val_loss", functional.cross_entropy(self.network(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """PyTorch's NAdam."""
        return torch.optim.NAdam(self.parameters(), lr=LEARNING_RATE)


def stock(train: LabelledImages, validation: LabelledImages, batch_size: int) -> float:
    """Lightning's defaults with a ``DataLoader`` over standardised float tensors."""
    statistics_ = measure(train.images, "per_pixel")
    loaders = [
        DataLoader(
            TensorDataset(
                (each.images.float() - statistics_.mean) / statistics_.deviation, each.labels
            ),
            batch_size=size,
            shuffle=each is train,
        )
        for each, size in ((train, batch_size), (validation, VALIDATION_BATCH))
    ]
    clock = EpochClock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_epochs=2,
            default_root_dir=folder,
            callbacks=[clock],
            accelerator="cpu",
            logger=False,
        )
        trainer.fit(StockModule(), *loaders)
        ended = time.perf_counter()
    return ended - clock.starts[-1]


CONTESTANTS: dict[str, Callable[[LabelledImages, LabelledImages, int], float]] = {
    "ours": ours,
    "compiled": partial(ours, compiled=True),
    "parts": parts,
    "parts compiled": partial(parts, compiled=True),
    "bare": bare,
    "stock": stock,
}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    quieten()
    train, validation = benchmark_images()
    results = {}
    for batch_size in options.batch_sizes:
        seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        for _ in range(options.rounds):
            for name, contestant in CONTESTANTS.items():
                seconds[name].append(contestant(train, validation, batch_size))
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        ratios = {
            name: statistics.median(
                a / b for a, b in zip(seconds[name], seconds["bare"], strict=True)
            )
            for name in CONTESTANTS
            if name != "bare"
        }
        results[batch_size] = {"seconds": seconds, "medians": medians, "ratios_to_bare": ratios}
        shown = "  ".join(f"{name} {value:.2f} s" for name, value in medians.items())
        print(f"batch {batch_size}: {shown}  ours/bare {ratios['ours']:.2f}", flush=True)
    if options.out:
        record = {"versions": versions(), "commit": commit(), "results": results}
        record["device"] = device_name(torch.device("cpu"))
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
