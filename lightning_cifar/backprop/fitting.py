"""How a fit is trained: by hand and several steps at once, or as Lightning does it by itself."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    GradientAccumulationScheduler,
    ModelCheckpoint,
    ModelPruning,
    StochasticWeightAveraging,
)
from lightning.pytorch.core.hooks import DataHooks
from lightning.pytorch.plugins import DoublePrecision, Precision
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer.states import TrainerFn, TrainerStatus
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lightning_cifar.backprop.hooks import (
    has_made_weights,
    has_watched_gradient,
    is_plain,
    is_watched,
)
from lightning_cifar.standardise import Standardise

Found = TypeVar("Found", bound=Callback)
BLOCK = {"cpu": 25, "cuda": 100}  # steps at once: what Lightning does between them is then nothing
STRATEGIES = (SingleDeviceStrategy,)
PLUGINS = (Precision, DoublePrecision)
PRECISIONS = ("32-true", "64-true")
# Hooks around parts of a step that a step by hand does not have.
WITHIN_A_STEP = (
    *("on_before_zero_grad", "on_before_backward", "on_after_backward"),
    "on_before_optimizer_step",
)
AROUND_A_STEP = ("on_train_batch_start", "on_train_batch_end")
# Called before a module can say how many batches an epoch has, which a callback may plan by.
OF_A_CALLBACK = (*AROUND_A_STEP, "on_train_start")
AROUND_A_TRANSFER = (
    *("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer"),
)
# Methods of a module that would have to be called, or that say how a step is made.
OF_A_MODULE = (
    *WITHIN_A_STEP,
    *("training_step", "forward", "backward", "configure_optimizers", "optimizer_step"),
    *("optimizer_zero_grad", "lr_scheduler_step"),
    *AROUND_A_TRANSFER,
)
# They change schedules, skip steps or put other parameters into the layers.
OF_AUTOGRAD = (GradientAccumulationScheduler, StochasticWeightAveraging, ModelPruning)


def why_not_by_hand(module: Any, base: type, trainer: Trainer) -> str | None:
    """What stands against steps by hand, in words; None if nothing does.

    base: the class of ours whose steps are known.
    """
    if not isinstance(trainer.strategy, SingleDeviceStrategy):
        return "several devices share each step"
    if trainer.precision not in PRECISIONS:
        return f"the precision is {trainer.precision}"
    for part, known in ((trainer.strategy, STRATEGIES), (trainer.precision_plugin, PLUGINS)):
        if type(part) not in known:
            return f"{type(part).__name__} has its own way with a step"
    if trainer._detect_anomaly:
        return "anomalies are looked for in autograd's backward pass"
    hooks = why_hooks(module, module.network.parameters())
    if hooks:
        return hooks
    if type(module.standardise) is not Standardise:
        return f"{type(module.standardise).__name__} standardises in its own way"
    changed = overridden(module, base, OF_A_MODULE)
    if changed:
        return f"{type(module).__name__} has its own {changed}"
    for callback in callbacks_of(trainer):
        unserved = part_for_automatic_optimisation(callback)
        if unserved is not None:
            return f"{unserved} serves automatic optimisation alone"
        hook = overridden(callback, Callback, WITHIN_A_STEP)
        if hook:
            return f"{type(callback).__name__} wants to be called in {hook}"
    return None


def part_for_automatic_optimisation(callback: Callback) -> str | None:
    """What of a callback of Lightning does nothing, or something else, where steps are by hand.

    Of checkpoints, Lightning then leaves out those that are due after some time.
    """
    if isinstance(callback, OF_AUTOGRAD):
        return type(callback).__name__
    if isinstance(callback, ModelCheckpoint) and callback._train_time_interval is not None:
        return f"train_time_interval of {type(callback).__name__}"
    return None


def why_hooks(module: Any, parameters: Iterable[Tensor]) -> str | None:
    """Who is to be called within a step; None: nobody but single layers, which are called."""
    # The first layer is never called: its images are already flat.
    if any(map(is_watched, (module, module.standardise, module.network, module.network[0]))):
        return "somebody has hooks on the network"
    if any(map(has_watched_gradient, parameters)):
        return "somebody has hooks on the network's parameters"
    return None


def why_frozen(parameters: Iterable[Tensor]) -> str | None:
    """That parts of a network are not trained; None: all are."""
    if all(each.requires_grad for each in parameters):
        return None
    return "some of the network's parameters are not trained"


def why_no_layers(network: nn.Module) -> str | None:
    """Why a network's layers cannot be taken one by one; None if they can."""
    if not is_plain(network) or type(network[0]) is not nn.Flatten:  # type: ignore[index]
        return "the network is no sequence of layers that begins with Flatten"
    frozen = why_frozen(network.parameters())
    if frozen:
        return frozen
    if has_made_weights(network):
        return "some of the network's weights are made of others"
    return None


def steps_at_once(trainer: Trainer, device: str) -> int:
    """How many batches a training step may have: 1 if anything looks between two of them."""
    looks = (
        trainer.max_steps != -1
        or bool(trainer.min_steps)  # a stop that was asked for comes in the middle of an epoch
        or not is_all(trainer.limit_train_batches)
        or trainer.overfit_batches > 0  # type: ignore[attr-defined]
        or not is_all(trainer.val_check_interval)
        or trainer.accumulate_grad_batches != 1
        or bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        or any(overridden(each, Callback, OF_A_CALLBACK) for each in callbacks_of(trainer))
        or looks_itself(trainer)
    )
    return 1 if looks else BLOCK.get(device, 1)


def asks_for_batches(trainer: Trainer) -> bool:
    """Whether a fit is about to get its batches; whoever else asks for some wants single ones."""
    state, loop = trainer.state, trainer.fit_loop
    is_on = state.fn == TrainerFn.FITTING and state.status == TrainerStatus.RUNNING
    return is_on and (loop._combined_loader is None or bool(loop._should_reload_train_dl))


@contextmanager
def unlimited(trainer: Any) -> Iterator[None]:
    """For a loader that takes another's place: limits set since then are for later ones."""
    limits = {"limit_train_batches": 1.0, "val_check_interval": 1.0, "overfit_batches": 0.0}
    given = {name: getattr(trainer, name) for name in limits}
    try:
        vars(trainer).update(limits)
        yield
    finally:
        vars(trainer).update(given)


def looks_itself(trainer: Trainer) -> bool:
    """Whether the module has hooks around a step, or its data module around a batch."""
    module, datamodule = trainer.lightning_module, getattr(trainer, "datamodule", None)
    return bool(
        (module is not None and overridden(module, LightningModule, AROUND_A_STEP))
        or (datamodule is not None and overridden(datamodule, DataHooks, AROUND_A_TRANSFER))
    )


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
    """The first of the methods that an object or its class does not have from ``base``."""
    own, kind = vars(owner), type(owner)
    return next(
        (name for name in names if name in own or getattr(kind, name) is not getattr(base, name)),
        None,
    )


def scheduler_of(module: LightningModule) -> Any:
    """The schedule that is stepped after each step; None if there is none."""
    scheduler = module.lr_schedulers()
    assert not isinstance(scheduler, list | ReduceLROnPlateau)
    return scheduler
