"""What makes a killed run end as if it had not been killed."""

import os
from pathlib import Path
from typing import Any, final

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, Timer
from torch.nn.modules.dropout import _DropoutNd

from lightning_cifar.backprop.fitting import callbacks_in
from lightning_cifar.backprop.module import HandTrained
from lightning_cifar.runs.folders import LAST_FILE, PREVIOUS_FILE


@final
class ResumePoint(Checkpoint):
    """Saves everything after each epoch, and makes dropout a function of (seed, process, step).

    Checkpoints hold no state of random number generators: with the order of the images and the
    dropout masks both recomputed from seeds there is none to hold. An epoch that was cut short is
    not saved: the run continues from the one before, and ends as if it had not been cut.
    """

    knows_blocks = True  # of batches

    def __init__(self) -> None:
        self.drops_out = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let a run with ``max_steps`` resume after an epoch as every other run does.

        Lightning takes it to stand within an epoch, since steps may end anywhere, and begins with
        an epoch of no batches, which is logged, judged and recorded. Our checkpoints are of whole
        epochs.
        """
        if stage == "fit":
            trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out whether there is anything to seed; steps by hand seed their masks themselves."""
        self.drops_out = any(isinstance(module, _DropoutNd) for module in pl_module.modules())

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Seed the masks of this step."""
        if self.drops_out and pl_module.automatic_optimization:
            assert isinstance(pl_module, HandTrained)
            part = batch_idx % trainer.accumulate_grad_batches
            pl_module.seed_masks(trainer.global_step, part)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Leave out how much time was used: a limit on time is one on the call, not on the run."""
        for timer in callbacks_in(trainer, Timer):
            checkpoint.get("callbacks", {}).pop(timer.state_key, None)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write ``last.ckpt``, keeping the one before in case this one is damaged later."""
        if not trainer.is_last_batch:
            return
        folder = Path(trainer.default_root_dir)
        if trainer.is_global_zero and (folder / LAST_FILE).exists():
            os.replace(folder / LAST_FILE, folder / PREVIOUS_FILE)
        trainer.save_checkpoint(folder / LAST_FILE)
