"""A stop at the first loss that is not a number."""

from typing import Any, final

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_cifar.runs.records import diverged

# Looking at a loss makes an accelerator wait for it; on the CPU it costs nothing.
STEPS_BETWEEN_LOOKS = 50
HALF = ("16-true", "bf16-true")


class NonFiniteLoss(RuntimeError):
    """The training loss became infinite or NaN."""


@final
class FiniteGuard(Callback):
    """Raises ``NonFiniteLoss`` naming the step and the learning rate; checkpoints stay as they are.

    On the CPU within the batches that are trained at once, on an accelerator within 50 steps or at
    the end of the epoch; it names the first step in any case.
    """

    knows_blocks = True  # of batches

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.steps: list[int] = []  # of each loss: with accumulated gradients several have one
        self.rates: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a new list of losses not yet looked at."""
        self.losses, self.steps, self.rates = [], [], []

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Note the loss, and look at those noted when it is time: autograd's step follows."""
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        self._note(loss.detach()[None], trainer.global_step, [rate])
        if loss.device.type == "cpu" or len(self.losses) == STEPS_BETWEEN_LOOKS:
            self._look(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the losses of steps that were made by hand; looking makes an accelerator wait."""
        if isinstance(outputs, dict) and "losses" in outputs:
            self._note(outputs["losses"].flatten(), outputs["step"], outputs["rates"])
            if outputs["losses"].device.type == "cpu":
                self._look(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the rest."""
        self._look(trainer)

    def _note(self, losses: Tensor, step: int, rates: list[float]) -> None:
        self.losses.append(losses)
        self.steps += range(step, step + len(losses))
        self.rates += rates

    def _look(self, trainer: Trainer) -> None:
        finite = torch.isfinite(torch.cat(self.losses)) if self.losses else torch.tensor(True)
        if not finite.all():
            first = int((~finite).int().argmax())
            step, rate = self.steps[first], self.rates[first]
            raise NonFiniteLoss(diverged(step, trainer.current_epoch, rate, advice(trainer)))
        self.losses, self.steps, self.rates = [], [], []


def advice(trainer: Trainer) -> str:
    """What to try: numbers of 16 bits break at any rate, and a lower one makes it worse."""
    if trainer.precision in HALF:
        return f"{trainer.precision} has too few digits; try --trainer.precision 32-true"
    return "try a lower learning rate"
