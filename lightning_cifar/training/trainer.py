"""A Trainer that knows who asked it to stop, and why a fit has ended."""

import sys
from dataclasses import dataclass
from typing import Any, final

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer

from lightning_cifar.runs.records import (
    StopKind,
    epochs_done,
    out_of_patience,
    steps_done,
)
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
            self.stopper = caller(sys._getframe(1).f_locals.get("self"))
        self._should_stop = value


def caller(owner: Any) -> Callback | LightningModule | None:
    """The owner of the method that asked, if it is something that can be named to a user."""
    return owner if isinstance(owner, Callback | LightningModule) else None


@dataclass(frozen=True)
class Ending:
    """Why a fit is not training any more, in one word and in words."""

    kind: StopKind
    reason: str


def ending(trainer: Trainer) -> Ending:
    """Why a fit has ended, from what the trainer really did; for ``on_fit_end``."""
    stopper = getattr(trainer, "stopper", None) or out_of_patience_in(trainer)
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


def out_of_patience_in(trainer: Trainer) -> BestWeights | None:
    """Our callback, if it must have asked for the stop of a trainer that takes no notes."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    found = (each for each in callbacks if isinstance(each, BestWeights))
    return next((each for each in found if each.waited >= each.patience), None)


def stopped_by(stopper: Callback | LightningModule | None) -> Ending:
    """The ending for one who set ``should_stop``."""
    if isinstance(stopper, Timer):
        seconds = stopper._duration
        return Ending("time", f"the time was up ({seconds:g} s, trainer.max_time or a Timer)")
    if isinstance(stopper, EarlyStopping):
        return Ending("callback", f"EarlyStopping stopped it: {early_stopping_reason(stopper)}")
    name = "the program" if stopper is None else type(stopper).__name__
    return Ending("callback", f"{name} stopped it (trainer.should_stop)")


def early_stopping_reason(stopper: EarlyStopping) -> str:
    """What Lightning's callback says of itself, on one line."""
    message = getattr(stopper, "stopping_reason_message", None)
    return " ".join(str(message).split()) if message else f"{stopper.monitor} was judged"
