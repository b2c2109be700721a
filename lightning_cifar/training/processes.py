"""Runs of several processes: what is said once, and what is said when one of them is gone."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher
from lightning.pytorch.utilities import rank_zero_only

from lightning_cifar.errors import InputError

SECONDS_TO_END = 5  # a process closes its connections a moment before it ends
CONNECTION_ERRORS = ("gloo", "onnection", "NCCL")  # in the messages, whatever their class


class LostProcess(RuntimeError):
    """Another process of this run has ended, so this one cannot go on."""


def check_strategy(trainer: Trainer, given: object) -> None:
    """Refuse strategies that leave this process without what was trained, or judge parts of it.

    A strategy that forks or spawns works in copies of this process: its own network stays as it
    was made, and Monte Carlo dropout would judge that one.

    given: what was asked for, as a message calls it.

    Raises:
        InputError: naming it.
    """
    strategy = trainer.strategy
    on_cpu = strategy.root_device.type == "cpu"
    if isinstance(strategy, DDPStrategy) and strategy._layer_sync is not None and on_cpu:
        raise InputError(
            "trainer.sync_batchnorm needs GPUs, and this is a CPU; leave it out, or train in one "
            "process"
        )
    if not isinstance(strategy, SingleDeviceStrategy | DDPStrategy):
        reason = "it divides the network, whose weights are then in no process"
    elif isinstance(strategy.launcher, _MultiProcessingLauncher):
        reason = "it works in copies of this process, and their weights do not come back"
    else:
        return
    name = given if isinstance(given, str) else type(strategy).__name__
    raise InputError(
        f"trainer.strategy {name} is refused: {reason}; for several devices use "
        "--trainer.strategy ddp, from a shell"
    )


@contextmanager
def noticing_lost_processes(trainer: Trainer) -> Iterator[None]:
    """Turn what the network says of a process that is gone into ``LostProcess``, naming it."""
    try:
        yield
    except RuntimeError as error:
        of_connection = isinstance(error, torch.distributed.DistError) or any(
            word in str(error) for word in CONNECTION_ERRORS
        )
        if trainer.world_size == 1 or not of_connection:
            raise
        raise LostProcess(
            f"{ended_process(trainer)}, and process {trainer.global_rank} cannot go on without it; "
            "a 'fit' can be continued with --run FOLDER --resume"
        ) from error


def ended_process(trainer: Trainer) -> str:
    """Which process ended and how; only the first one, which started the others, can tell."""
    for rank, process in enumerate(getattr(trainer.strategy.launcher, "procs", []), start=1):
        try:
            code = process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            continue
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            return f"process {rank} of this run {how}"
    return "another process of this run has ended or cannot be reached"


def first_process() -> bool:
    """Whether this is the process that the user started, known before there is a trainer."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


@rank_zero_only
def rank_zero_print(text: str) -> None:
    """Print a line in the first process alone."""
    print(text)
