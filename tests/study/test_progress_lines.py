"""Every line that a study says while it runs, word for word."""

import io
import sys
from types import SimpleNamespace

import pytest
from record_samples import run_record, study_record

from lightning_cifar.study import progress
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.jobs import Job


def condition(variant="elu", set_up="a", epochs=10, patience=3, **settings):
    sections = {
        "trainer": {"max_epochs": epochs, "accelerator": "cpu"},
        "early_stopping": {"patience": patience},
        "model": {"init_args": {"seed": 0}},
        "data": {"seed": 0},
        "learning_rate_search": {},
    }
    return Condition(set_up, variant, 4, sections | settings)


def job(variant="elu", seeds=(0, 1), **asked):
    return Job(condition(variant, **asked), seeds)


@pytest.fixture
def clock(monkeypatch):
    """The time of day in seconds, which a test can set."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def record(variant="elu", set_up="a", epochs=4, failure=""):
    run = run_record(losses=(1.0,) * epochs)
    return study_record(variant=variant, set_up=set_up, run=run, failure=failure)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], [20, 30, 10]),
        ([record(epochs=4), record(epochs=5)], [9, 13.5, 10]),
        ([record("selu", epochs=6)], [12, 18, 10]),
        ([record(epochs=4), record("selu", epochs=6)], [8, 18, 10]),
        ([record("elu", "b", epochs=7)], [20, 30, 7]),
    ],
    ids=["none", "its condition", "its set-up", "each its own", "another set-up"],
)
def test_epochs_are_expected_as_those_that_were_seen(records, expected):
    jobs = [job(), job("selu", (0, 1, 2)), job("elu", (3,), set_up="b")]
    found = progress.expected_epochs(jobs, records)
    assert list(found.values()) == pytest.approx(expected)
    assert list(found) == ["a/elu, seeds 0 to 1", "a/selu, seeds 0 to 2", "b/elu, seed 3"]


def test_each_line_of_a_study(clock, capsys):
    """20 epochs of single runs are expected of each job; times by hand."""
    first, second = job(), job("selu", (0, 1))
    line = progress.StudyProgress([first, second], [])
    clock.seconds += 20
    line.epoch(first, 0, 2)  # 2 of 40 in 20 s
    clock.seconds += 20
    line.epoch(first, 1, 1)  # 3 of 40 in 40 s
    line.job(first, "done")  # it needed 3: so will the other
    line.epoch(second, 0, 2)  # 5 in 40 s, 1 is left
    clock.seconds += 60
    line.job(second, "failed")
    assert capsys.readouterr().out.splitlines() == [
        "a/elu, seeds 0 to 1: epoch 1/10, 2 still in training; 0 of 4 runs; at most 6 min left",
        "a/elu, seeds 0 to 1: epoch 2/10, 1 still in training; 0 of 4 runs; at most 8 min left",
        "a/elu, seeds 0 to 1: done after 40 s; 2 of 4 runs; about 40 s left",
        "a/selu, seeds 0 to 1: epoch 1/10, 2 still in training; 2 of 4 runs; about 8 s left",
        "a/selu, seeds 0 to 1: failed after 2 min; 4 of 4 runs; about 0 s left",
    ]


def test_a_job_without_a_word_in_between_counts_at_its_end(clock, capsys):
    first, second = job(seeds=(0, 1)), job("selu", (0, 1, 2))
    line = progress.StudyProgress([first, second], [])
    assert line.seconds_left() is None
    clock.seconds += 10
    line.job(first, "busy")
    line = progress.StudyProgress([first, second], [])
    clock.seconds += 10
    line.job(first, "done")
    assert capsys.readouterr().out.splitlines() == [
        "a/elu, seeds 0 to 1: busy after 10 s; 2 of 5 runs",
        "a/elu, seeds 0 to 1: done after 10 s; 2 of 5 runs; about 15 s left",
    ]


@pytest.mark.parametrize(
    ("patience", "records", "word"),
    [(9, [], "at most"), (10, [], "about"), (9, [record("selu")], "about"),
     (9, [record("selu", failure="no")], "at most"), (9, [record(set_up="b")], "at most")],
)  # fmt: skip
def test_the_time_left_is_a_bound_while_nothing_is_known(clock, capsys, patience, records, word):
    only = job(patience=patience)
    line = progress.StudyProgress([only], records)
    clock.seconds += 5
    line.epoch(only, 0, 2)
    assert f"; {word} " in capsys.readouterr().out


def test_another_set_up_learns_nothing_from_a_job(clock):
    first, other, same = job(), job(set_up="b"), job("selu", (0, 1, 2))
    line = progress.StudyProgress([first, other, same], [])
    line.epoch(first, 0, 2)
    line.job(first, "done")
    assert line.expected == {
        "a/elu, seeds 0 to 1": 2,
        "b/elu, seeds 0 to 1": 20,
        "a/selu, seeds 0 to 2": 3,
    }
    assert line.set_ups == {"a"}


def test_more_epochs_than_expected_take_no_time_back(clock):
    first, second = job(), job("selu")
    line = progress.StudyProgress([first, second], [record(epochs=1), record("selu", epochs=1)])
    for number in range(4):
        line.epoch(first, number, 2)
    clock.seconds += 8
    assert line.seconds_left() == 8 / 8 * 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_a_line_takes_the_place_of_the_last(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    only = job(seeds=(0,))
    line = progress.StudyProgress([only], [])
    clock.seconds += 1
    line.epoch(only, 0, 1)
    line.job(only, "done")
    assert terminal.getvalue() == (
        "\r\033[Ka/elu, seed 0: epoch 1/10, 1 still in training; 0 of 1 runs; at most 9 s left"
        "\r\033[Ka/elu, seed 0: done after 1 s; 1 of 1 runs; about 0 s left\n"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89.4, "89 s"), (89.9, "90 s"), (90, "2 min"), (119, "2 min"), (600, "10 min"),
     (5399, "90 min"), (5400, "1.5 h"), (36_000, "10.0 h")],
)  # fmt: skip
def test_durations(seconds, text):
    assert progress.duration(seconds) == text
