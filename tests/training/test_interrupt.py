"""Ctrl-C and SIGTERM: real signals to a real process, which says how to go on; and it works."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
from commands import environment
from image_examples import write_folder
from processes import Started

from lightning_cifar.runs.records import read_record


def ctrl_c_acts():
    """A shell that starts pytest in the background has Ctrl-C ignored for all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def started(folder, *arguments):
    variables = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    return Started("-m", "lightning_cifar", *arguments, cwd=folder, env=variables)


def epochs_of(run):
    """The epochs done so far; none while there is no record."""
    path = run / "record.json"
    return [each.epoch for each in read_record(path).epochs] if path.exists() else []


def ended_after(process, run, count, number):
    """Send a signal once ``count`` epochs are done; returns exit code and what was reported."""
    while len(epochs_of(run)) < count:
        assert process.poll() is None, process.said()
        time.sleep(0.02)
    process.send_signal(number)
    return process.wait(LIMIT), process.said()[1]


LIMIT = 300  # seconds after which a process counts as hung
ENDS = [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]


@pytest.mark.slow
def test_interrupted_fit_says_how_to_go_on_and_goes_on(tmp_path):
    images = write_folder(tmp_path / "images")
    run = tmp_path / "a run"
    endless = ["--trainer.max_epochs=100000", "--early_stopping.patience=99999", "--run", run.name]
    data = ["--data.source=folder", f"--data.path={images}", "--data.validation_size=10"]
    command = ["fit", "--config", "elu", "--config", "smoke", *data, *endless]
    done = 0
    for number, word in ENDS:
        process = started(tmp_path, *command)
        code, error = ended_after(process, run, done + 2, number)  # the first of them is saved
        assert code == 128 + number, error
        ending = error.splitlines()[-1]  # before it, what the images were recognised as
        told = re.fullmatch(f"lightning-cifar: {word}; to continue: lightning-cifar (.*)", ending)
        assert told is not None, error
        command = shlex.split(told[1])
        epochs = epochs_of(run)
        assert epochs == list(range(len(epochs))), "epochs were trained twice or left out"
        assert len(epochs) > done
        done = len(epochs)
    saved = {each.name for each in run.iterdir()}
    assert "best.ckpt" in saved
    # Ctrl-C may fall between the moving away of the last checkpoint and the writing of the next.
    assert saved & {"last.ckpt", "previous.ckpt"}


@pytest.mark.slow
def test_interrupted_before_there_is_a_run(tmp_path):
    """During the imports: one line, and nothing is left behind."""
    script = (
        "import sys, os, signal, lightning_cifar.__main__ as command\n"
        "def interrupted(*_):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "command.run = interrupted\n"
        "sys.exit(command.main(['fit']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=ctrl_c_acts,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "lightning-cifar: interrupted\n")
    assert list(tmp_path.iterdir()) == []
