"""The part of a LightningModule that trains by hand, for one network as for a stack."""

import warnings
from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from lightning_cifar.backprop.fitting import (
    asks_for_batches,
    overridden,
    scheduler_of,
    steps_at_once,
)
from lightning_cifar.backprop.layers import without_rule
from lightning_cifar.backprop.step import Backpropagation, pair_of
from lightning_cifar.backprop.threads import threads_for
from lightning_cifar.data.blocks import Block, Blocks
from lightning_cifar.data.notices import say_once
from lightning_cifar.errors import InputError
from lightning_cifar.native.library import why_none
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.standardise import Standardise

Batch = tuple[Tensor, Tensor]


class HandTrained(LightningModule, ABC):
    """A module whose training step makes several steps, each forward and backward by hand.

    Attributes:
        why_by_autograd: the reason why that one trains; None: it does not.
        takes_blocks: until somebody changes the fit so that it wants single batches.
        train_totals: (2, members), sums of the losses and of the right answers of this epoch.
        train_images: of this epoch, each member's.
        class_weights: (classes,), of the training loss; None: every image weighs the same.
        loss_weights: the same where and in the type in which the losses are computed.
    """

    standardise: Standardise
    why_by_autograd: str | None = None
    takes_blocks = True
    class_weights: Tensor | None = None
    loss_weights: Tensor | None = None

    def __init__(self) -> None:
        super().__init__()
        # In a list, because a plain attribute would become part of this module's state.
        self._steps: list[Backpropagation] = []

    def __getstate__(self) -> dict[str, Any]:
        """For copies: without the steps, which are calls on this module's own buffers."""
        return super().__getstate__() | {"_steps": []}

    @abstractmethod
    def trained_layers(self) -> nn.Sequential:
        """The layers, with a leading member dimension in their parameters if there are several."""

    @abstractmethod
    def members(self) -> int:
        """How many networks are trained now."""

    def seed_masks(self, step: int, part: int) -> None:
        """Called before the dropout masks of a step, or of a later part of it, are drawn."""

    def train_by_hand(self) -> None:
        """Leave the optimisation to ``train_block``; for ``setup``, which Lightning calls late.

        Said earlier, a trainer would refuse to accumulate and to clip.
        """
        self.automatic_optimization, self.takes_blocks = False, True
        # A checkpoint within an epoch holds the weights after a step, as it does for any module.
        warnings.filterwarnings("ignore", message="(?s)Using ModelCheckpoint with manual")

    @property
    def steps_at_once(self) -> int:
        """How many batches a training step may be given now; 1 unless a fit by hand asks."""
        trainer = self._trainer
        by_hand = self.takes_blocks and not self.automatic_optimization
        if trainer is None or not by_hand or not asks_for_batches(trainer):
            return 1
        return self.steps_of_a_block()

    def steps_of_a_block(self) -> int:
        """How many batches a block has in the trainer's fit as it is now."""
        return steps_at_once(self.trainer, self.trainer.strategy.root_device.type)

    def on_train_start(self) -> None:
        """Say what autograd does: all, or the layers that have no rule or have hooks.

        Not earlier: a fit that is refused says nothing else.

        Raises:
            InputError: the fit is to go on within an epoch, whose sums are not in a checkpoint.
        """
        if self.trainer.fit_loop.restarted_mid_epoch:
            raise InputError(
                "the checkpoint was written within an epoch, and a fit goes on from whole ones; "
                "give one that was written at the end of an epoch"
            )
        self.count_batches()
        if self.why_by_autograd is not None:
            say_once(f"steps are made by autograd: {self.why_by_autograd}")
        slow = None if self.automatic_optimization else why_none(self.standardise.scale)
        if slow is not None:
            say_once(f"steps are made by PyTorch's kernels, which takes longer: {slow}")
        names = [] if self.automatic_optimization else without_rule(self.trained_layers())
        if names:
            say_once(f"autograd finds the gradients of {', '.join(names)}")

    def on_train_epoch_start(self) -> None:
        """Begin new sums."""
        self.count_batches()
        if self.class_weights is not None:
            self.loss_weights = self.class_weights.to(self.standardise.scale)
        self.train_totals = torch.zeros(2, self.members(), device=self.device)
        self.train_images = self.train_batches = 0
        self._steps.clear()

    def count_batches(self) -> None:
        """Give the trainer, which has counted blocks, the number of batches: others plan by it."""
        loader: Any = None if self._trainer is None else self.trainer.train_dataloader
        if isinstance(loader, Blocks):
            loader.is_counted = True
            self.trainer.fit_loop.max_batches = len(loader)

    def train_block(self, batch: Any, number: int) -> dict[str, Any]:
        """Make one step for each batch; with accumulated gradients, a part of one.

        number: of the batch in its epoch, where it is one.
        Returns: "losses" (steps, members), "loss" their mean; "rates", of each step the factor of
        the schedule or the rate; "step", the number of the first.
        """
        batches = batch if isinstance(batch, Block) else [pair_of(batch)]
        optimiser: Any = self.optimizers(use_pl_optimizer=False)
        scheduler = scheduler_of(self)
        parts = self.trainer.accumulate_grad_batches
        part = number % parts
        updates = part == parts - 1 or self.trainer.is_last_batch
        steps, first = self._prepared(optimiser), self.trainer.global_step
        losses = self.train_totals.new_empty(len(batches), self.members())
        rates = []
        for index, (images, labels) in enumerate(batches):
            rates.append(optimiser.param_groups[0]["lr"])
            seed_masks = partial(self.seed_masks, first + index, part)
            size = labels.shape[-1]
            with threads_for(self.members() * size, self.standardise.scale):
                losses[index] = steps(images, labels, seed_masks, 1 / parts)
                if parts > 1:
                    steps.accumulate(part, updates)
                if updates:
                    self._update(optimiser, scheduler)
            self.train_images += size
        self.train_batches += len(batches)
        # Lightning counts a block as one; loggers write this number as the step.
        self.trainer.fit_loop.epoch_loop._batches_that_stepped += len(batches) - 1
        return {"losses": losses, "loss": losses.mean(), "rates": rates, "step": first}

    def _prepared(self, optimiser: FlatNAdam) -> Backpropagation:
        if not self._steps or self._steps[0].optimiser is not optimiser:
            self._steps[:] = [
                Backpropagation(
                    self.trained_layers(),
                    self.standardise,
                    optimiser,
                    self.members(),
                    self.train_totals,
                    self.loss_weights,
                )
            ]
        self._steps[0].prepare()
        return self._steps[0]

    def _update(self, optimiser: FlatNAdam, scheduler: Any) -> None:
        """Clip, step, and count the step as Lightning does."""
        trainer = self.trainer
        own_clip = overridden(self, LightningModule, ("configure_gradient_clipping",))
        if trainer.gradient_clip_val or own_clip:
            clip = (trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
            self.configure_gradient_clipping(optimiser, *clip)
        progress = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        progress.increment_ready()
        optimiser.step_attached()
        progress.increment_completed()
        if scheduler is not None:
            scheduler.step()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting the steps, whoever made those before: Lightning counts them apart."""
        progress = checkpoint.get("loops", {}).get("fit_loop")
        if progress is None:
            return
        if self.automatic_optimization:
            every = progress["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
            counted = every["step"]["total"]
        else:
            counted = progress["epoch_loop.manual_optimization.optim_step_progress"]["total"]
        counted["ready"] = counted["completed"] = checkpoint["global_step"]

    def steps_of_the_fit(self) -> float:
        """How many steps a whole fit makes; infinite if nobody knows."""
        steps = self.trainer.estimated_stepping_batches
        loader: Any = self.trainer.train_dataloader
        if isinstance(loader, Blocks) and 0 <= steps < float("inf"):
            return len(loader.batches) * (self.trainer.max_epochs or 0)
        return steps
