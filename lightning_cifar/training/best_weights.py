"""Early stopping that hands back the best weights, in the module and in ``best.ckpt``."""

import math
from pathlib import Path
from typing import Any, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities import rank_zero_info

from lightning_cifar.errors import InputError
from lightning_cifar.runs.folders import BEST_FILE


@final
class BestWeights(Checkpoint):
    """Keeps the weights of the lowest ``monitor`` and stops when it has not fallen for a while.

    The best weights are written to ``best.ckpt`` in the trainer's root folder as soon as they are
    found, and are in the module when ``fit`` returns. Lightning's own ``EarlyStopping`` leaves the
    last weights, and its ``ModelCheckpoint`` is another object with another idea of the best.

    Args:
        monitor: name of a logged figure that should fall.
        patience: validations without a new best before training stops.
    """

    def __init__(self, monitor: str = "val_loss", patience: int = 10) -> None:
        if patience < 1:
            raise InputError(f"patience must be at least 1, got {patience}")
        self.monitor = monitor
        self.patience = patience
        self.best_score = math.inf
        self.best_epoch = -1
        self.waited = 0
        self.best_model_path = ""  # where Lightning's ckpt_path="best" looks

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; ``patience`` is not part of it, so a new value counts."""
        return {
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the interrupted run was."""
        self.best_score = state_dict["best_score"]
        self.best_epoch = state_dict["best_epoch"]
        self.waited = state_dict["waited"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once when the interrupted run had already run out of patience."""
        trainer.should_stop = self.waited >= self.patience

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the figure with the best so far."""
        if self.monitor not in trainer.callback_metrics:
            raise InputError(
                f"early_stopping.monitor is {self.monitor!r}, which is not logged; logged are "
                f"{', '.join(sorted(trainer.callback_metrics))}"
            )
        score = float(trainer.callback_metrics[self.monitor])
        if score < self.best_score:  # a NaN is never better
            self.best_score, self.best_epoch, self.waited = score, trainer.current_epoch, 0
            self.best_model_path = str(best_file(trainer))
            trainer.save_checkpoint(self.best_model_path, weights_only=True)
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.should_stop = True

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the best weights into the module, even if a resumed run had no epoch left."""
        if self.best_epoch < 0:
            return
        self.best_model_path = str(best_file(trainer))
        checkpoint = trainer.strategy.load_checkpoint(self.best_model_path)
        pl_module.load_state_dict(checkpoint["state_dict"])
        rank_zero_info(f"best {self.monitor} {self.best_score:.4f} at epoch {self.best_epoch}")


def best_file(trainer: Trainer) -> Path:
    """Where a trainer's best weights lie."""
    return Path(trainer.default_root_dir) / BEST_FILE
