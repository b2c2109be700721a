"""A study that is killed, or loses a worker, and goes on; a short form of the benchmark."""

import multiprocessing
import os
import signal
import threading
import time

import pytest
from commands import environment
from image_examples import write_folder
from processes import ended
from small_studies import STUDY, TINY, write_study

from benchmarks import kill_study
from lightning_cifar.study.conditions import conditions_of
from lightning_cifar.study.jobs import jobs_of
from lightning_cifar.study.local_engine import death, run_jobs
from lightning_cifar.study.plan import read_plan
from lightning_cifar.study.progress import StudyProgress, duration

ONE_CONDITION = """
variants: [alpha_dropout]
seeds: 2
set_ups: {plain: {overlays: [small]}}
"""


# Two kills, each after this share of half the time that the study needs.
KILLS = f"""
from pathlib import Path
from commands import SMALL_SET
from benchmarks import kill_study
from lightning_cifar.data import sources
from lightning_cifar.stack import progress

class Moments:
    shares = [0.9, 0.6, 0.5, 0.5]

    def uniform(self, low, high):
        return low + (high - low) * self.shares.pop(0)

sources.load_synthetic = SMALL_SET
kill_study.STUDY = {ONE_CONDITION!r}
progress.SECONDS_BETWEEN_CHECKPOINTS = 0.0
for trial in kill_study.trials(Path.cwd(), 2, Moments()):
    print(len(trial.lives), trial.differences)
"""


def test_killed_study_ends_with_the_records_of_an_undisturbed_one(tmp_path):
    code, out, error = ended("-c", KILLS, cwd=tmp_path)
    assert code == 0, error
    assert out in ("2 ()\n", "1 ()\n1 ()\n")
    study = tmp_path / "undisturbed" / "study"
    assert len(kill_study.records(study)) == 2
    path = next((study / "records").glob("*.json"))  # control
    path.write_text(path.read_text().replace('"seed":', '"sead":', 1))
    assert kill_study.differences(tmp_path / "warm" / "study", study) == (path.stem,)


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Two jobs over a folder of images that processes of their own can read."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    images = write_folder(tmp_path / "images")
    small = TINY.replace("data: {", "data: {validation_size: 10, ")
    write_study(tmp_path, STUDY.replace("synthetic, ", ""), tiny=small)
    plan = read_plan(tmp_path / "study.yaml")
    places = {"source": "folder", "path": str(images), "cache": str(tmp_path / "cache")}
    (tmp_path / "study").mkdir()
    return jobs_of(conditions_of(plan, tmp_path, {"data": places}), (), tmp_path / "study")


@pytest.mark.slow
def test_killed_worker_is_reported_and_the_other_goes_on(jobs, tmp_path):
    def kill_one():
        while not multiprocessing.active_children():
            time.sleep(0.01)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    threading.Thread(target=kill_one).start()
    progress = StudyProgress(jobs, [])
    ended = [each for _, each in run_jobs(jobs, tmp_path / "study", 2, progress)]
    assert sorted(each.how for each in ended) == ["done", "failed"]
    failed = next(each for each in ended if each.how == "failed")
    assert "ended by SIGKILL" in failed.lines[0]
    assert len(list((tmp_path / "study" / "records").glob("*.json"))) == 2


def test_death_of_a_process_in_words():
    assert death(-9) == "its process was ended by SIGKILL, perhaps for want of memory"
    assert death(-11) == "its process was ended by SIGSEGV"
    assert death(3) == "its process ended with exit code 3"


def test_time_left_is_that_of_the_epochs_left(jobs, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress = StudyProgress(jobs, [])
    assert progress.seconds_left() is None
    clock[0] += 3
    progress.epoch(jobs[0], 0, 2)  # 2 of 8 epochs: two jobs, two seeds, two epochs each
    assert progress.seconds_left() == pytest.approx(9)
    progress.job(jobs[0], "failed")
    assert progress.seconds_left() == pytest.approx(6)  # its other epochs are not waited for


def test_time_left_learns_from_what_ended_early(jobs, monkeypatch, capsys):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for job in jobs:
        job.condition.settings["trainer"]["max_epochs"] = 50
        job.condition.settings["early_stopping"]["patience"] = 3
    progress = StudyProgress(jobs, [])
    clock[0] += 1
    progress.epoch(jobs[0], 0, 2)
    assert progress.seconds_left() == pytest.approx(99)
    assert "at most 2 min left" in capsys.readouterr().out
    for epoch in range(1, 4):
        clock[0] += 1
        progress.epoch(jobs[0], epoch, 2)
    progress.job(jobs[0], "done")
    assert progress.seconds_left() == pytest.approx(4)  # the other job's four epochs
    assert "about 4 s left" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s"), (89, "89 s"), (90, "2 min"), (600, "10 min"), (5399, "90 min"), (5400, "1.5 h")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
