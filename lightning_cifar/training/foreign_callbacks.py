"""Lightning's own callbacks beside ours: which cannot be made right, and why."""

from collections.abc import Iterable

from lightning.pytorch import Callback, Trainer
from lightning.pytorch import callbacks as lightning_callbacks
from lightning.pytorch.callbacks import WeightAveraging

from lightning_cifar.errors import InputError

# Name → what it does here.
SERVED: dict[str, str] = {
    "DeviceStatsMonitor": "with a logger",
    "EarlyStopping": "stops a fit beside early_stopping; the record names it and its reason, and "
    "the run can be resumed",
    "EMAWeightAveraging": "its averaged weights are validated, judged and kept; refused with "
    "weights of 64 or 16 bits, which its swaps would round",
    "GradientAccumulationScheduler": "with a learning rate that is given",
    "LearningRateMonitor": "with a logger",
    "ModelCheckpoint": "its own files, beside best.ckpt and last.ckpt",
    "ModelSummary": "with --trainer.enable_model_summary true",
    "RichModelSummary": "with --trainer.enable_model_summary true and the package rich",
    "RichProgressBar": "with --trainer.enable_progress_bar true and the package rich",
    "SpikeDetection": "as in Lightning",
    "Timer": "its time is that of each call; the run resumes from its last whole epoch",
    "TQDMProgressBar": "with --trainer.enable_progress_bar true",
    "WeightAveraging": "like EMAWeightAveraging",
}
# Name → reason.
REFUSED: dict[str, str] = {
    "StochasticWeightAveraging": "its averaged weights are never validated, so nothing says "
    "whether they should be kept; use EMAWeightAveraging, whose weights are",
    "LearningRateFinder": "the package has a search of its own, whose result the record names; "
    "leave model.learning_rate out to use it",
    "BatchSizeFinder": "it changes the batch size after the learning rate was searched for it; "
    "give --data.batch_size",
    "ModelPruning": "it renames the weights, so that a checkpoint no longer fits its network",
    "OnExceptionCheckpoint": "with it, a fit continues from what an earlier one left in the same "
    "folder without being asked to; a run leaves last.ckpt: go on with --run FOLDER --resume",
    "BaseFinetuning": "the networks have no backbone to freeze",
    "BasePredictionWriter": "'predict' is a command of its own, with --format",
}
# They are of no use, or an error, without a logger.
NEED_LOGGER = ("LearningRateMonitor", "DeviceStatsMonitor", "ThroughputMonitor")


def check_callbacks(callbacks: Iterable[Callback], *, logger: bool) -> None:
    """Refuse callbacks that would make the record or the kept weights wrong.

    logger: whether the trainer has one.

    Raises:
        InputError: naming the callback, the reason and what to use in its place.
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

    Raises:
        InputError: naming the callback and the precision.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    averaging = [each for each in callbacks if isinstance(each, WeightAveraging)]
    if averaging and trainer.precision not in ("32-true", "16-mixed", "bf16-mixed"):
        raise InputError(
            f"the callback {type(averaging[0]).__name__} averages in 32 bits, and every validation "
            f"would round the weights of {trainer.precision}; use --trainer.precision 32-true or "
            "bf16-mixed"
        )
