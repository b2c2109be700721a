"""Short fits of copies of any LightningModule; the module and its data are left as they were."""

import copy
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.seed import isolate_rng
from torch.nn.modules.dropout import _DropoutNd

from lightning_cifar.data.loaders import left_as_found
from lightning_cifar.errors import InputError
from lightning_cifar.optim.schedules import mean_factor, one_cycle
from lightning_cifar.rate_search import search
from lightning_cifar.rate_search.fit_options import FitOptions
from lightning_cifar.rate_search.search import LOWEST_RATE, Candidate, Note, RangeTest
from lightning_cifar.stack.fit import silent_trainer, unattached_copy

MONITOR = "val_loss"
SEED = 0  # of every fit's masks and order of images: the fits differ by their rate alone


@final
class ShortFits:
    """Fits of copies of a module by its own steps, optimiser and data, at given rates.

    module: reads ``self.learning_rate`` in ``configure_optimizers`` and logs "val_loss".
    data: arguments of ``Trainer.fit``: loaders, or a data module that was lent.
    """

    def __init__(
        self,
        module: LightningModule,
        data: dict[str, Any],
        device: torch.device,
        options: FitOptions,
    ) -> None:
        self.module, self.data = unattached_copy(module), data
        self.device, self.options = device, options
        self.has_schedule = False  # of its own; the range test finds out
        self.read = RateIsRead()

    @property
    def share(self) -> float:
        """Which part of a 1cycle schedule's top the module's rate is: all, if it races as it is."""
        return 1.0 if self.has_schedule else mean_factor("one_cycle")

    def range_test(self, steps: int = search.RANGE_STEPS) -> RangeTest:
        """Training losses at rates that rise from 1e-6 to 1 until the loss blows up.

        Dropout is off: its noise would be added to what is looked for.
        """
        rising = RisingRate(steps)
        module = copy.deepcopy(self.module)
        for each in module.modules():
            if isinstance(each, _DropoutNd):
                each.eval()
        limits = {"max_epochs": -1, "max_steps": steps, "limit_val_batches": 1}
        self._fit(module, LOWEST_RATE, [rising], **limits)
        if not rising.has_losses:
            raise InputError(
                f"a search needs the training losses, and training_step of {type(module).__name__} "
                "returns none; return the loss, or give the module a learning_rate"
            )
        self.has_schedule = rising.has_schedule
        return RangeTest(tuple(rising.rates), tuple(rising.losses), tuple(rising.smoothed))

    def race(self, rates: tuple[float, ...], epochs: int, note: Note) -> tuple[Candidate, ...]:
        """One fit after another; ``note`` is told after each epoch.

        A module without a schedule races under 1cycle: rates that do not come down win too low.
        """
        runs = [Candidate(rate, ()) for rate in rates]
        for number, rate in enumerate(rates):

            def on_epoch(losses: list[float], number: int = number, rate: float = rate) -> None:
                runs[number] = Candidate.of(rate, losses)
                note(tuple(runs), number * epochs + len(losses), len(rates) * epochs)

            callbacks: list[Callback] = [ValidationLosses(on_epoch)]
            if not self.has_schedule:
                callbacks.append(OneCycle(rate / self.share))
            self._fit(copy.deepcopy(self.module), rate, callbacks, max_epochs=epochs)
        return tuple(runs)

    def _fit(
        self, module: LightningModule, rate: float, callbacks: list[Callback], **limits: Any
    ) -> None:
        give_rate(module, rate)
        with isolate_rng(), quiet(), left_as_found(*self.data.values()):
            torch.manual_seed(SEED)
            options = placed(self.device) | self.options.for_trainer() | limits
            silent_trainer([*callbacks, self.read], **options).fit(module, **self.data)


def give_rate(module: LightningModule, rate: float) -> None:
    """Set a module's rate, also where ``save_hyperparameters`` has noted it and it may be read."""
    module.learning_rate = rate  # type: ignore[assignment]
    if "learning_rate" in module.hparams:
        module.hparams["learning_rate"] = rate


