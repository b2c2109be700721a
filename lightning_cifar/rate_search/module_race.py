"""Finding a rate for any LightningModule: short fits of copies, one rate after another."""

import copy
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.search import (
    BLOWN_UP,
    HIGHEST_RATE,
    LOWEST_RATE,
    RANGE_STEPS,
    Candidate,
    RangeTest,
    SearchResult,
    search,
    unbiased_average,
)

MONITOR = "val_loss"
SEED = 0  # of every fit's masks and order of images: the fits differ by their rate alone


def find_rate_of_module(
    module: LightningModule,
    train: Any,
    validation: Any,
    *,
    accelerator: str,
    candidates: int,
    epochs: int,
) -> SearchResult:
    """Search the ``learning_rate`` of a module by its own training step, optimiser and loaders.

    module: reads ``self.learning_rate`` in ``configure_optimizers`` and logs "val_loss"; copied.
    train, validation: loaders, as for ``Trainer.fit``.

    Raises:
        InputError: the module logs no "val_loss", or no rate trains it.
    """
    fits = Fits(module, train, validation, accelerator)

    def race(rates: tuple[float, ...]) -> tuple[Candidate, ...]:
        return tuple(Candidate(rate, fits.val_losses(rate, epochs)) for rate in rates)

    return search(fits.range_test(), race, candidates)


@final
class Fits:
    """Short fits of copies of a module; the global generators are left as they were."""

    def __init__(
        self, module: LightningModule, train: Any, validation: Any, accelerator: str
    ) -> None:
        with detached(module):
            self.module = copy.deepcopy(module)
        self.train, self.validation, self.accelerator = train, validation, accelerator

    def range_test(self) -> RangeTest:
        """The module's training losses at rates that rise step by step."""
        rising = RisingRate()
        self._fit(LOWEST_RATE, rising, max_epochs=-1, max_steps=RANGE_STEPS)
        return RangeTest(tuple(rising.rates), tuple(rising.losses), tuple(rising.smoothed))

    def val_losses(self, rate: float, epochs: int) -> tuple[float, ...]:
        """The validation loss after each epoch at a rate; a diverged fit ends in infinity."""
        watched = ValidationLosses()
        self._fit(rate, watched, max_epochs=epochs)
        return tuple(watched.losses)

    def _fit(self, rate: float, callback: Callback, **options: Any) -> None:
        module = copy.deepcopy(self.module)
        module.learning_rate = rate  # type: ignore[assignment]
        with torch.random.fork_rng(), quiet():
            trainer = Trainer(
                accelerator=self.accelerator,
                devices=1,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                callbacks=[callback],
                **options,
            )
            torch.manual_seed(SEED)
            trainer.fit(module, self.train, self.validation)


@contextmanager
def quiet() -> Iterator[None]:
    """Let Lightning not repeat, for every short fit, what it says of the fit itself."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def detached(module: LightningModule) -> Iterator[None]:
    """Take a module from its trainer, which cannot be copied, and give it back."""
    trainer = module._trainer
    module._trainer = None
    try:
        yield
    finally:
        module._trainer = trainer


@final
class RisingRate(Callback):
    """Sets the rate of each step and keeps the losses, until training blows up."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The next rate, in every group of parameters."""
        share = min(trainer.global_step / (RANGE_STEPS - 1), 1.0)
        self.rate = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** share
        for optimiser in trainer.optimizers:
            for group in optimiser.param_groups:
                group["lr"] = self.rate

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the loss of the step."""
        loss = float(loss_of(outputs))
        if math.isfinite(loss):
            self.rates.append(self.rate)
            self.losses.append(loss)
            self.smoothed.append(unbiased_average(self.losses))
        if not math.isfinite(loss) or self.smoothed[-1] > BLOWN_UP * min(self.smoothed):
            trainer.should_stop = True


def loss_of(outputs: Any) -> Tensor:
    """The loss that a training step returned."""
    loss: Tensor = outputs["loss"] if isinstance(outputs, dict) else outputs
    return loss


@final
class ValidationLosses(Callback):
    """Keeps the validation losses; a fit that diverges ends."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the epoch's loss.

        Raises:
            InputError: the module logs none.
        """
        if MONITOR not in trainer.callback_metrics:
            logged = ", ".join(map(repr, sorted(trainer.callback_metrics))) or "nothing"
            raise InputError(
                f"a search needs {MONITOR!r} in validation, but {type(pl_module).__name__} logs "
                f"{logged}; log it, or give the module a learning_rate"
            )
        loss = float(trainer.callback_metrics[MONITOR])
        self.losses.append(loss if math.isfinite(loss) else math.inf)
        if not math.isfinite(loss):
            trainer.should_stop = True
