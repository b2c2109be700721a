"""The peers of `peers.py` that run on PyTorch, ours among them, and what all peers share.

A peer is a function of a setting and of turns: it makes itself ready, then trains an epoch whenever
it has its turn. All start from the same weights and see their first epoch in the same order.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Sampler, TensorDataset

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data import datamodule
from lightning_cifar.data.batches import epoch_order
from lightning_cifar.data.images import ImageSet, LabelledImages, Part
from lightning_cifar.networks import CLASSES, IMAGE_SHAPE

LEARNING_RATE = 1e-4  # low, so that rounding errors do not grow over the epoch that is compared
EPSILON = 1e-8  # Keras has another default
MOMENTUM_DECAY = 4e-3  # PyTorch's; the momentum of its NAdam rises ever so slowly from a half
VALIDATION_IMAGES, VALIDATION_BATCH = 5_000, 1_000
CONTRAST = 0.1  # of a class's pattern against the noise; learnt in part within an epoch
FIT = (
    *("fit", "--data.source", "synthetic", "--data.validation", "first"),
    *("--data.validation_size", str(VALIDATION_IMAGES)),
    *("--early_stopping.patience", "1000000", "--trainer.max_epochs", "1000000"),
    *("--model.learning_rate", str(LEARNING_RATE)),
    *("--trainer.callbacks", '[{"class_path": "peer_loops.TakesTurns"}]'),
)


class Enough(Exception):
    """There are no more turns."""


@dataclass(frozen=True)
class Epoch:
    """Seconds and losses of an epoch; ``rest`` is the validation and what else comes after it."""

    train: float
    rest: float
    train_loss: float
    val_loss: float


class Turns:
    """A peer's end of its line to the driver."""

    def __init__(self, line: Connection) -> None:
        self.line = line

    def wait(self) -> None:
        """Sleep until it is this peer's turn; raise Enough when there is no other."""
        if self.line.recv() != "epoch":
            raise Enough

    def report(self, epoch: Epoch) -> None:
        """Give the turn back."""
        self.line.send(epoch)


@dataclass(frozen=True)
class Setting:
    """What is trained on what.

    images: of a timed epoch, without the validation images.
    """

    variant: str
    batch_size: int
    images: int
    device: str = "cpu"

    def network(self) -> nn.Sequential:
        """The network with the start that every peer takes, on the CPU."""
        return VARIANTS[self.variant](learning_rate=LEARNING_RATE).network

    def order(self, epoch: int) -> Tensor:
        """The order in which our data module visits the images."""
        return epoch_order(self.images, 0, epoch)

    @cached_property
    def data(self) -> datamodule.CIFAR10DataModule:
        """Patterns under noise, the same in every process."""
        patch_source(self.images)
        data = datamodule.CIFAR10DataModule(
            source="synthetic", validation="first", validation_size=VALIDATION_IMAGES
        )
        data.setup("fit")
        return data

    def floats(self) -> list[tuple[Tensor, Tensor]]:
        """Standardised training and validation images with their labels, on the device."""
        statistics = self.data.standardisation
        return [
            (
                ((each.images.float() - statistics.mean) / statistics.deviation).to(self.device),
                each.labels.to(self.device),
            )
            for each in (self.data.train_images, self.data.validation_images)
        ]


