"""Lightning's own callbacks beside ours: which cannot be made right, and why."""

from collections.abc import Iterable

from lightning.pytorch import Callback, Trainer
from lightning.pytorch import callbacks as lightning_callbacks
from lightning.pytorch.callbacks import WeightAveraging

from lightning_cifar.backprop.fitting import callbacks_in
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.fit_options import CHANGERS

# Name → reason.
REFUSED: dict[str, str] = {
    "StochasticWeightAveraging": "its averaged weights are never validated, so nothing says "
    "whether they should be kept; use EMAWeightAveraging, whose weights are",
    **CHANGERS,
    "OnExceptionCheckpoint": "with it, a fit continues from what an earlier one left in the same "
    "folder without being asked to; a run leaves last.ckpt: go on with --run FOLDER --resume",
    "BasePredictionWriter": "'predict' is a command of its own, with --format",
}
# They are of no use, or an error, without a logger.
NEED_LOGGER = ("LearningRateMonitor", "DeviceStatsMonitor", "ThroughputMonitor")


def check_callbacks(callbacks: Iterable[Callback], *, logger: bool) -> None:
    """Refuse callbacks that would make the record or the kept weights wrong.

    logger: whether the trainer has one.
    """
    for callback in callbacks:
        for name, reason in REFUSED.items():
            if isinstance(callback, getattr(lightning_callbacks, name)):
                raise InputError(f"the callback {type(callback).__name__} is refused: {reason}")
        for name in NEED_LOGGER:
            if isinstance(callback, getattr(lightning_callbacks, name)) and not logger:
                raise InputError(
                    f"the callback {name} writes to a logger and there is none; add "
                    "--trainer.logger CSVLogger --trainer.logger.save_dir FOLDER"
                )


def check_precision(trainer: Trainer) -> None:
    """Refuse averaged weights beside weights of 64 or 16 bits.

    Lightning averages in 32 bits and swaps averaged and trained weights for each validation, which
    rounds the one or the other.
    """
    averaging = callbacks_in(trainer, WeightAveraging)
    if averaging and trainer.precision not in ("32-true", "16-mixed", "bf16-mixed"):
        raise InputError(
            f"the callback {type(averaging[0]).__name__} averages in 32 bits, and every validation "
            f"would round the weights of {trainer.precision}; use --trainer.precision 32-true or "
            "bf16-mixed"
        )
