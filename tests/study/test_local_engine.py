"""A job in a process of its own: what it tells, and how its end is told."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from lightning_cifar.study import local_engine, run_study
from lightning_cifar.study.train_job import Ended

DONE = Ended("done", ("a record",))


@pytest.fixture
def here(monkeypatch):
    """``run_in_process`` in this process: no watch on the parent, and Ctrl-C as it was."""
    monkeypatch.setattr(local_engine, "end_with", lambda parent: None)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_process_tells_its_epochs_and_its_end(here, monkeypatch):
    def attempt(job, study, on_epoch):
        assert (job, study) == ("job", "study")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        on_epoch(3, "members")
        return DONE

    monkeypatch.setattr(local_engine, "attempt", attempt)
    sent = []
    local_engine.run_in_process("job", "study", SimpleNamespace(send=sent.append), os.getpid())
    assert sent == [(3, "members"), DONE]


class Context:
    """In place of a way to start processes: it notes what would be started."""

    def __init__(self, messages, code=0):
        self.messages, self.code = list(messages), code
        self.closed = []

    def Pipe(self, duplex):
        assert duplex is False
        ours = SimpleNamespace(recv=self.receive)
        return ours, SimpleNamespace(close=lambda: self.closed.append("theirs"))

    def receive(self):
        if not self.messages:
            raise EOFError
        return self.messages.pop(0)

    def Process(self, target, args):
        self.target, self.arguments = target, args
        self.events = []
        note = self.events.append
        return SimpleNamespace(
            start=lambda: note("start"), join=lambda: note("join"), exitcode=self.code
        )


def test_a_worker_hands_on_epochs_and_gives_the_end(tmp_path):
    context, told = Context([(0, "one"), (1, "two"), DONE]), []
    worker = local_engine.Worker(context, "job", tmp_path)
    assert context.target is local_engine.run_in_process
    assert context.arguments[:2] == ("job", tmp_path)
    assert context.arguments[3] == os.getpid()
    assert (context.events, context.closed) == (["start"], ["theirs"])
    progress = SimpleNamespace(epoch=lambda *about: told.append(about))
    assert worker.listen(progress) is None
    assert worker.listen(progress) is None
    assert worker.listen(progress) is DONE
    assert told == [("job", 0, "one"), ("job", 1, "two")]
    assert context.events == ["start", "join"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, "its process ended with exit code 0"),
        (3, "its process ended with exit code 3"),
        (-9, "its process was ended by SIGKILL, perhaps for want of memory"),
        (-15, "its process was ended by SIGTERM"),
    ],
)
def test_a_process_that_ends_without_a_word_has_failed(tmp_path, code, reason):
    worker = local_engine.Worker(Context([], code), "job", tmp_path)
    assert worker.listen(None) == Ended("failed", (reason,))
    assert local_engine.death(code) == reason


def test_a_process_ends_with_its_parent(monkeypatch):
    ended = []
    monkeypatch.setattr(local_engine.os, "_exit", lambda code: ended.append(code))
    local_engine.end_with(os.getppid() + 1)
    assert ended == [1]
    watching = threading.Thread(target=local_engine.end_with, args=(os.getppid(),), daemon=True)
    monkeypatch.setattr(local_engine, "ORPHAN_CHECK", 0.01)
    watching.start()
    watching.join(0.05)
    assert watching.is_alive()  # as long as the parent lives
    monkeypatch.setattr(local_engine.os, "getppid", lambda: -1)
    watching.join(60)
    assert ended == [1, 1]


def test_one_worker_for_each_core(monkeypatch):
    job = SimpleNamespace(condition=SimpleNamespace(settings={"trainer": {"accelerator": "cpu"}}))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 4}, raising=False)
    assert run_study.default_workers([job]) == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, expected in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert run_study.default_workers([job]) == expected