def placed(device: torch.device) -> dict[str, Any]:
    """A trainer's arguments for exactly this device."""
    devices = 1 if device.index is None or device.type == "cpu" else [device.index]
    return {"accelerator": device.type, "devices": devices}


def lent(datamodule: LightningDataModule) -> Any:
    """A copy that serves what is loaded already; the original learns nothing of its fits."""
    borrowed = copy.copy(datamodule)
    for hook in ("prepare_data", "setup", "teardown"):
        setattr(borrowed, hook, lambda *_, **__: None)
    return borrowed


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


@final
class RisingRate(Callback):
    """Sets the rate of each update and keeps the losses, until training blows up."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.has_losses = False
        self.batch_losses: list[float] = []  # of the update under way
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.has_schedule = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See whether the module has a schedule."""
        self.has_schedule = bool(trainer.lr_scheduler_configs)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The next rate, in every group of parameters."""
        self.step = trainer.global_step
        share = min(self.step / (self.steps - 1), 1.0)
        self.rate = LOWEST_RATE * (search.HIGHEST_RATE / LOWEST_RATE) ** share
        set_rate(trainer, self.rate)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the mean loss of the batches that made an update."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is None:
            return  # a batch that the module passes over
        self.has_losses = True
        # Lightning divides the loss by the number of batches whose gradients it adds.
        shares = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
        self.batch_losses.append(float(loss) * shares)
        if math.isfinite(float(loss)) and trainer.global_step == self.step:
            return  # the update is still to come
        mean = sum(self.batch_losses) / len(self.batch_losses)
        self.batch_losses = []
        if math.isfinite(mean):
            self.rates.append(self.rate)
            self.losses.append(mean)
            self.smoothed.append(search.unbiased_average(self.losses))
        if not math.isfinite(mean) or self.smoothed[-1] > search.BLOWN_UP * min(self.smoothed):
            trainer.should_stop = True


@final
class RateIsRead(Callback):
    """Refuses a module whose optimiser begins with the same rates whatever ``learning_rate`` is."""

    knows_blocks = True

    def __init__(self) -> None:
        self.seen: dict[float, list[Any]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare with the fits before this one."""
        groups = [group for optimiser in trainer.optimizers for group in optimiser.param_groups]
        begins = [group.get("initial_lr", group.get("lr")) for group in groups]
        rate: Any = pl_module.learning_rate
        if any(rate != other and begins == theirs for other, theirs in self.seen.items()):
            raise InputError(
                f"configure_optimizers of {type(pl_module).__name__} makes the same of each "
                "learning_rate, so none can be searched; read self.learning_rate in it, or leave "
                "LearningRateSearch out"
            )
        self.seen[rate] = begins


@final
class OneCycle(Callback):
    """A 1cycle schedule for a module that has none."""

    def __init__(self, top: float) -> None:
        self.top = top

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The rate of the step under way."""
        steps = trainer.estimated_stepping_batches
        done = trainer.global_step / max(steps - 1, 1)  # 0 where nobody knows the number of steps
        set_rate(trainer, self.top * one_cycle(min(done, 1.0)))


def set_rate(trainer: Trainer, rate: float) -> None:
    """Give every group of parameters the same rate."""
    for optimiser in trainer.optimizers:
        for group in optimiser.param_groups:
            group["lr"] = rate


@final
class ValidationLosses(Callback):
    """Hands on the validation losses so far; a fit that diverges ends."""

    def __init__(self, on_epoch: Callable[[list[float]], None]) -> None:
        self.on_epoch = on_epoch
        self.losses: list[float] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the epoch's loss; InputError if the module logs none."""
        if MONITOR not in trainer.callback_metrics:
            logged = ", ".join(map(repr, sorted(trainer.callback_metrics))) or "nothing"
            raise InputError(
                f"a search needs {MONITOR!r} in validation, but {type(pl_module).__name__} logs "
                f"{logged}; log it, or give the module a learning_rate"
            )
        self.losses.append(float(trainer.callback_metrics[MONITOR]))
        self.on_epoch(self.losses)
        if not math.isfinite(self.losses[-1]):
            trainer.should_stop = True
