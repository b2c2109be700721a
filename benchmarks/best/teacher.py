"""A small convolutional network as teacher: the student learns its answers."""

from typing import Any, final

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional

from lightning_cifar.data.batches import Augmentation, TensorBatches
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.optim.schedules import one_cycle
from lightning_cifar.stack.fit import silent_trainer
from lightning_cifar.standardise import Standardise

RATE, WEIGHT_DECAY, SMOOTHING, SHIFT, BATCH = 5e-3, 0.02, 0.1, 3, 256
PIECE = 500  # images that are answered at once


@final
class Beside(nn.Module):
    """x + layers(x)."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        outputs: Tensor = inputs + self.layers(inputs)
        return outputs


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def convolutional_network(width: int, classes: int) -> nn.Sequential:
    """Logits (batch, classes) of standardised images (batch, 3, size, size).

    width: channels of the first layer; the last has eight times as many.
    """
    return nn.Sequential(
        block(3, width, kernel=4, stride=2),
        block(width, 2 * width),
        nn.MaxPool2d(2),
        block(2 * width, 4 * width),
        Beside(block(4 * width, 4 * width)),
        nn.MaxPool2d(2),
        block(4 * width, 8 * width),
        Beside(block(8 * width, 8 * width)),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    )


@final
class Teacher(LightningModule):
    """Trained with AdamW, smoothed labels and a 1cycle over ``steps`` steps."""

    def __init__(self, width: int, classes: int, steps: int, standardise: Standardise) -> None:
        super().__init__()
        self.standardise = standardise
        self.network = convolutional_network(width, classes).to(memory_format=torch.channels_last)
        self.steps = steps

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of raw images (batch, 3, size, size), uint8."""
        inputs = self.standardise(images).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.network(inputs)
        return logits

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        """Cross-entropy with smoothed labels."""
        images, labels = batch
        return functional.cross_entropy(self(images), labels, label_smoothing=SMOOTHING)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW under 1cycle."""
        optimiser = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: one_cycle(min(1.0, step / max(self.steps - 1, 1)))
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def trained_teacher(
    data: CIFAR10DataModule, standardise: Standardise, *, width: int, epochs: int, seed: int
) -> Teacher:
    """A teacher in evaluation mode; ``data`` is set up for fitting."""
    batches = TensorBatches(
        data.train_images, batch_size=BATCH, seed=seed, augmentation=Augmentation(True, SHIFT)
    )
    torch.manual_seed(seed)
    teacher = Teacher(width, data.class_count, len(batches) * epochs, standardise)
    silent_trainer([], accelerator="cpu", devices=1, max_epochs=epochs).fit(teacher, batches)
    return teacher.eval()


@torch.no_grad()
def answers(teacher: Teacher, images: LabelledImages) -> Tensor:
    """Probabilities (images, classes): the mean over each image and its mirror image."""
    means = [
        (teacher(piece).softmax(-1) + teacher(piece.flip(-1)).softmax(-1)) / 2
        for piece in images.split(PIECE)
    ]
    return torch.cat(means)
