"""Runs of one condition trained as a stack, each with two checkpoints.

The first is that of every fit: the lowest validation loss. The second, the highest validation
accuracy, is kept to see which verdicts depend on the rule.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.runs.provenance import device_name
from lightning_cifar.stack.activations import PROBE_IMAGES
from lightning_cifar.stack.fit import (
    MemberFit,
    checkpoint_of,
    member_fit,
    prepared,
    silent_trainer,
    train_stack,
)
from lightning_cifar.stack.module import settings_of
from lightning_cifar.stack.progress import STACK_FILE, StackProgress, stack_of
from lightning_cifar.study.conditions import Condition

Checkpoint = tuple[int, dict[str, Tensor]]  # epoch, counted from 0, and the network's weights


def fit_runs(
    condition: Condition,
    rates: dict[int, float],
    datamodule: CIFAR10DataModule,
    folder: Path,
    on_epoch: Callable[[int, int], None] | None = None,
) -> list[tuple[MemberFit, Checkpoint]]:
    """Fit the runs of some seeds: seed -> its rate; their results in this order.

    datamodule: set up for fitting.
    folder: for the checkpoint of a stack under way, from which a second call continues.
    on_epoch: called after each epoch with its number and the number of members it trained.
    """
    settings, seeds = condition.settings, list(rates)
    members = [
        prepared(condition.classifier(*each, datamodule), datamodule) for each in rates.items()
    ]
    description = {
        "members": [settings_of(each) | dict(each.hparams) for each in members],
        "seeds": seeds,
        "max_epochs": settings["trainer"]["max_epochs"],
        "patience": settings["early_stopping"]["patience"],
        "data": {"fingerprint": datamodule.fingerprint} | datamodule.settings,
    }
    checkpoint = checkpoint_of(folder / STACK_FILE, description)
    probes = datamodule.validation_images.between(0, PROBE_IMAGES)
    progress = StackProgress(len(members), description["patience"], probes, description, on_epoch)
    accurate = MostAccurate(len(members))
    trainer = silent_trainer(
        [accurate, progress],  # in this order, before members leave
        accelerator=settings["trainer"]["accelerator"],
        devices=1,
        max_epochs=description["max_epochs"],
        default_root_dir=str(folder),
    )
    train_stack(members, seeds, datamodule, trainer, checkpoint)
    device = device_name(trainer.strategy.root_device)
    fits = [
        member_fit(member, its, device, datamodule.fingerprint)
        for member, its in zip(members, progress.members, strict=True)
    ]
    return list(zip(fits, accurate.checkpoints, strict=True))


@final
class MostAccurate(Callback):
    """Keeps the weights of each member's epoch with the highest validation accuracy, the first."""

    def __init__(self, members: int) -> None:
        self.accuracies = [-1.0] * members
        self.checkpoints: list[Checkpoint] = [(-1, {})] * members

    def state_dict(self) -> dict[str, Any]:
        """What a stack that was interrupted goes on with."""
        return {"accuracies": self.accuracies, "checkpoints": self.checkpoints}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the interrupted stack was."""
        self.accuracies = list(state_dict["accuracies"])
        self.checkpoints = [(epoch, state) for epoch, state in state_dict["checkpoints"]]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the epoch of every member whose training was finite."""
        stack = stack_of(pl_module)
        whole = (stack.finite_batches == stack.train_batches).tolist()
        for index, (_, accuracy) in enumerate(stack.val_figures()):
            member = stack.present[index]
            if whole[index] and accuracy > self.accuracies[member]:
                self.accuracies[member] = accuracy
                self.checkpoints[member] = trainer.current_epoch, stack.stack.member_state(index)
