"""Early stopping and best weights for every member of a stack, each by itself."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_cifar.backprop.patience import short_patience
from lightning_cifar.data.blocks import Blocks
from lightning_cifar.data.notices import say_once
from lightning_cifar.optim.schedules import SCHEDULES
from lightning_cifar.runs.records import (
    RUNNING,
    EpochRecord,
    diverged,
    epochs_done,
    out_of_patience,
)
from lightning_cifar.stack.activation_record import ActivationRecord, activations_from
from lightning_cifar.stack.activations import BEFORE_TRAINING, activation_records, is_probed
from lightning_cifar.stack.batches import StackedBatches
from lightning_cifar.stack.module import StackedClassifiers

STACK_FILE = "stack.ckpt"
MONITOR = "val_loss"
# Of training between two checkpoints: one takes as long as dozens of steps, and what is lost in
# between is trained again to the last bit.
SECONDS_BETWEEN_CHECKPOINTS = 20.0


@dataclass
class MemberProgress:
    """What has become of one member so far.

    Attributes:
        best_state: ``state_dict`` of an ordinary network after the best epoch; empty if none.
        best_epoch: the epoch with the lowest validation loss, counted from 0; -1 if none.
        stop_reason: "running" until it stops, then in the words of a single run.
    """

    epochs: list[EpochRecord] = field(default_factory=list)
    activations: list[ActivationRecord] = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = -1
    best_state: dict[str, Tensor] = field(default_factory=dict)
    stop_reason: str = RUNNING

    def note(self, epoch: EpochRecord, state: Callable[[], dict[str, Tensor]]) -> None:
        """Add an epoch; ``state`` gives its weights, asked for only if it is the best so far."""
        self.epochs.append(epoch)
        if epoch.val_loss < self.best_loss:  # a NaN is never better
            self.best_loss, self.best_epoch, self.best_state = epoch.val_loss, epoch.epoch, state()

    @property
    def waited(self) -> int:
        """Epochs since the best."""
        return len(self.epochs) - 1 - self.best_epoch


@final
class StackProgress(Callback):
    """Decides after each epoch which members go on; those that are done leave the stack.

    The rules are those of a single run: ``BestWeights`` for the validation loss, ``FiniteGuard``
    for a training loss that is not finite.

    Args:
        members: how many classifiers the stack was made of.
        patience: epochs of a member without a new best before it stops; None: it never does.
        probes: raw images on which activations are measured; None: they are not.
        description: what the stack is, for ``stack.ckpt``, which is saved every now and then in
            the trainer's root folder; None: nothing is saved.
        on_epoch: called after each epoch with its number and the number of members it trained.
    """

    knows_blocks = True  # of batches

    def __init__(
        self,
        members: int,
        patience: int | None = None,
        probes: Tensor | None = None,
        description: dict[str, Any] | None = None,
        on_epoch: Callable[[int, int], None] | None = None,
    ) -> None:
        self.members = [MemberProgress() for _ in range(members)]
        self.patience = patience
        self.probes = probes
        self.description = description
        self.on_epoch = on_epoch
        self.epoch_started = self.saved_at = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """The progress of all members as plain values and tensors."""
        return {"members": [asdict(member) for member in self.members]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the interrupted stack was."""
        self.members = [progress_from(values) for values in state_dict["members"]]

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the checkpoint say which stack it is of."""
        checkpoint["description"] = self.description

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the activations before the first step; serve those members that are left."""
        stack = stack_of(pl_module)
        batches_of(trainer).keep(stack.present)
        self.saved_at = time.perf_counter()
        if self.patience is not None:
            say_once(short_patience(trainer, self.patience))
        if trainer.global_step == 0:
            self._probe(stack, BEFORE_TRAINING)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.epoch_started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge every member, remove those that are done, and save."""
        stack = stack_of(pl_module)
        epoch, count = trainer.current_epoch, len(stack.present)
        self._note_epoch(trainer, stack, (time.perf_counter() - self.epoch_started) / count)
        self._probe(stack, epoch)
        self._remove_finished(trainer, stack)
        if not trainer.should_stop:
            self._save_now_and_then(trainer)
        if self.on_epoch is not None:
            self.on_epoch(epoch, count)

    def _note_epoch(self, trainer: Trainer, stack: StackedClassifiers, seconds: float) -> None:
        factor = float(trainer.optimizers[0].param_groups[0]["lr"])
        figures = zip(stack.train_figures(), stack.val_figures(), strict=True)
        finite = stack.finite_batches.tolist()
        batches, accumulated = stack.train_batches, trainer.accumulate_grad_batches
        steps_before = trainer.global_step - math.ceil(batches / accumulated)
        for index, ((train_loss, train_accuracy), (val_loss, val_accuracy)) in enumerate(figures):
            member = self.members[stack.present[index]]
            rate = float(stack.rates[index])
            if finite[index] < batches:
                step = steps_before + finite[index] // accumulated
                last_step = max(int(stack.steps_of_the_fit()) - 1, 1)
                rate *= SCHEDULES[stack.schedule](step / last_step)
                member.stop_reason = diverged(step, trainer.current_epoch, rate)
                continue
            record = EpochRecord(
                epoch=trainer.current_epoch,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                learning_rate=factor * rate,
                seconds=round(seconds, 4),
            )
            member.note(record, partial(stack.stack.member_state, index))
            member.stop_reason = self._verdict(member, trainer)

    def _verdict(self, member: MemberProgress, trainer: Trainer) -> str:
        """Why a member stops after its newest epoch; "running" if it goes on."""
        if self.patience is not None and member.waited >= self.patience:
            return out_of_patience(MONITOR, self.patience)
        if trainer.current_epoch + 1 == trainer.max_epochs:
            return epochs_done(trainer.max_epochs)
        return RUNNING

    def _probe(self, stack: StackedClassifiers, epoch: int) -> None:
        """Record the activations of the members that have not diverged, at some epochs."""
        if self.probes is None or not is_probed(epoch):
            return
        images = stack.standardise(self.probes.to(stack.device))
        records = activation_records(stack.stack, images, epoch)
        for index, record in zip(stack.present, records, strict=True):
            member = self.members[index]
            if epoch == BEFORE_TRAINING or (member.epochs and member.epochs[-1].epoch == epoch):
                member.activations.append(record)

    def _remove_finished(self, trainer: Trainer, stack: StackedClassifiers) -> None:
        staying = [
            place
            for place, index in enumerate(stack.present)
            if self.members[index].stop_reason == RUNNING
        ]
        if not staying:
            trainer.should_stop = True
        elif len(staying) < len(stack.present):
            stack.keep(staying)
            batches_of(trainer).keep(stack.present)

    def _save_now_and_then(self, trainer: Trainer) -> None:
        recent = time.perf_counter() - self.saved_at < SECONDS_BETWEEN_CHECKPOINTS
        if recent or self.description is None:
            return
        trainer.save_checkpoint(Path(trainer.default_root_dir) / STACK_FILE)
        self.saved_at = time.perf_counter()


def progress_from(values: dict[str, Any]) -> MemberProgress:
    """A member's progress from its plain values."""
    epochs = [EpochRecord(**epoch) for epoch in values["epochs"]]
    activations = list(map(activations_from, values["activations"]))
    return MemberProgress(**(values | {"epochs": epochs, "activations": activations}))


def stack_of(module: LightningModule) -> StackedClassifiers:
    """The module as what it is: this callback serves no other."""
    assert isinstance(module, StackedClassifiers)
    return module


def batches_of(trainer: Trainer) -> StackedBatches:
    """The loader of the training."""
    loader = trainer.train_dataloader
    batches = loader.batches if isinstance(loader, Blocks) else loader
    assert isinstance(batches, StackedBatches)
    return batches
