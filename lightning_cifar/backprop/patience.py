"""Whether patience leaves a fit enough steps to get better: of few images, an epoch is one or two.

Of eight fits of sixty pictures of three colours, six ended short of all pictures right with a
patience of 10 steps, two with 30 and none with 75 or 150 (benchmarks/short_patience.py).
"""

import math

from lightning.pytorch import Trainer

from lightning_cifar.backprop.fitting import is_all
from lightning_cifar.data.blocks import Blocks

ENOUGH = 150  # steps without a new best: as many as a race for a learning rate takes at least


def steps_between_validations(trainer: Trainer) -> float:
    """How many steps lie between two validations; for ``on_train_start`` and later."""
    loader, every = trainer.train_dataloader, trainer.val_check_batch
    batches = math.inf if every is None else every  # None: by the clock
    epochs = trainer.check_val_every_n_epoch  # None: batches are counted across epochs
    if isinstance(loader, Blocks):  # which Lightning takes for batches
        batches = len(loader.batches)
    elif epochs is not None:
        batches = min(batches, trainer.num_training_batches)
    return batches * (epochs or 1) / trainer.accumulate_grad_batches


def short_patience(trainer: Trainer, patience: int) -> str:
    """A line that says how few steps patience is, and what to do; empty if they are enough.

    Also where the fit is too short for patience to end it, or is of a part of the batches only:
    nobody expects much of it then.
    """
    most = trainer.max_epochs
    ends_earlier = most is not None and 0 <= most <= patience
    if ends_earlier or not is_all(trainer.limit_train_batches):
        return ""
    steps = steps_between_validations(trainer)
    if patience * steps >= ENOUGH:
        return ""
    return (
        f"patience {patience} is {patience * steps:.0f} steps here, because there are few images; "
        f"if training ends too early, give --early_stopping.patience {math.ceil(ENOUGH / steps)} "
        "or a smaller --data.batch_size"
    )
