"""Jobs as tasks of Ray, on as many machines as its cluster has; the optional extra ``ray``.

The study folder must be on a disk that all machines see: the records are written there by the
tasks, and a task that is tried again on another machine goes on from its stack's checkpoint.
"""

import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from lightning_cifar.errors import InputError
from lightning_cifar.study.jobs import Job
from lightning_cifar.study.train_job import Ended, attempt

RETRIES = 5  # of a task whose machine was lost
PATIENCE = 120.0  # seconds for a lost task's process to let go of its job


def require_ray() -> Any:
    """The module ``ray``; InputError if it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--engine ray needs Ray, which is not installed: pip install 'lightning-cifar[ray]', "
            "or use --engine local"
        ) from error
    return ray


def run_jobs_with_ray(
    jobs: Sequence[Job], study: Path, gpus_per_run: float
) -> Generator[tuple[Job, Ended], None, None]:
    """Run the jobs on the cluster of ``RAY_ADDRESS``, or on one of this machine alone."""
    ray = require_ray()
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level="warning")
    remote = ray.remote(num_cpus=1, num_gpus=gpus_per_run, max_retries=RETRIES)(patient_attempt)
    tasks = {remote.remote(job, study.resolve()): job for job in jobs}
    while tasks:
        for task in ray.wait(list(tasks))[0]:
            job = tasks.pop(task)
            try:
                yield job, ray.get(task)
            except ray.exceptions.RayError as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                yield job, Ended("failed", (reason[:300],))


def patient_attempt(job: Job, study: Path) -> Ended:
    """Run a job; one whose former process is about to end is waited for."""
    deadline = time.monotonic() + PATIENCE
    while (ended := attempt(job, study)).how == "busy" and time.monotonic() < deadline:
        time.sleep(1)
    return ended
