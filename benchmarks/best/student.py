"""One dense network trained with some of the recipe's ingredients, and folded into a plain one."""

import time
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.best.folding import folded
from lightning_cifar.backprop.activations import evaluated
from lightning_cifar.data.batches import Augmentation, TensorBatches
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.networks import batch_norm_network
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.optim.groups import Optimiser, parameter_groups
from lightning_cifar.stack.fit import silent_trainer
from lightning_cifar.standardise import Standardise

PIECE = 1000  # images that are evaluated at once
NEAR = 1e-3  # between a logit before and after folding, relative to the largest


@dataclass(frozen=True)
class Recipe:
    """What a network is trained with.

    Attributes:
        learning_rate: the top of ``early_cycle``.
        taught: whether it learns the teacher's answers in place of the labels.
    """

    epochs: int
    batch_size: int = 512
    learning_rate: float = 2e-3
    optimiser: Optimiser = "muon"
    flip: bool = True
    shift: int = 2
    taught: bool = True
    depth: int = 20
    width: int = 100

    def without(self, **changes: Any) -> "Recipe":
        """The same with other ingredients."""
        return replace(self, **changes)


def early_cycle(progress: float) -> float:
    """A 1cycle whose top comes after a fifth of the steps; straight edges, down to zero.

    progress: share of the steps that are done, 0 to 1. Returns: the factor, at most 1.
    """
    return 0.1 + 4.5 * progress if progress < 0.2 else 1.25 * (1 - progress)


@dataclass(frozen=True)
class Trained:
    """A plain network and how it came about.

    Attributes:
        network: Flatten, Linear → ELU, …, Linear; of standardised images.
        train_losses, train_accuracies: of each epoch, while the weights changed; the accuracies
            by the labels.
        fold_error: the largest difference of a logit that folding made, relative to the largest.
    """

    network: nn.Sequential
    train_losses: tuple[float, ...]
    train_accuracies: tuple[float, ...]
    fold_error: float
    seconds: float


@final
class Student(LightningModule):
    """Batches of (images, rows): what an image should give is looked up by its row.

    targets: (images, classes) probabilities. labels: (images,), for the accuracy alone.
    steps: of the whole fit, over which the schedule is stretched.
    """

    def __init__(
        self,
        network: nn.Sequential,
        standardise: Standardise,
        recipe: Recipe,
        targets: Tensor,
        labels: Tensor,
        steps: int,
    ) -> None:
        super().__init__()
        self.network, self.standardise, self.recipe = network, standardise, recipe
        self.targets, self.labels, self.steps = targets, labels, steps
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def on_train_epoch_start(self) -> None:
        """Begin new sums."""
        self.loss_sum, self.right = torch.zeros(()), torch.zeros((), dtype=torch.long)

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        """Cross-entropy with the targets."""
        images, rows = batch
        logits = self.network(self.standardise(images))
        loss = functional.cross_entropy(logits, self.targets[rows])
        with torch.no_grad():
            self.loss_sum += loss * len(rows)
            self.right += (logits.argmax(1) == self.labels[rows]).sum()
        return loss

    def on_train_epoch_end(self) -> None:
        """Keep the epoch's means."""
        self.losses.append(float(self.loss_sum) / len(self.labels))
        self.accuracies.append(float(self.right) / len(self.labels))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """NAdam or Muon under the schedule."""
        rate = self.recipe.learning_rate
        optimiser = FlatNAdam(parameter_groups(self.network, self.recipe.optimiser, rate), lr=rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: early_cycle(min(1.0, step / max(self.steps - 1, 1)))
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def trained_student(
    recipe: Recipe,
    seed: int,
    data: CIFAR10DataModule,
    standardise: Standardise,
    answers: Tensor,
) -> Trained:
    """Train a network on the training images of ``data``, which is set up for fitting.

    The network is the variant ``batch_norm`` without the normalisation of the input, which is
    standardised already. seed: of the weights, the order and the augmentation.
    answers: (images, classes), the teacher's for the training images.
    """
    start = time.perf_counter()
    images, labels = data.train_images.images, data.train_images.labels
    shape = (recipe.depth, recipe.width)
    generator = torch.Generator().manual_seed(seed)
    pixels = images[0].numel()
    network = batch_norm_network(*shape, generator, data.class_count, pixels)
    del network[1]
    batches = TensorBatches(
        LabelledImages(images, torch.arange(len(images))),
        batch_size=recipe.batch_size,
        seed=seed,
        augmentation=Augmentation(recipe.flip, recipe.shift),
    )
    hard = functional.one_hot(labels, data.class_count).float()
    targets = answers if recipe.taught else hard
    steps = len(batches) * recipe.epochs
    student = Student(network, standardise, recipe, targets, labels, steps)
    trainer = silent_trainer([], accelerator="cpu", devices=1, max_epochs=recipe.epochs)
    trainer.fit(student.train(), batches)
    plain = folded(network.eval())
    held_out = standardise(data.validation_images.images[:PIECE])
    with torch.no_grad():
        before, after = network(held_out), plain(held_out)
    error = float((before - after).abs().max() / before.abs().max())
    assert error < NEAR, f"folding changed a logit by {error:.1e} of the largest"
    return Trained(
        plain,
        tuple(student.losses),
        tuple(student.accuracies),
        error,
        time.perf_counter() - start,
    )


@torch.no_grad()
def logits_of(network: nn.Sequential, standardise: Standardise, images: LabelledImages) -> Tensor:
    """Logits (images, classes) of raw images."""
    return torch.cat([evaluated(network, standardise(piece)) for piece in images.split(PIECE)])


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of right answers."""
    return float((logits.argmax(1) == labels).float().mean())
