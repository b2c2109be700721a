"""How far a whole study is, and about how long it will take."""

import sys
import time
from collections.abc import Iterable, Mapping
from typing import final

from lightning_cifar.study.jobs import Job
from lightning_cifar.study.records import StudyRecord


@final
class StudyProgress:
    """Counts epochs of single runs, in which the time left is estimated.

    Early stopping decides how many a run needs: as many as the mean of the finished runs of its
    arm, or of its set-up, and before there is one as many as it may have.

    Args:
        jobs: all that is to be done.
        records: of the runs that are finished.
    """

    def __init__(self, jobs: Iterable[Job], records: Iterable[StudyRecord]) -> None:
        self.expected = expected_epochs(jobs, list(records))
        self.done_by_job = dict.fromkeys(self.expected, 0.0)
        self.runs = {job.title: len(job.seeds) for job in jobs}
        self.runs_done = 0
        self.started = time.monotonic()
        self.bar = sys.stdout.isatty()

    def epoch(self, job: Job, epoch: int, members: int) -> None:
        """An epoch of a job is done."""
        self.done_by_job[job.title] += members
        limit = job.arm.settings["trainer"]["max_epochs"]
        self.show(f"{job.title}: epoch {epoch + 1}/{limit}, {members} still in training")

    def job(self, job: Job, outcome: str) -> None:
        """A job has ended, well or not: its runs are no longer waited for."""
        if outcome == "done":  # an engine that tells of no epochs tells at least of this
            self.done_by_job[job.title] = self.done_by_job[job.title] or self.expected[job.title]
        self.expected[job.title] = self.done_by_job[job.title]
        self.runs_done += self.runs[job.title]
        self.show(f"{job.title}: {outcome}", lasting=True)

    def seconds_left(self) -> float | None:
        """If the rest goes as the part so far; None before there is one."""
        done = sum(self.done_by_job.values())
        left = sum(
            max(expected - self.done_by_job[title], 0) for title, expected in self.expected.items()
        )
        return (time.monotonic() - self.started) / done * left if done else None

    def show(self, text: str, *, lasting: bool = False) -> None:
        """A line; on a terminal one that the next one takes the place of."""
        seconds = self.seconds_left()
        left = "" if seconds is None else f"; about {duration(seconds)} left"
        line = f"{text}; {self.runs_done} of {sum(self.runs.values())} runs{left}"
        if self.bar:
            print(f"\r\033[K{line}", end="\n" if lasting else "", flush=True)
        else:
            print(line, flush=True)


def expected_epochs(jobs: Iterable[Job], records: list[StudyRecord]) -> dict[str, float]:
    """Job -> epochs of all its members together."""
    by_arm, by_set_up = (
        means((name(record), len(record.run.epochs)) for record in records if not record.failure)
        for name in (
            lambda record: f"{record.set_up}/{record.variant}",
            lambda record: record.set_up,
        )
    )
    expected = {}
    for job in jobs:
        limit = float(job.arm.settings["trainer"]["max_epochs"])
        of_one = by_arm.get(job.arm.name, by_set_up.get(job.arm.set_up, limit))
        expected[job.title] = of_one * len(job.seeds)
    return expected


def means(pairs: Iterable[tuple[str, float]]) -> Mapping[str, float]:
    """Key -> mean of its values."""
    values: dict[str, list[float]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return {key: sum(each) / len(each) for key, each in values.items()}


def duration(seconds: float) -> str:
    """A time in the unit in which people would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
