"""Whose threads make a step, and what happens where one of them keeps the others waiting."""

import ctypes
import os
import shutil
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
import torch
from controls import assert_rejects
from kernel_samples import needs_compiler

from lightning_cifar.native import compiler, library, operations
from lightning_cifar.native.operations import Operation

pytestmark = needs_compiler
PART = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
PARALLEL = ctypes.CFUNCTYPE(None, PART, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
NUMBER = ctypes.CFUNCTYPE(ctypes.c_int)
JOBS, LATE = 100, 0.01


@pytest.fixture
def kernels(tmp_path):
    """A library of this test alone: what it has learned of its threads is its own."""
    copy = tmp_path / "kernels.so"
    shutil.copy(compiler.compiled("float32"), copy)
    return library.Kernels(library.loaded(copy))


def double(kernels, values, threads):
    kernels.run((Operation * 1)(operations.entries("scale", values, [values], (2.0,))), threads)


class Team:
    """Threads as OpenMP's, of which all but the first come so many seconds late."""

    def __init__(self, kernels, late, size=2):
        self.late, self.size, self.asked = late, size, 0
        self.own = threading.local()
        numbers = (lambda: self.size, lambda: self.own.number)
        self.kept = [PARALLEL(self.parallel), *map(NUMBER, numbers)]
        kernels.loaded.adopt(*self.kept)

    def parallel(self, part, data, threads, flags):
        self.asked += 1
        helpers = [
            threading.Thread(target=self.make, args=(part, data, number))
            for number in range(1, self.size)
        ]
        for helper in helpers:
            helper.start()
        self.make(part, data, 0)
        for helper in helpers:
            helper.join()

    def make(self, part, data, number):
        self.own.number = number
        time.sleep(self.late if number else 0.0)
        part(data)


def learns(kernels, waits, parts=2, jobs=2000):
    """Which of many jobs, a second each, a team is asked for, with so many seconds of waiting."""
    learn = kernels.loaded.learn
    learn.argtypes = [ctypes.c_double, ctypes.c_double, ctypes.c_int]
    learn.restype = ctypes.c_int64
    asked, alone = [], 0
    for job in range(jobs):
        if alone == 0:
            asked.append(job)
            alone = learn(1.0, waits(job), parts)
        else:
            alone -= 1
    return asked


@pytest.mark.parametrize(("parts", "bearable"), [(2, 1 / 2), (4, 3 / 4), (16, 15 / 16)])
def test_a_team_is_asked_while_it_is_faster_than_one(kernels, parts, bearable):
    """Of n threads, each works for as long as it does not wait, and one would work n times that."""
    assert learns(kernels, lambda job: bearable - 0.01, parts) == list(range(2000))


@pytest.mark.parametrize(("parts", "bearable"), [(2, 1 / 2), (4, 3 / 4), (16, 15 / 16)])
def test_who_waits_longer_goes_on_alone_and_asks_now_and_then(kernels, parts, bearable):
    asked = learns(kernels, lambda job: (bearable + 1) / 2, parts)
    assert 3 < len(asked) < 100
    gaps = [after - before for before, after in pairwise(asked)]
    assert 16 < max(gaps) <= 513


def test_one_long_wait_changes_little(kernels):
    asked = learns(kernels, lambda job: 0.9 * (job == 500))
    assert len(asked) == 2000


def test_after_a_busy_time_all_are_asked_again(kernels):
    asked = learns(kernels, lambda job: 0.9 if job < 1000 else 0.0)
    assert asked[-400:] == list(range(1600, 2000))


def test_waiting_is_measured(kernels):
    """By the clock, so that no more is claimed than that somebody notices."""

    def check(late, size):
        team = Team(kernels, late, size)
        for _ in range(JOBS):
            values = torch.ones(2, 4)
            double(kernels, values, threads=2)
            assert values.eq(2).all()
        assert team.asked < JOBS, "nobody has gone on alone"

    assert_rejects(lambda: check(0.0, 1))
    check(LATE, 2)  # afterwards, because the library does not forget it at once


def test_one_thread_asks_nobody(kernels):
    team = Team(kernels, 0.0)
    double(kernels, torch.ones(4), threads=1)
    assert team.asked == 0


COUNTS = """
import os, torch
from lightning_cifar.native import library, operations
torch.set_num_threads(2)
torch.ones(2_000_000).mul_(2.0)
few = torch.ones(1000)
for threads in (2, 3):
    before = len(os.listdir("/proc/self/task"))
    negate = operations.entries("scale", few, [few], (-1.0,))
    for _ in range(2000):  # they are asked now and then even while they keep the first one waiting
        library.kernels(few).run((operations.Operation * 1)(negate), threads)
    print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are listed on Linux only")
def test_kernels_use_the_threads_of_pytorch():
    """Their second thread is there already, after a call of PyTorch's; a third one is not."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "1"]


def test_a_pytorch_without_openmp_leaves_them_one_thread(kernels, monkeypatch):
    monkeypatch.setattr(library, "OPENMP", ("no_such_function",))
    library.give_threads(kernels.loaded)
    values = torch.ones(2, 4)
    double(kernels, values, threads=2)
    assert values.eq(2).all()


def test_a_forked_process_computes_with_one_thread():
    """Those of the process that it comes from are not in it, and OpenMP would wait for them."""
    left, right = torch.randn(64, 64), torch.randn(64, 64)
    out = torch.zeros(64, 64)
    operation = (Operation * 1)(operations.product(left, right, out))
    run = library.kernels(out).run
    run(operation, 2)
    child = os.fork()
    if child == 0:
        out.zero_()
        run(operation, 2)
        os._exit(0 if torch.allclose(out, left @ right, atol=1e-4) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FIRST_IN_A_FORK = """
import os, signal, torch
from lightning_cifar.native import library
few = torch.ones(4)
torch.set_num_threads(2)
torch.ones(2_000_000).mul_(2.0)
child = os.fork()
if child == 0:
    signal.alarm(60)
    torch.set_num_threads(1)
    assert library.kernels(few) is not None, library.why_none(few)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_a_forked_process_that_is_the_first_to_ask_for_kernels_gets_them():
    """With one thread, as PyTorch needs it there: their trial must not wait for a second one."""
    compiler.compiled("float32")
    subprocess.run([sys.executable, "-c", FIRST_IN_A_FORK], check=True)
