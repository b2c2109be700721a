"""A study from its plan to its last record: what is missing is divided, run and reported."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import torch

from lightning_cifar.errors import InputError, Interrupted
from lightning_cifar.runs.configuration import Config, config_path
from lightning_cifar.study.conditions import Condition, conditions_of, settle_images
from lightning_cifar.study.folder import open_study
from lightning_cifar.study.jobs import Job, jobs_of, longest_first, shard_of
from lightning_cifar.study.local_engine import run_jobs
from lightning_cifar.study.plan import read_plan, selected
from lightning_cifar.study.progress import StudyProgress
from lightning_cifar.study.records import RECORDS_FOLDER, of_other_images, read_study


def run_study(options: Namespace) -> int:
    """Train what is missing of a study.

    Returns: 1 if a job failed, 2 if damaged records stand in the place of runs, else 0.
    Raises: InputError before anything is trained; Interrupted at Ctrl-C.
    """
    shard = shard_of(options.shard)
    file = config_path(options.config)
    plan = read_plan(file, options.seeds)
    wanted = selected(plan, options.set_ups)
    conditions = conditions_of(plan, file.parent, places(options))
    hashes = settle_images(conditions)
    if options.engine == "ray":
        from lightning_cifar.study.ray_engine import require_ray

        require_ray()
    open_study(options.out, plan, conditions, hashes)
    if foreign := of_other_images(read_study(options.out)[0], hashes):
        raise InputError(
            f"{options.out} has records that were made with other images: {', '.join(foreign)}; "
            f"remove them from {options.out / RECORDS_FOLDER}, or choose another --out"
        )
    if options.redo_damaged:
        for name in read_study(options.out)[1]:
            (options.out / RECORDS_FOLDER / f"{name}.json").unlink()
    records, damaged = read_study(options.out)
    chosen = [condition for condition in conditions if condition.set_up in wanted.set_ups]
    done = {record.name for record in records} | set(damaged)
    jobs = longest_first(jobs_of(chosen, done, options.out, shard))
    try:
        failed = run(jobs, options, StudyProgress(jobs, records))
    except (KeyboardInterrupt, SystemExit) as error:
        # A trainer in this process turns Ctrl-C into the end of it.
        if KeyboardInterrupt not in (type(error), type(error.__context__)):
            raise
        raise Interrupted("interrupted; the same command continues from here") from error
    return summary(chosen, options.out, failed)


def places(options: Namespace) -> Config:
    """The options that say where to compute and where the images are, as settings."""
    settings: Config = {}
    for name, value in vars(options).items():
        section, dot, key = name.partition(".")
        if dot and value is not None:
            settings.setdefault(section, {})[key] = value
    return settings


def run(jobs: Sequence[Job], options: Namespace, progress: StudyProgress) -> list[str]:
    """Run the jobs with the chosen engine; returns the title of each that failed."""
    failed = []
    if options.engine == "ray":
        from lightning_cifar.study.ray_engine import run_jobs_with_ray

        engine = run_jobs_with_ray(jobs, options.out, options.gpus_per_run or 0.0)
    else:
        workers = min(options.workers or default_workers(jobs), max(len(jobs), 1))
        engine = run_jobs(jobs, options.out, workers, progress)
    with closing(engine) as endings:
        for job, ended in endings:
            for line in ended.lines:
                print(f"lightning-cifar: {job.title}: {line}", file=sys.stderr)
            if ended.how == "failed":
                failed.append(job.title)
            progress.job(job, ended.how)
    return failed


def default_workers(jobs: Sequence[Job]) -> int:
    """One for each core; for each GPU if that is where the jobs run."""
    on_cpu = any(job.condition.settings["trainer"]["accelerator"] == "cpu" for job in jobs)
    if torch.cuda.is_available() and not on_cpu:
        return torch.cuda.device_count()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def summary(conditions: Sequence[Condition], study: Path, failed: Sequence[str]) -> int:
    """Say how far the study is; returns its exit code."""
    records, damaged = read_study(study)
    finished = {record.name for record in records}
    runs = [each.record_name(seed) for each in conditions for seed in range(each.seeds)]
    done = sum(name in finished for name in runs)
    print(f"{done} of {len(runs)} runs have their record in {study}")
    if failed:
        print(
            f"lightning-cifar: failed: {'; '.join(failed)}; the same command tries again",
            file=sys.stderr,
        )
        return 1
    if damaged:
        print(
            f"lightning-cifar: damaged records left out: {', '.join(damaged)}; "
            "add --redo_damaged to run them again",
            file=sys.stderr,
        )
        return 2
    return 0
