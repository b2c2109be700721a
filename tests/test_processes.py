"""Several processes on the CPU, through the real command line: same figures, and bounded ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import configured, environment
from image_examples import write_folder

from lightning_cifar.__main__ import main
from lightning_cifar.processes import LostProcess, noticing_lost_processes
from lightning_cifar.records import read_record
from lightning_cifar.runs import PREVIOUS_FILE

LIMIT = 300  # seconds after which a process counts as hung; they take a few
DDP = ["--trainer.strategy=ddp", "--trainer.accelerator=cpu"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder with 19 test images, which neither two nor three processes share evenly."""
    folder = write_folder(tmp_path_factory.mktemp("images") / "images", train=4, test=2)
    (folder / "test" / "a" / "1.png").unlink()
    return folder


@pytest.fixture(scope="module")
def trained(images):
    """A finished run on them."""
    run = images.parent / "run"
    assert main([*fit(images, run), "--trainer.max_epochs=2"]) == 0
    return run


def fit(images, run):
    data = {"source": "folder", "path": images, "cache": images.parent / "cache", "batch_size": 4}
    data["validation_size"] = 10
    flags = [f"--data.{key}={value}" for key, value in data.items()]
    return ["fit", *configured("alpha_dropout", "smoke"), *flags, f"--run={run}"]


def command(*arguments):
    return [sys.executable, "-m", "lightning_cifar", *map(str, arguments)]


def figures_of_processes(run, count, *flags):
    arguments = command("test", "--run", run, f"--trainer.devices={count}", *DDP, *flags)
    done = subprocess.run(
        arguments, capture_output=True, text=True, env=environment(), timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def figures_of_one(capsys, run, *flags):
    capsys.readouterr()
    assert main(["test", "--run", str(run), *map(str, flags)]) == 0
    return capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_processes_count_every_image_once(trained, capsys, count):
    assert figures_of_processes(trained, count) == figures_of_one(capsys, trained)


def test_control_an_image_counted_twice_shows(images, trained, capsys, tmp_path):
    """What padding to equal shares does, as samplers for several processes do by default."""
    padded = write_folder(tmp_path / "images", train=4, test=2)
    (padded / "test" / "a" / "1.png").write_bytes((padded / "test" / "a" / "0.png").read_bytes())
    other = figures_of_one(capsys, trained, "--data.path", padded)
    assert other != figures_of_one(capsys, trained)


class Fit:
    """An endless fit of two processes, one of which will be killed."""

    def __init__(self, images, run):
        endless = ["--trainer.max_epochs=1000000", "--early_stopping.patience=1000000"]
        self.report = run.parent / "report.txt"
        self.run, self.second = run, None
        arguments = command(*fit(images, run), "--trainer.devices=2", *DDP, *endless)
        with self.report.open("w") as report:
            self.first = subprocess.Popen(arguments, stderr=report, env=environment())

    def begin(self):
        self.wait_until(self.two_epochs_are_done)
        (self.second,) = self.children()

    def two_epochs_are_done(self):
        assert self.first.poll() is None, f"ended too soon: {self.report.read_text()}"
        return (self.run / PREVIOUS_FILE).exists()

    def children(self):
        path = Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children")
        return [int(each) for each in path.read_text().split()] if path.exists() else []

    def wait_until(self, happened):
        end = time.monotonic() + LIMIT
        while not happened():
            assert time.monotonic() < end, f"hung: {self.report.read_text()}"
            time.sleep(0.05)

    def second_has_ended(self):
        try:
            state = Path(f"/proc/{self.second}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"

    def end(self):
        """Kill what still runs, also where the test failed before both processes were there."""
        if self.first.poll() is None:
            for child in self.children():
                os.kill(child, signal.SIGKILL)
            self.first.kill()
        elif self.second is not None and not self.second_has_ended():
            os.kill(self.second, signal.SIGKILL)
        self.first.wait()


@pytest.fixture
def endless(images, tmp_path):
    fit = Fit(images, tmp_path / "run")
    try:
        fit.begin()
        yield fit
    finally:
        fit.end()


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")


@needs_proc
@pytest.mark.slow
def test_killed_second_process_ends_the_first_with_the_reason(endless, tmp_path, capsys):
    os.kill(endless.second, signal.SIGKILL)
    assert endless.first.wait(LIMIT) != 0
    report = endless.report.read_text()
    assert re.search(
        r"process 1 of this run was killed by signal 9|terminated with code -9", report
    )
    assert "Traceback" not in report
    best = read_record(tmp_path / "run" / "record.json").best
    alone = ["--trainer.devices=1", "--trainer.strategy=auto"]
    assert main(["validate", "--run", str(tmp_path / "run"), *alone]) == 0
    figures = f"val_loss {best.val_loss:.4f}  val_accuracy {best.val_accuracy:.2%}"
    assert figures in capsys.readouterr().out


@needs_proc
@pytest.mark.slow
def test_killed_first_process_ends_the_second_with_the_reason(endless):
    endless.first.kill()
    endless.first.wait()
    endless.wait_until(endless.second_has_ended)
    report = endless.report.read_text()
    assert "another process of this run has ended" in report
    assert "Traceback" not in report


class Strategy:
    launcher = None


class Trainer:
    """As much of a trainer as the message looks at."""

    global_rank = 1
    strategy = Strategy()

    def __init__(self, world_size):
        self.world_size = world_size


GLOO = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:9")


@pytest.mark.parametrize(
    ("world_size", "error", "kind"),
    [(2, GLOO, LostProcess), (1, GLOO, RuntimeError), (2, RuntimeError("shapes"), RuntimeError)],
)
def test_only_lost_connections_of_several_processes_are_explained(world_size, error, kind):
    with pytest.raises(RuntimeError) as caught, noticing_lost_processes(Trainer(world_size)):
        raise error
    assert caught.type is kind
