"""Many classifiers of one variant as one LightningModule: an ordinary Trainer trains them all."""

import copy
from collections.abc import Sequence
from typing import Any, final

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_cifar.backprop.module import Batch, HandTrained
from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.optim.schedules import scheduled
from lightning_cifar.stack.network import StackedNetwork, member_losses

OWN_SETTINGS = {"seed", "learning_rate"}  # what may differ between the members of a stack


@final
class StackedClassifiers(HandTrained):
    """M classifiers that train side by side, each with its own rate, batches and masks.

    classifiers: of one variant and shape, standardised and weighed alike, with a learning rate
    each; copied.
    seeds: of the members' dropout masks.

    Figures of the epoch under way are sums by member that ``train_figures`` and ``val_figures``
    turn into means.

    Raises:
        InputError: the classifiers do not fit together, or one has no rate.
    """

    def __init__(self, classifiers: Sequence[DenseClassifier], seeds: Sequence[int]) -> None:
        super().__init__()
        check_alike(classifiers)
        self.standardise = copy.deepcopy(classifiers[0].standardise)
        self.stack = StackedNetwork([each.network for each in classifiers], seeds).train()
        self.rates = torch.tensor([each.learning_rate for each in classifiers], dtype=torch.float64)
        self.schedule = classifiers[0].schedule
        self.present = list(range(len(classifiers)))
        self.class_weights = classifiers[0].class_weights
        self.on_train_epoch_start()
        self.on_validation_epoch_start()

    def setup(self, stage: str) -> None:
        """Train by hand; a stack knows no other way."""
        self.train_by_hand()

    def trained_layers(self) -> nn.Sequential:
        """Those of the stack."""
        return self.stack.layers

    def members(self) -> int:
        """How many are left."""
        return len(self.present)

    def on_train_epoch_start(self) -> None:
        """Begin new sums."""
        super().on_train_epoch_start()
        self.finite_batches = torch.zeros(self.members(), dtype=torch.long, device=self.device)

    def on_validation_epoch_start(self) -> None:
        """Begin new sums."""
        self.val_totals = torch.zeros(2, self.members(), device=self.device)
        self.val_images = 0

    def forward(self, images: Tensor) -> Tensor:
        """Logits (members, batch, classes) of raw images, uint8.

        images: (batch, 3, size, size) shared by all members, or (members, batch, 3, size, size).
        """
        logits: Tensor = self.stack(self.standardise(images))
        return logits

    def training_step(self, batch: Any, batch_index: int) -> dict[str, Any]:
        """Steps of all members; no gradient of one depends on another."""
        before = self.train_batches
        outputs = self.train_block(batch, batch_index)
        finite = outputs["losses"].isfinite().long().cumprod(0).sum(0)
        # Of a member whose loss was not finite before, nothing that follows counts.
        self.finite_batches += torch.where(self.finite_batches == before, finite, 0)
        return outputs

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Add to the sums."""
        images, labels = batch
        logits = self(images)
        self.val_totals[0].add_(member_losses(logits, labels), alpha=len(labels))
        self.val_totals[1] += (logits.argmax(-1) == labels).sum(1)
        self.val_images += len(labels)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip each member as its own fit would; values are clipped one by one in any case."""
        if (gradient_clip_val or 0) > 0 and gradient_clip_algorithm != "value":
            assert gradient_clip_val is not None
            self.stack.clip_gradients(gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def train_figures(self) -> list[list[float]]:
        """Mean loss and accuracy of each member over the epoch, as trained."""
        figures: list[list[float]] = (self.train_totals / max(self.train_images, 1)).T.tolist()
        return figures

    def val_figures(self) -> list[list[float]]:
        """Mean loss and accuracy of each member over the validation images."""
        figures: list[list[float]] = (self.val_totals / self.val_images).T.tolist()
        return figures

    def keep(self, members: Sequence[int]) -> None:
        """Remove all members but these from stack and optimiser; indices into the present ones."""
        kept = torch.tensor(members)
        self.stack.keep(kept)
        self.rates = self.rates[kept]
        self.present = [self.present[member] for member in members]
        if self._trainer is not None:
            for optimiser in self.trainer.optimizers:
                assert isinstance(optimiser, FlatNAdam)
                optimiser.keep(kept)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note which members are left."""
        checkpoint["present"] = self.present

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let go those that had left, before weights and optimiser are loaded."""
        super().on_load_checkpoint(checkpoint)
        self.keep(checkpoint["present"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One NAdam with a rate for each member; a schedule is stepped per batch."""
        optimiser = FlatNAdam(self.stack.parameter_groups(), lr=1.0, rates=self.rates)
        if self.schedule == "constant":
            return optimiser
        return scheduled(optimiser, self.schedule, int(self.steps_of_the_fit()))


def check_alike(classifiers: Sequence[DenseClassifier]) -> None:
    """Refuse classifiers that cannot be one stack."""
    if not classifiers:
        raise InputError("a stack needs at least one classifier, got none")
    if classifiers[0].optimiser != "nadam":
        raise InputError(
            f"a stack trains with nadam, got optimiser = {classifiers[0].optimiser!r}; fit such "
            "networks one by one"
        )
    first = settings_of(classifiers[0])
    for each in classifiers:
        for name, value in settings_of(each).items():
            if first.get(name) != value:
                raise InputError(
                    f"a stack holds classifiers of one kind, got {name} = {first.get(name)!r} and "
                    f"{value!r}; train them in two stacks"
                )
        if each.learning_rate is None:
            raise InputError(
                "every classifier of a stack needs a learning rate; search for one first"
            )


def settings_of(classifier: DenseClassifier) -> dict[str, Any]:
    """What must agree between the members of a stack."""
    shared = {key: value for key, value in classifier.hparams.items() if key not in OWN_SETTINGS}
    return {"variant": variant_of(classifier), **shared}