def patch_source(images: int) -> None:
    """Let our data module find patterns under noise where it would draw the built-in images."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.rand((CLASSES, *IMAGE_SHAPE), generator=generator)

    def read(part: Part) -> LabelledImages:
        count = images + VALIDATION_IMAGES if part == "train" else VALIDATION_IMAGES
        drawn = torch.Generator().manual_seed(len(part))
        labels = torch.randint(CLASSES, (count,), generator=drawn)
        pixels = torch.empty((count, *IMAGE_SHAPE), dtype=torch.uint8)
        parts = (each.split(VALIDATION_BATCH) for each in (pixels, labels))
        for rows, answers in zip(*parts, strict=True):
            noise = torch.rand(rows.shape, generator=drawn)
            rows.copy_(255 * noise.lerp(patterns[answers], CONTRAST))
        return LabelledImages(pixels, labels)

    classes = tuple(map(str, range(CLASSES)))
    datamodule.load_images = lambda *_: ImageSet(classes, f"{images} patterns", read)


class TakesTurns(Callback):
    """Holds a fit between two epochs until it is its turn, and takes the time of each epoch."""

    turns: Turns

    def __init__(self) -> None:
        self.started = self.trained = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The epoch before ends here, with everything that belongs to its end."""
        if self.started:
            train, rest = self.trained - self.started, time.perf_counter() - self.trained
            losses = (float(trainer.callback_metrics[name]) for name in ("train_loss", "val_loss"))
            self.turns.report(Epoch(train, rest, *losses))
        self.turns.wait()
        self.started = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last step is done."""
        synchronise(pl_module.device.type)
        self.trained = time.perf_counter()


def ours(setting: Setting, turns: Turns) -> None:
    """The command `fit` as it stands, with a given rate."""
    from lightning_cifar.cli.arguments import with_configs_composed
    from lightning_cifar.cli.command import run_command

    TakesTurns.turns = turns
    patch_source(setting.images)
    with tempfile.TemporaryDirectory() as folder:
        options = ["--data.batch_size", str(setting.batch_size), "--config", setting.variant]
        options += ["--trainer.accelerator", setting.device, "--run", f"{folder}/run"]
        run_command(with_configs_composed([*FIT, *options]))


def bare(
    setting: Setting,
    turns: Turns,
    *,
    compiled: bool = False,
    momentum_decay: float = MOMENTUM_DECAY,
) -> None:
    """A plain loop over standardised tensors in memory with PyTorch's NAdam.

    compiled: forward, backward and the optimiser's step by ``torch.compile``.
    momentum_decay: how fast NAdam's momentum rises; other libraries have it rise faster.
    """
    (images, labels), validation = setting.floats()
    network = setting.network().to(setting.device)
    optimiser = torch.optim.NAdam(
        network.parameters(),
        lr=LEARNING_RATE,
        eps=EPSILON,
        momentum_decay=momentum_decay,
        foreach=compiled or None,
        capturable=compiled and setting.device != "cpu",
    )

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(network(images), labels)

    step = optimiser.step
    if compiled:
        mode = None if setting.device == "cpu" else "reduce-overhead"
        loss_of, step = torch.compile(loss_of, mode=mode, dynamic=False), torch.compile(step)
    epoch = 0
    while True:
        turns.wait()
        started = time.perf_counter()
        network.train()
        total = torch.zeros((), device=setting.device)
        order = setting.order(epoch) if epoch == 0 else torch.randperm(setting.images)
        for chosen in order.to(setting.device).split(setting.batch_size):
            optimiser.zero_grad()
            loss = loss_of(images[chosen], labels[chosen])
            loss.backward()
            step()
            total += loss.detach() * len(chosen)
        mean = float(total) / setting.images
        trained = time.perf_counter()
        val_loss = evaluate(network, *validation)
        turns.report(Epoch(trained - started, time.perf_counter() - trained, mean, val_loss))
        epoch += 1


@torch.no_grad()
def evaluate(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The mean loss; counts right answers as well, as everybody does."""
    network.eval()
    total, right = torch.zeros((2, 1), device=images.device)
    for each, answers in zip(
        images.split(VALIDATION_BATCH), labels.split(VALIDATION_BATCH), strict=True
    ):
        logits = network(each)
        total += functional.cross_entropy(logits, answers, reduction="sum")
        right += (logits.argmax(1) == answers).sum()
    return float(total) / len(labels)


class Stock(LightningModule):
    """The module that a Lightning tutorial would write."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: list[Tensor], batch_index: int) -> Tensor:
        """Mean loss, logged for the epoch."""
        loss = functional.cross_entropy(self.network(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[Tensor], batch_index: int) -> None:
        """Mean loss, logged."""
        self.log("val_loss", functional.cross_entropy(self.network(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """PyTorch's NAdam."""
        return torch.optim.NAdam(self.parameters(), lr=LEARNING_RATE, eps=EPSILON)


class Order(Sampler[int]):
    """The order of our first epoch, then as it comes."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.epoch = setting, 0

    def __len__(self) -> int:
        """The number of images."""
        return self.setting.images

    def __iter__(self) -> Iterator[int]:
        """The indices of an epoch."""
        yield from self.setting.order(self.epoch).tolist()
        self.epoch += 1


def stock(setting: Setting, turns: Turns) -> None:
    """Lightning with a ``DataLoader`` over tensors, without progress bar, logger, checkpoints."""
    train, validation = (TensorDataset(*each) for each in setting.floats())
    TakesTurns.turns = turns
    trainer = Trainer(
        max_epochs=-1,
        callbacks=[TakesTurns()],
        accelerator=setting.device,
        devices=1,
        num_sanity_val_steps=0,
        **dict.fromkeys(
            ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
        ),
    )
    trainer.fit(
        Stock(setting.network()),
        DataLoader(train, batch_size=setting.batch_size, sampler=Order(setting)),
        DataLoader(validation, batch_size=VALIDATION_BATCH),
    )


def synchronise(device: str) -> None:
    """Wait for what was launched."""
    if device == "cuda":
        torch.cuda.synchronize()
