"""How far a whole study is, and about how long it will take."""

import sys
import time
from collections.abc import Iterable
from statistics import fmean
from typing import final

from lightning_cifar.study.jobs import Job
from lightning_cifar.study.records import StudyRecord


@final
class StudyProgress:
    """Counts epochs of single runs, in which the time left is estimated.

    Early stopping decides how many a run needs: as many as the mean of the finished runs of its
    condition, or of its set-up, and before there is one as many as it may have.

    Args:
        jobs: all that is to be done.
        records: of the runs that are finished.
    """

    def __init__(self, jobs: Iterable[Job], records: Iterable[StudyRecord]) -> None:
        records = [record for record in records if not record.failure]
        self.set_ups = {record.set_up for record in records}  # with a finished run
        self.waiting = {job.title: job for job in jobs}
        self.expected = expected_epochs(jobs, records)
        self.done_by_job = dict.fromkeys(self.expected, 0.0)
        self.runs = sum(len(job.seeds) for job in jobs)
        self.runs_done = 0
        self.started = time.monotonic()
        self.bar = sys.stdout.isatty()

    def epoch(self, job: Job, epoch: int, members: int) -> None:
        """An epoch of a job is done."""
        self.done_by_job[job.title] += members
        limit = job.condition.settings["trainer"]["max_epochs"]
        self.show(f"{job.title}: epoch {epoch + 1}/{limit}, {members} still in training")

    def job(self, job: Job, outcome: str) -> None:
        """A job has ended, well or not: its runs are no longer waited for."""
        del self.waiting[job.title]
        if outcome == "done":
            self.learn(job)
        self.expected[job.title] = self.done_by_job[job.title]
        self.runs_done += len(job.seeds)
        spent = duration(time.monotonic() - self.started)
        self.show(f"{job.title}: {outcome} after {spent}", lasting=True)

    def learn(self, job: Job) -> None:
        """Expect of the others in its set-up what this job needed, if nothing better is known."""
        # An engine that tells of no epochs tells at least of the end.
        done = self.done_by_job[job.title] = self.done_by_job[job.title] or self.expected[job.title]
        if job.condition.set_up not in self.set_ups:
            self.set_ups.add(job.condition.set_up)
            for other in self.waiting.values():
                if other.condition.set_up == job.condition.set_up:
                    self.expected[other.title] = done / len(job.seeds) * len(other.seeds)

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
        unseen = [job for job in self.waiting.values() if job.condition.set_up not in self.set_ups]
        word = "at most" if any(map(may_end_early, unseen)) else "about"
        left = "" if seconds is None else f"; {word} {duration(seconds)} left"
        line = f"{text}; {self.runs_done} of {self.runs} runs{left}"
        if self.bar:
            print(f"\r\033[K{line}", end="\n" if lasting else "", flush=True)
        else:
            print(line, flush=True)


def expected_epochs(jobs: Iterable[Job], records: list[StudyRecord]) -> dict[str, float]:
    """Job -> epochs of all its members together."""
    seen: dict[str, list[int]] = {}  # of single runs, by condition and by set-up
    for record in records:
        for name in (f"{record.set_up}/{record.variant}", record.set_up):
            seen.setdefault(name, []).append(len(record.run.epochs))
    expected = {}
    for job in jobs:
        limit = [job.condition.settings["trainer"]["max_epochs"]]
        epochs = seen.get(job.condition.name) or seen.get(job.condition.set_up) or limit
        expected[job.title] = fmean(epochs) * len(job.seeds)
    return expected


def may_end_early(job: Job) -> bool:
    """Whether its runs may have less than all their epochs."""
    settings = job.condition.settings
    return bool(settings["early_stopping"]["patience"] < settings["trainer"]["max_epochs"])


def duration(seconds: float) -> str:
    """A time in the unit in which people would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
