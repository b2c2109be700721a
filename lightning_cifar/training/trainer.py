"""A Trainer that knows who asked it to stop, and why a fit has ended."""

import sys
from dataclasses import dataclass
from typing import final

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer

from lightning_cifar.backprop.fitting import callbacks_in
from lightning_cifar.runs.records import StopKind, epochs_done, out_of_patience, steps_done
from lightning_cifar.training.best_weights import BestWeights


@final
class NotingTrainer(Trainer):
    """Lightning's Trainer, with a note of the callback or module that set ``should_stop``.

    Attributes:
        stopper: what asked for the stop that is under way; None if nothing has.
    """

    stopper: Callback | LightningModule | None = None
    _should_stop = False

    @property
    def should_stop(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._should_stop

    @should_stop.setter
    def should_stop(self, value: bool) -> None:
        if not value:
            self.stopper = None
        elif not self._should_stop:
            owner = sys._getframe(1).f_locals.get("self")  # of the method that asks
            named = isinstance(owner, Callback | LightningModule)  # others tell a user nothing
            self.stopper = owner if named else None
        self._should_stop = value


@dataclass(frozen=True)
class Ending:
    """Why a fit is not training any more, in one word and in words."""

    kind: StopKind
    reason: str


def ending(trainer: Trainer) -> Ending:
    """Why a fit has ended, from what the trainer really did; for ``on_fit_end``."""
    # A trainer of another kind takes no notes; that ours asked for the stop can be seen.
    ours = (each for each in callbacks_in(trainer, BestWeights) if each.waited >= each.patience)
    stopper = getattr(trainer, "stopper", None) or next(ours, None)
    if trainer.global_step == 0:
        if stopper is not None:
            return stopped_by(stopper)
        return Ending("nothing", "nothing was trained: there was no batch to train on")
    if trainer.should_stop and isinstance(stopper, BestWeights):
        reason = out_of_patience(stopper.monitor, stopper.patience, stopper.direction)
        return Ending("patience", reason)
    if trainer.is_last_batch and 0 <= (trainer.max_epochs or 0) <= trainer.current_epoch:
        return Ending("epochs", epochs_done(trainer.max_epochs))
    if 0 <= trainer.max_steps <= trainer.global_step:
        return Ending("steps", steps_done(trainer.max_steps))
    return stopped_by(stopper)


def stopped_by(stopper: Callback | LightningModule | None) -> Ending:
    """The ending for one who set ``should_stop``."""
    if isinstance(stopper, Timer):
        seconds = stopper._duration
        return Ending("time", f"the time was up ({seconds:g} s, trainer.max_time or a Timer)")
    if isinstance(stopper, EarlyStopping):
        message = getattr(stopper, "stopping_reason_message", None)
        reason = " ".join((message or f"{stopper.monitor} was judged").split())
        return Ending("callback", f"EarlyStopping stopped it: {reason}")
    name = "the program" if stopper is None else type(stopper).__name__
    return Ending("callback", f"{name} stopped it (trainer.should_stop)")
