"""One job of a study from its first step to its last record; what every engine runs."""

import shutil
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from lightning.pytorch import Trainer

from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import save_checkpoint
from lightning_cifar.runs.folders import locked
from lightning_cifar.stack.fit import MemberFit, lightning_checkpoint
from lightning_cifar.study.fit_runs import fit_runs
from lightning_cifar.study.folder import JOBS_FOLDER, WEIGHTS_FOLDER
from lightning_cifar.study.jobs import Job, begin
from lightning_cifar.study.outcome import study_record
from lightning_cifar.study.rates import rates_of
from lightning_cifar.study.records import write_study_record
from lightning_cifar.training.quiet import quieten

OnEpoch = Callable[[int, int], None]  # number of the epoch, members in it


class JobBusy(Exception):
    """Another process is at this job."""


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
        return Ended("done", tuple(run_job(job, study, on_epoch)))
    except JobBusy:
        return Ended("busy", ("another process is at it",))
    except InputError as error:
        return Ended("failed", (str(error),))
    except Exception as error:
        trace = study / JOBS_FOLDER / f"{job.name}.txt"
        with suppress(OSError):  # as on a full disk, of which the line below tells
            trace.write_text(traceback.format_exc())
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Ended("failed", (f"{reason[:300]} (all of it in {trace})",))


def run_job(job: Job, study: Path, on_epoch: OnEpoch | None = None) -> list[str]:
    """Train a job's stack, or go on where it was, and write the records that are missing.

    Returns: a line for each run that failed. Its failure is in its record.
    Raises: JobBusy when another process is at it.
    """
    quieten()
    # The number of threads decides the last bits, so it may not depend on the machine.
    torch.set_num_threads(1)
    folder = begin(job, study)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder))
        except InputError as error:
            raise JobBusy(job.title) from error
        failures = train(job, study, folder, on_epoch) if job.missing(study) else []
        shutil.rmtree(folder)
    return failures


def train(job: Job, study: Path, folder: Path, on_epoch: OnEpoch | None = None) -> list[str]:
    """Rates, stack, test figures, records."""
    condition = job.condition
    datamodule = condition.datamodule()
    datamodule.prepare_data()
    datamodule.setup("fit")
    device = device_of(condition.settings["trainer"]["accelerator"])
    rates, source = rates_of(condition, job.seeds, datamodule, study, device)
    fits = fit_runs(
        condition, dict(zip(job.seeds, rates, strict=True)), datamodule, folder, on_epoch
    )
    datamodule.setup("test")
    failures = []
    for seed, (fit, accurate) in zip(job.seeds, fits, strict=True):
        if seed in job.missing(study):
            record = study_record(condition, seed, fit, accurate, source, datamodule, study)
            save_weights(fit, study, record.name)
            write_study_record(record, study)
            if record.failure:
                failures.append(f"{condition.name}, seed {seed}: {record.failure}")
    return failures


def save_weights(fit: MemberFit, study: Path, name: str) -> None:
    """Keep the best weights of a run, if it has any."""
    if fit.best_epoch >= 0:
        path = study / WEIGHTS_FOLDER / f"{name}.ckpt"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(lightning_checkpoint(fit), path)


def device_of(accelerator: str) -> torch.device:
    """The device that a trainer takes for this accelerator."""
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator=accelerator, devices=1, **options)  # type: ignore[arg-type]
    return trainer.strategy.root_device
