"""Early stopping that hands back the best weights, in the module and in ``best.ckpt``."""

import difflib
import math
from pathlib import Path
from typing import Any, Literal, final

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from lightning_cifar.backprop.patience import short_patience
from lightning_cifar.data.notices import say_once
from lightning_cifar.errors import InputError
from lightning_cifar.runs.folders import BEST_FILE
from lightning_cifar.runs.records import Mode

# Which way figures get better whose names end like this; the first four are our own.
DIRECTIONS: dict[str, Mode] = {
    "train_loss": "min",
    "train_accuracy": "max",
    "val_loss": "min",
    "val_accuracy": "max",
    "loss": "min",
    "error": "min",
    "accuracy": "max",
}
WORST: dict[Mode, float] = {"min": math.inf, "max": -math.inf}
# What a resumed run needs beside the best weights; not ``patience``, so that a new value counts.
COUNTED = ("best_score", "best_epoch", "best_step", "waited", "validations")


@final
class BestWeights(Checkpoint):
    """Keeps the weights with the best ``monitor`` and stops when it has not improved for a while.

    A figure is judged whenever it is new: one of the validation after every validation, one of the
    training at the end of every epoch. The weights that were validated are the ones that are kept,
    also where another callback validates averaged weights in place of the trained ones.

    The best weights are written to ``best.ckpt`` in the trainer's root folder as soon as they are
    found, and are in the module when ``fit`` returns. Lightning's own ``EarlyStopping`` leaves the
    last weights, and its ``ModelCheckpoint`` is another object with another idea of the best.
    Under ``fast_dev_run`` nothing is kept, and the last weights stay in the module.

    Args:
        monitor: name of a logged figure.
        patience: validations without a new best before training stops.
        mode: whether the best is the lowest (``min``) or the highest (``max``); ``auto`` knows it
            of names that end in loss, error or accuracy.
    """

    knows_blocks = True  # of batches

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        mode: Literal["auto", "min", "max"] = "auto",
    ) -> None:
        if patience < 1:
            raise InputError(f"patience must be at least 1, got {patience}")
        if mode not in ("auto", *WORST):
            raise InputError(f"mode is {mode!r}; choose one of auto, min, max")
        self.monitor = monitor
        self.patience = patience
        self.mode = mode
        self._forget()

    def _forget(self) -> None:
        """What a fit starts with."""
        self.best_score = math.nan
        self.best_epoch = self.best_step = -1
        self.waited = 0
        self.validations = 0
        self.best_model_path = ""  # where Lightning's ckpt_path="best" looks
        self._asked = False  # to stop
        self._best: dict[str, Any] = {}  # the content of best.ckpt
        self._seen: Tensor | None = None  # the figure that was judged last
        self._judged: dict[str, Tensor] | None = None  # the weights that were validated last
        self._judged_step = -1

    @property
    def direction(self) -> Mode:
        """Whether low or high is good; InputError if neither ``mode`` nor the name tells."""
        if self.mode != "auto":
            return self.mode
        known = [way for end, way in DIRECTIONS.items() if self.monitor.endswith(end)]
        if not known:
            near = difflib.get_close_matches(self.monitor, DIRECTIONS, n=1)
            hint = f"did you mean {near[0]!r}? Else add" if near else "add"
            raise InputError(
                f"early_stopping.monitor is {self.monitor!r}; whether it should fall or rise is "
                f"not known; {hint} --early_stopping.mode min (or max)"
            )
        return known[0]

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs, the best weights among it.

        So a run has them that is continued in another folder, or from before the best file was
        last written.
        """
        return {name: getattr(self, name) for name in COUNTED} | {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the interrupted run was; an earlier version kept less."""
        state: dict[str, Any] = {"best_step": -1, "validations": 1, "best": {}} | state_dict
        for name in COUNTED:
            setattr(self, name, state[name])
        self._best = state["best"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget an earlier fit; a resumed one loads its state after this."""
        if stage == "fit":
            self._forget()
            assert self.direction in WORST  # refuses before anything is trained

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the best file in place; stop when the interrupted run had run out of patience."""
        if not tries_the_code(trainer):
            say_once(short_patience(trainer, self.patience))
        file = best_file(trainer)
        if self._best:
            self.best_model_path = str(file)
            trainer.strategy.save_checkpoint(self._best, file)
        elif self.best_epoch >= 0 and file.is_file():  # begun by an earlier version
            self._best = dict(trainer.strategy.load_checkpoint(file))
        if self.waited >= self.patience:
            trainer.should_stop = True

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Remember the weights that are being validated: another callback may change them back."""
        if batch_idx == 0 and dataloader_idx == 0 and not trainer.sanity_checking:
            self._judged, self._judged_step = copied(pl_module.state_dict()), trainer.global_step

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge a figure of the validation."""
        if trainer.sanity_checking or tries_the_code(trainer):
            return
        self.validations += 1
        self._judge(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge a figure of the training."""
        if tries_the_code(trainer):
            return
        if self._judged_step != trainer.global_step:
            self._judged = None  # these weights were not validated
        self._judge(trainer, pl_module)
        if self.validations and self.monitor not in trainer.callback_metrics:
            raise InputError(
                f"early_stopping.monitor is {self.monitor!r}, which is not logged; logged are "
                f"{', '.join(sorted(trainer.callback_metrics))}"
            )

    def _judge(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the figure with the best so far, if it has been logged anew."""
        figure = trainer.callback_metrics.get(self.monitor)
        if figure is None or is_view_of(figure, self._seen):
            return
        self._seen = figure
        score = float(figure)
        if better(score, self.best_score, self.direction):
            if self._asked:  # only trainer.min_epochs or min_steps let training go on after that
                trainer.should_stop = self._asked = False
            self.best_score, self.waited = score, 0
            self.best_epoch, self.best_step = trainer.current_epoch, trainer.global_step
            self._keep(trainer, pl_module)
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.should_stop = self._asked = True

    def _keep(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights that were judged."""
        self.best_model_path = str(best_file(trainer))
        now = pl_module.state_dict()
        swapped = self._judged is not None and not same(self._judged, now)
        if self._judged is not None and swapped:
            now = copied(now)
            pl_module.load_state_dict(self._judged)
        trainer.save_checkpoint(self.best_model_path, weights_only=True)
        if swapped:
            pl_module.load_state_dict(now)
        self._best = dict(trainer.strategy.load_checkpoint(self.best_model_path))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the best weights into the module, even if a resumed run had no epoch left."""
        if not self._best:
            return
        file = best_file(trainer)
        if not file.exists():  # resumed in another folder with no epoch left
            trainer.strategy.save_checkpoint(self._best, file)
        self.best_model_path = str(file)
        pl_module.load_state_dict(self._best["state_dict"])
        rank_zero_info(f"best {self.monitor} {self.best_score:.4f} at epoch {self.best_epoch}")


def is_view_of(figure: Tensor, seen: Tensor | None) -> bool:
    """Whether Lightning hands out a result again: each time it is a new view of the same memory.

    A result that is still referred to keeps its memory, so no other one can have it.
    """
    return seen is not None and figure.data_ptr() == seen.data_ptr()


def better(score: float, best: float, direction: Mode) -> bool:
    """Whether a score is a new best; NaN and infinity on the wrong side never are."""
    worst = WORST[direction]
    best = worst if math.isnan(best) else best
    return score < best if direction == "min" else score > best


def tries_the_code(trainer: Trainer) -> bool:
    """Whether this is a ``fast_dev_run``: a batch or two that train nothing worth keeping."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]


def copied(weights: dict[str, Any]) -> dict[str, Any]:
    """A copy of weights that later steps do not change."""
    return {
        name: value.detach().clone() if isinstance(value, Tensor) else value
        for name, value in weights.items()
    }


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two states hold the same tensors, NaN and NaN being the same."""
    return all(
        bool(torch.allclose(value, second[name], rtol=0, atol=0, equal_nan=True))
        for name, value in first.items()
        if isinstance(value, Tensor)
    )


def best_file(trainer: Trainer) -> Path:
    """Where a trainer's best weights lie."""
    return Path(trainer.default_root_dir) / BEST_FILE
