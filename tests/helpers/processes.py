"""Processes that start at once: forked from one that has loaded the libraries, but nothing of ours.

Loading torch and Lightning takes seconds, our own code a moment; a test that needs a fresh process
pays for the latter alone. Everything else is as if ``python`` had been started: working folder,
environment, output, signals. Tests of what is loaded, and when, start ``python`` itself.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["torch", "torchvision", "lightning.pytorch", "torchmetrics", "jsonargparse"]
)


REPORTS = tempfile.TemporaryDirectory()
atexit.register(REPORTS.cleanup)


class Started:
    """A running ``python`` with these arguments, as far as ``subprocess.Popen`` is needed here."""

    def __init__(self, *arguments, cwd=".", env=os.environ):
        self._reports = Path(tempfile.mkdtemp(dir=REPORTS.name))
        self._files = [self._reports / name for name in ("out", "error")]
        texts = [str(argument) for argument in arguments]
        places = (str(Path(cwd).resolve()), [str(each) for each in self._files])
        self._process = CONTEXT.Process(target=_become, args=(texts, dict(env), *places))
        self._process.start()
        self.pid = self._process.pid

    def poll(self):
        """The exit code; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout):
        """Its exit code; negative: the signal that ended it."""
        self._process.join(timeout)
        if self.poll() is None:
            self._process.kill()
            raise subprocess.TimeoutExpired("python", timeout, *self.said())
        return self.poll()

    def said(self):
        """What it has written so far to its output and as an error."""
        return [each.read_bytes().decode() if each.exists() else "" for each in self._files]


def ended(*arguments, timeout=300, **places):
    """Run ``python`` with these arguments; returns its exit code, output and errors."""
    process = Started(*arguments, **places)
    return process.wait(timeout), *process.said()


def _become(arguments, environment, folder, files):
    """Go on as ``python`` with these arguments."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    # A shell that starts pytest in the background has Ctrl-C ignored for all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    paths = [folder, *environment.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:] = [*paths, *(each for each in sys.path if each not in paths)]
    flag, subject, *sys.argv[1:] = arguments
    sys.argv[0] = subject
    if flag == "-m":
        runpy.run_module(subject, run_name="__main__", alter_sys=True)
    else:
        exec(compile(subject, "<string>", "exec"), {"__name__": "__main__"})
