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

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.started = 0.0
        self.first_epoch = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar where there is a terminal."""
        self.started, self.first_epoch = time.monotonic(), trainer.current_epoch
        if trainer.is_global_zero and sys.stderr.isatty():
            self.bar = tqdm(total=trainer.max_epochs, initial=trainer.current_epoch, unit="epoch")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Move the bar, or print a line."""
        metrics = trainer.callback_metrics
        if "val_loss" not in metrics or not trainer.is_global_zero:
            return
        loss, accuracy = float(metrics["val_loss"]), float(metrics["val_accuracy"])
        if self.bar is not None:
            self.bar.set_postfix(val_loss=f"{loss:.4f}", val_accuracy=f"{accuracy:.2%}")
            self.bar.update()
            return
        done = trainer.current_epoch + 1
        seconds = (time.monotonic() - self.started) / (done - self.first_epoch)
        left = seconds * ((trainer.max_epochs or done) - done)
        print(
            f"epoch {done}/{trainer.max_epochs}  val_loss {loss:.4f}  val_accuracy {accuracy:.2%}"
            f"  {seconds:.1f} s/epoch  at most {left:.0f} s left",
            flush=True,
        )

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
