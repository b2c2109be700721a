"""A process of a distributed fit is killed: the others end soon and say why, nothing is lost."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from commands import configured
from image_examples import write_folder
from processes import Started

from lightning_cifar.__main__ import main
from lightning_cifar.runs.folders import PREVIOUS_FILE
from lightning_cifar.runs.records import read_record

LIMIT = 150  # seconds after which a process counts as hung; a quiet machine needs about ten

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc"),
]


class Fit:
    """An endless fit of two processes: we start the first, Lightning the second."""

    killed = False

    def __init__(self, folder):
        self.run = folder / "run"
        images = write_folder(folder / "images", train=4, test=2)
        flags = {
            "data.source": "folder",
            "data.path": images,
            "data.cache": folder / "cache",
            "data.batch_size": 4,
            "data.validation_size": 10,
            "trainer.devices": 2,
            "trainer.strategy": "ddp",
            "trainer.accelerator": "cpu",
            "trainer.max_epochs": 1_000_000,
            "early_stopping.patience": 1_000_000,
        }
        options = [f"--{key}={value}" for key, value in flags.items()]
        command = ["fit", *configured("selu", "smoke"), *options, f"--run={self.run}"]
        self.first = Started("-m", "lightning_cifar", *command)

    def train_two_epochs(self):
        """Afterwards both processes train, and there is something to lose."""
        self.wait_until(lambda: (self.run / PREVIOUS_FILE).exists())
        (second,) = self.children()
        return second

    def kill(self):
        """The first process."""
        self.first.send_signal(signal.SIGKILL)
        self.first.wait(LIMIT)
        self.killed = True

    def children(self):
        path = Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children")
        return [int(each) for each in path.read_text().split()] if path.exists() else []

    def wait_until(self, happened):
        end = time.monotonic() + LIMIT
        while not happened():
            assert self.killed or self.first.poll() is None, self.said()
            assert time.monotonic() < end, f"hung: {self.said()}"
            time.sleep(0.05)

    def said(self):
        return "".join(self.first.said())


@pytest.fixture
def fit(tmp_path):
    fit = Fit(tmp_path)
    try:
        yield fit
    finally:
        if fit.first.poll() is None:
            for each in fit.children():
                os.kill(each, signal.SIGKILL)
            fit.kill()


def is_gone(process):
    """Whether a process that is not our child has ended; nobody may have asked for its code."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_second_process_killed(fit, capsys):
    second = fit.train_two_epochs()
    os.kill(second, signal.SIGKILL)
    assert fit.first.wait(LIMIT) != 0, "a fit that lost a process must not look like a success"
    # Lightning looks after its processes every five seconds, and may be the first to see it.
    assert re.search(
        r"process 1 of this run was killed by signal 9|terminated with code -9", fit.said()
    )
    assert "Traceback" not in fit.said()
    best = read_record(fit.run / "record.json").best
    alone = ["--trainer.devices=1", "--trainer.strategy=auto"]
    assert main(["validate", "--run", str(fit.run), *alone]) == 0
    figures = f"val_loss {best.val_loss:.4f}  val_accuracy {best.val_accuracy:.2%}"
    assert figures in capsys.readouterr().out


def test_first_process_killed(fit):
    second = fit.train_two_epochs()
    fit.kill()
    try:
        fit.wait_until(lambda: is_gone(second))
    finally:
        if not is_gone(second):
            os.kill(second, signal.SIGKILL)
    assert "another process of this run has ended" in fit.said()
    assert "Traceback" not in fit.said()
