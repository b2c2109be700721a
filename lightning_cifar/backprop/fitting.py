"""How a fit is trained: by hand and several steps at once, or as Lightning does it by itself."""

from typing import Any, TypeVar

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    GradientAccumulationScheduler,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lightning_cifar.backprop.layers import is_watched

Found = TypeVar("Found", bound=Callback)
BLOCK = {"cpu": 25, "cuda": 100}  # steps at once: what Lightning does between them is then nothing
PRECISIONS = ("32-true", "64-true")
# Hooks around parts of a step that a step by hand does not have.
WITHIN_A_STEP = (
    *("on_before_zero_grad", "on_before_backward", "on_after_backward"),
    "on_before_optimizer_step",
)
AROUND_A_STEP = ("on_train_batch_start", "on_train_batch_end")
# Methods of a module that would have to be called, or that say how a step is made.
OF_A_MODULE = (
    *WITHIN_A_STEP,
    *("training_step", "forward", "backward", "configure_optimizers", "optimizer_step"),
    *("optimizer_zero_grad", "lr_scheduler_step", "transfer_batch_to_device"),
    *("on_before_batch_transfer", "on_after_batch_transfer"),
)


def why_not_by_hand(module: Any, base: type, trainer: Trainer) -> str | None:
    """What stands against steps by hand, in words; None if nothing does.

    base: the class of ours whose steps are known.
    """
    if not isinstance(trainer.strategy, SingleDeviceStrategy):
        return "several devices share each step"
    if trainer.precision not in PRECISIONS:
        return f"the precision is {trainer.precision}"
    if trainer._detect_anomaly:
        return "anomalies are looked for in autograd's backward pass"
    if is_watched(module) or is_watched(module.network):
        return "somebody has hooks on the network"
    changed = overridden(module, base, OF_A_MODULE)
    if changed:
        return f"{type(module).__name__} has its own {changed}"
    for callback in callbacks_of(trainer):
        part = part_for_automatic_optimisation(callback)
        if part is not None:
            return f"{part} serves automatic optimisation alone"
        hook = overridden(callback, Callback, WITHIN_A_STEP)
        if hook:
            return f"{type(callback).__name__} wants to be called in {hook}"
    return None


def part_for_automatic_optimisation(callback: Callback) -> str | None:
    """What a callback of Lightning does not do, or does otherwise, while a module trains by hand.

    One replaces the schedule by one of epochs and ends with an epoch in which nothing is trained;
    the other leaves out the files that are due after some time.
    """
    if isinstance(callback, GradientAccumulationScheduler | StochasticWeightAveraging):
        return type(callback).__name__
    if isinstance(callback, ModelCheckpoint) and callback._train_time_interval is not None:
        return f"train_time_interval of {type(callback).__name__}"
    return None


def why_no_layers(network: nn.Module) -> str | None:
    """Why a network's layers cannot be taken one by one; None if they can."""
    if not isinstance(network, nn.Sequential) or not isinstance(network[0], nn.Flatten):
        return "the network is no sequence of layers that begins with Flatten"
    if not all(each.requires_grad for each in network.parameters()):
        return "some of the network's parameters are not trained"
    return None


def steps_at_once(trainer: Trainer, device: str) -> int:
    """How many batches a training step may have: 1 if anything looks between two of them."""
    looks = (
        trainer.max_steps != -1
        or not is_all(trainer.limit_train_batches)
        or trainer.overfit_batches > 0  # type: ignore[attr-defined]
        or not is_all(trainer.val_check_interval)
        or trainer.accumulate_grad_batches != 1
        or bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        or any(overridden(each, Callback, AROUND_A_STEP) for each in callbacks_of(trainer))
    )
    return 1 if looks else BLOCK.get(device, 1)


def is_all(limit: Any) -> bool:
    """Whether a limit of a trainer is 1.0, all batches; the whole number 1 is a single one."""
    return isinstance(limit, float) and limit == 1.0


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """The callbacks that do not know of steps by hand."""
    every = callbacks_in(trainer, Callback)
    return [each for each in every if not getattr(each, "knows_blocks", False)]


def callbacks_in(trainer: Trainer, *kinds: type[Found]) -> list[Found]:
    """The callbacks of a trainer that are of these kinds."""
    every: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    return [each for each in every if isinstance(each, kinds)]


def overridden(owner: object, base: type, names: tuple[str, ...]) -> str | None:
    """The first of the methods that a class does not have from ``base``."""
    return next(
        (name for name in names if getattr(type(owner), name) is not getattr(base, name)), None
    )


def scheduler_of(module: LightningModule) -> Any:
    """The schedule that is stepped after each step; None if there is none."""
    scheduler = module.lr_schedulers()
    assert not isinstance(scheduler, list | ReduceLROnPlateau)
    return scheduler
