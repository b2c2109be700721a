"""Progress over epochs: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Any, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm


@final
class EpochProgress(Callback):
    """Shows epoch, validation loss and accuracy, and the time left if every epoch is needed."""

    knows_blocks = True  # of batches

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.started = 0.0
        self.first_epoch = 0
        self.validated_at = -1  # steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar where there is a terminal."""
        self.started, self.first_epoch = time.monotonic(), trainer.current_epoch
        self.validated_at = -1
        if trainer.is_global_zero and sys.stderr.isatty():
            self.bar = tqdm(total=epochs_of(trainer), initial=trainer.current_epoch, unit="epoch")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember how far training was."""
        if not trainer.sanity_checking:
            self.validated_at = trainer.global_step

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Move the bar, or print a line."""
        if not trainer.is_global_zero:
            return
        if self.bar is not None:
            self.bar.set_postfix_str(self._figures(trainer))
            self.bar.update()
            return
        done, most = trainer.current_epoch + 1, epochs_of(trainer)
        seconds = (time.monotonic() - self.started) / (done - self.first_epoch)
        left = f"  at most {seconds * (most - done):.0f} s left" if most is not None else ""
        of = "" if most is None else f"/{most}"
        print(
            f"epoch {done}{of}  {self._figures(trainer)}  {seconds:.1f} s/epoch{left}", flush=True
        )

    def _figures(self, trainer: Trainer) -> str:
        """The figures of the weights as they are now; older ones are not shown again."""
        metrics = trainer.callback_metrics
        if self.validated_at != trainer.global_step or "val_loss" not in metrics:
            return "not validated"
        text = f"val_loss {float(metrics['val_loss']):.4f}"
        if "val_accuracy" in metrics:
            text += f"  val_accuracy {float(metrics['val_accuracy']):.2%}"
        return text

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close the bar."""
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the bar, so that the message stands on a line of its own."""
        self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def epochs_of(trainer: Trainer) -> int | None:
    """How many epochs a fit has at most; None if only steps, time or patience end it."""
    most = trainer.max_epochs
    return most if most is not None and most >= 0 else None
