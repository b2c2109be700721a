"""Jobs on this machine: one after another here, or each in its own process.

A job that fails, or whose process dies, takes no other one with it.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Generator, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import final

from lightning_cifar.study.jobs import Job
from lightning_cifar.study.progress import StudyProgress
from lightning_cifar.study.train_job import Ended, attempt

ORPHAN_CHECK = 0.5  # seconds


def run_jobs(
    jobs: Sequence[Job], study: Path, workers: int, progress: StudyProgress
) -> Generator[tuple[Job, Ended], None, None]:
    """Run the jobs, up to ``workers`` at once; each as it ends.

    A single worker runs in this process; if it dies, so does the study, which continues at the
    next start.
    """
    if workers == 1:
        for job in jobs:
            yield job, attempt(job, study, partial(progress.epoch, job))
        return
    context = multiprocessing.get_context("spawn")
    waiting, running = list(jobs), dict[Connection, Worker]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                worker = Worker(context, waiting.pop(0), study)
                running[worker.connection] = worker
            for connection in wait(list(running)):
                worker = running[connection]  # type: ignore[index]
                ended = worker.listen(progress)
                if ended is not None:
                    del running[worker.connection]
                    yield worker.job, ended
    finally:
        for worker in running.values():
            worker.process.kill()


@final
class Worker:
    """A process that runs one job and tells of its epochs and its end."""

    def __init__(self, context: SpawnContext, job: Job, study: Path) -> None:
        self.job = job
        self.connection, theirs = context.Pipe(duplex=False)
        self.process = context.Process(
            target=run_in_process, args=(job, study, theirs, os.getpid())
        )
        self.process.start()
        theirs.close()  # so that the pipe ends with the process

    def listen(self, progress: StudyProgress) -> Ended | None:
        """Take one message; how the job ended, if it did."""
        try:
            message = self.connection.recv()
        except EOFError:
            self.process.join()
            return Ended("failed", (death(self.process.exitcode or 0),))
        if not isinstance(message, Ended):
            progress.epoch(self.job, *message)
            return None
        self.process.join()
        return message


def run_in_process(job: Job, study: Path, connection: Connection, parent: int) -> None:
    """Run a job in a process started for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends us
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    ended = attempt(job, study, lambda epoch, members: connection.send((epoch, members)))
    connection.send(ended)


def end_with(parent: int) -> None:
    """End this process when its parent has ended: its result would be lost, and it has a lock."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK)
    os._exit(1)


def death(code: int) -> str:
    """Why a process ended without a message."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"its process was ended by {signal.Signals(-code).name}{hint}"
