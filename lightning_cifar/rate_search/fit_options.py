"""The options of a trainer that change an update or its judgement: a search trains by them."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from lightning.pytorch import Trainer, callbacks
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from lightning_cifar.backprop.fitting import PRECISIONS, callbacks_in
from lightning_cifar.errors import InputError

# Lightning's callbacks that change rate, batch or network under way, in a way that belongs to the
# whole of a fit → why the command line refuses them with or without a search.
CHANGERS: dict[str, str] = {
    "LearningRateFinder": "the package has a search of its own, whose result the record names; "
    "leave model.learning_rate out to use it",
    "BatchSizeFinder": "it changes the batch size after the learning rate was searched for it; "
    "give --data.batch_size",
    "ModelPruning": "it renames the weights, so that a checkpoint no longer fits its network",
    "BaseFinetuning": "the networks have no backbone to freeze",
}


@dataclass(frozen=True)
class FitOptions:
    """Options with a trainer's names and meaning; ``processes`` make a batch together."""

    precision: str = "32-true"
    accumulate_grad_batches: int = 1
    gradient_clip_val: float | None = None
    gradient_clip_algorithm: str | None = None
    limit_train_batches: int | float = 1.0
    limit_val_batches: int | float = 1.0
    overfit_batches: int | float = 0.0
    processes: int = 1

    @property
    def stacks(self) -> bool:
        """Whether the members of a stack train as they would alone."""
        return self.precision in PRECISIONS

    def for_trainer(self) -> dict[str, Any]:
        """Arguments of a trainer in one process."""
        options = asdict(self)
        processes, limit = options.pop("processes"), self.limit_val_batches
        # Validation batches keep their size, training batches grow: see ``lent_images``.
        options["limit_val_batches"] = limit * processes if isinstance(limit, int) else limit
        return options

    def settings(self, train_batches: int, val_batches: int) -> dict[str, Any]:
        """What they come to in epochs of so many batches; InputError if no batch is left."""
        clips = max(float(self.gradient_clip_val or 0), 0.0)
        settings = {  # alike for fits that train alike
            "precision": self.precision,
            "accumulate_grad_batches": self.accumulate_grad_batches,
            "gradient_clip_val": clips or None,
            "gradient_clip_algorithm": (self.gradient_clip_algorithm or "norm") if clips else None,
            "train_batches": limited(train_batches, self.limit_train_batches),
            "val_batches": limited(val_batches, self.limit_val_batches),
            "processes": self.processes,
        }
        if not settings["train_batches"] or not settings["val_batches"]:
            raise InputError(
                f"limit_train_batches {self.limit_train_batches} of {train_batches} and "
                f"limit_val_batches {self.limit_val_batches} of {val_batches} leave no batch to "
                "search a learning rate with; raise the limit or give a learning_rate"
            )
        return settings


PLAIN = FitOptions()
# Of a race: fewer do not tell rates apart, and more do not choose others.
LEAST_STEPS, MOST_STEPS = 150, 300


def race_length(batches: int, epochs: int | None, options: FitOptions) -> tuple[int, FitOptions]:
    """How many epochs a race lasts, and the options of its fits.

    batches: of an epoch. epochs: as asked for; None: half an epoch, at most 300 steps of it, or
    so many whole ones that there are 150.
    """
    if epochs is not None:
        return epochs, options
    count = limited(batches, options.limit_train_batches)
    if count // 2 >= LEAST_STEPS:
        return 1, replace(options, limit_train_batches=min(count // 2, MOST_STEPS))
    return max(1, math.ceil(LEAST_STEPS / max(count, 1))), options


def options_of(trainer: Trainer) -> FitOptions:
    """Those of the fit to come; InputError for a callback that a search cannot follow."""
    changers = [getattr(callbacks, name) for name in CHANGERS]
    for callback in callbacks_in(trainer, GradientAccumulationScheduler, *changers):
        raise InputError(
            f"a search cannot train as a fit with {type(callback).__name__} does, which changes "
            "the training under way; leave the callback out or give a learning_rate"
        )
    algorithm = trainer.gradient_clip_algorithm
    return FitOptions(
        precision=str(trainer.precision),
        accumulate_grad_batches=trainer.accumulate_grad_batches,
        gradient_clip_val=trainer.gradient_clip_val,
        gradient_clip_algorithm=None if algorithm is None else str(algorithm.value),
        limit_train_batches=trainer.limit_train_batches,
        limit_val_batches=trainer.limit_val_batches,
        overfit_batches=trainer.overfit_batches,  # type: ignore[attr-defined]
        processes=trainer.world_size,
    )


def limited(count: int, limit: int | float) -> int:
    """How many of ``count`` batches a trainer's limit leaves: a number of them, or a share."""
    return min(count, limit) if isinstance(limit, int) else int(count * limit)
