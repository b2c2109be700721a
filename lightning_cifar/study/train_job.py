"""One job of a study from its first step to its last record; what every engine runs."""

import shutil
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from lightning_cifar.errors import InputError
from lightning_cifar.runs.folders import locked
from lightning_cifar.stack.fit import save_best_weights, silent_trainer
from lightning_cifar.study.fit_runs import fit_runs
from lightning_cifar.study.folder import JOBS_FOLDER, WEIGHTS_FOLDER
from lightning_cifar.study.jobs import Job, begin
from lightning_cifar.study.outcome import study_record
from lightning_cifar.study.rates import rates_of
from lightning_cifar.study.records import write_study_record
from lightning_cifar.training.quiet import quieten

OnEpoch = Callable[[int, int], None]  # number of the epoch, members in it


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        how: "done": its records stand; "busy": another process is at it; "failed": tried again
            at the next start.
        lines: for people: failed runs of one that is done, or the reason.
    """

    how: Literal["done", "busy", "failed"]
    lines: tuple[str, ...] = ()


def attempt(job: Job, study: Path, on_epoch: OnEpoch | None = None) -> Ended:
    """Run a job; whatever is wrong with it is its result, because the others shall go on."""
    try:
        return run_job(job, study, on_epoch)
    except InputError as error:
        return Ended("failed", (str(error),))
    except Exception as error:
        trace = study / JOBS_FOLDER / f"{job.name}.txt"
        with suppress(OSError):  # as on a full disk, of which the line below tells
            trace.write_text(traceback.format_exc())
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Ended("failed", (f"{reason[:300]} (all of it in {trace})",))


def run_job(job: Job, study: Path, on_epoch: OnEpoch | None = None) -> Ended:
    """Train a job's stack, or go on where it was, and write the records that are missing."""
    quieten()
    # The number of threads decides the last bits, so it may not depend on the machine.
    torch.set_num_threads(1)
    folder = begin(job, study)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder))
        except InputError:
            return Ended("busy", ("another process is at it",))
        failures = train(job, study, folder, on_epoch) if job.missing(study) else []
        shutil.rmtree(folder)
    return Ended("done", tuple(failures))


def train(job: Job, study: Path, folder: Path, on_epoch: OnEpoch | None = None) -> list[str]:
    """Rates, stack, test figures, records; a line for each run that failed."""
    condition = job.condition
    datamodule = condition.datamodule()
    datamodule.prepare_data()
    datamodule.setup("fit")
    accelerator = condition.settings["trainer"]["accelerator"]
    device = silent_trainer([], accelerator=accelerator, devices=1).strategy.root_device
    rates, source = rates_of(condition, job.seeds, datamodule, study, device)
    fits = fit_runs(
        condition, dict(zip(job.seeds, rates, strict=True)), datamodule, folder, on_epoch
    )
    datamodule.setup("test")
    failures = []
    for seed, (fit, accurate) in zip(job.seeds, fits, strict=True):
        if seed in job.missing(study):
            record = study_record(condition, seed, fit, accurate, source, datamodule, study)
            save_best_weights(fit, study / WEIGHTS_FOLDER / f"{record.name}.ckpt")
            write_study_record(record, study)
            if record.failure:
                failures.append(f"{condition.name}, seed {seed}: {record.failure}")
    return failures
