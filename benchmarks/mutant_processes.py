"""Forked processes with limits, and the process from which tests fork theirs."""

import contextlib
import math
import os
import resource
import select
import signal
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

MEMORY = 4 * 2**30  # bytes a child may take beyond what its parent holds
FORKED = 200  # seconds of CPU for a process that a test forks from one with the libraries loaded


def in_child(action: Callable[[], None], seconds: float) -> tuple[int, bool]:
    """Do ``action`` in a forked process; its wait status, and whether it met a limit.

    ``seconds`` limit its CPU time, so a busy or paused machine changes no verdict. One that waits
    for ever needs no CPU: it is ended after a minute and five times ``seconds``, counted in
    turns of a second, in which a pause of the machine is one turn.
    """
    child = os.fork()
    if child == 0:
        _limit(seconds)
        code = 2
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    handle = os.pidfd_open(child)
    turns, stuck = 0, False
    while not select.select([handle], [], [], 1.0)[0]:
        turns += 1
        if turns > 60 + 5 * seconds:
            stuck = True
            os.kill(child, signal.SIGKILL)
    os.close(handle)
    status = os.waitpid(child, 0)[1]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what its tests started and left
    return status, stuck or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU)


def _limit(seconds: float) -> None:
    os.setpgid(0, 0)
    if math.isfinite(seconds):
        limit = math.ceil(seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def start_forkserver() -> None:
    """Start the process from which ``tests/helpers/processes.py`` forks, once for all children.

    Each child would start its own, and load the libraries: the one of its parent is no child of
    its own, so that it cannot wait for it. What is forked there inherits a limit on its CPU time.
    """
    earlier = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (FORKED, earlier[1]))
    forkserver.ensure_running()
    resource.setrlimit(resource.RLIMIT_CPU, earlier)
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[attr-defined]


def end_forked() -> None:
    """End what was forked there and is still running."""
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if server is not None:
        for process in _descendants(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _descendants(process: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]
