"""What others change in a fit under way: followed from the next epoch on, or refused within one."""

from typing import Any

from lightning_cifar.backprop.fitting import unlimited, why_frozen, why_hooks
from lightning_cifar.data.blocks import Blocks
from lightning_cifar.data.notices import say_once
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam


def follow_changes(module: Any, schedules: int) -> None:
    """At the start of an epoch that would be trained by hand: train it as it is wanted now.

    module: a ``HandTrained`` that can say ``why_not_by_hand``.
    schedules: how many of the trainer's are its own; they come first.
    """
    if module.automatic_optimization:
        return
    reason = module.why_not_by_hand() or why_not_its_own(module.trainer, schedules)
    if reason is not None:
        module.why_by_autograd = reason
        say_once(f"steps are made by autograd from now on: {reason}")
        leave_to_autograd(module, schedules)
    take_fewer_at_once(module)


def check_unchanged(module: Any) -> None:
    """Refuse what has changed within an epoch that is trained by hand, and would be overlooked.

    Raises:
        InputError: naming it.
    """
    groups = module.trainer.optimizers[0].param_groups
    parameters = [each for group in groups for each in group["params"]]
    hooks = why_hooks(module, parameters)
    reason = hooks or why_frozen(parameters)
    if reason is not None:
        when = "in on_train_epoch_start or before the fit" if hooks else "before the fit"
        raise InputError(
            f"{reason}, since the middle of an epoch that is trained by hand; change it {when}"
        )


def why_not_its_own(trainer: Any, schedules: int) -> str | None:
    """What somebody has given a fit that steps by hand do not know; None: nothing."""
    if [type(each) for each in trainer.optimizers] != [FlatNAdam]:
        return "the trainer was given another optimiser"
    if len(trainer.lr_scheduler_configs) > schedules:
        return "the trainer was given another schedule"
    return None


def leave_to_autograd(module: Any, schedules: int) -> None:
    """From the next batch on; steps and schedules go on where they are."""
    trainer = module.trainer
    step = trainer.global_step
    module.automatic_optimization = True
    counted = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total
    counted.ready = counted.completed = step
    for config in trainer.lr_scheduler_configs[:schedules]:
        config.interval = "step"  # Lightning has no use for it where steps are made by hand


def take_fewer_at_once(module: Any) -> None:
    """If batches come in blocks and must not now, have the loader made again."""
    trainer = module.trainer
    loader, checks = trainer.train_dataloader, trainer.val_check_batch
    if not isinstance(loader, Blocks):
        return
    with unlimited(trainer):
        at_once = 1 if module.automatic_optimization else module.steps_of_a_block()
        is_checked = checks == loader.count()  # else somebody has changed it
        if at_once >= loader.size and is_checked:
            return
        module.takes_blocks, trainer.fit_loop._combined_loader = False, None
        trainer.fit_loop.setup_data()
    trainer.train_dataloader.set_epoch(trainer.current_epoch)
    if not is_checked:
        trainer.val_check_batch = checks
