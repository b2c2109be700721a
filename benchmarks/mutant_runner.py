"""A pytest plugin that takes the place of the loop over the tests: it judges mutants.

The tests are collected once, with torch loaded; then each mutant has a forked process, which runs
the tests that reach the mutated function until one fails.
"""

import gc
import importlib
import math
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Generator
from itertools import accumulate
from typing import Any, final

import pytest

from benchmarks.mutant_processes import end_forked, in_child, start_forkserver
from benchmarks.mutant_reach import Reach, file_of_name, forget_cached
from benchmarks.mutant_sample import room_of
from benchmarks.mutant_verdicts import ENDLESS, NOTICED, SURVIVED, UNREACHED, Verdicts, function_of

# Loaded at a first use, which would be in every child.
LATE = ("torch._dynamo",)


@final
class Runner:
    """Finds a verdict on every mutant that has none.

    Args:
        mutants: their names.
        verdicts: what is known; gets the new verdicts.
        reach: which test reaches which function.
        patience: seconds of tests, as the unchanged program takes for them, that a mutant has to
            live through to be counted as not noticed; infinite for all that reach it.
    """

    def __init__(
        self, mutants: list[str], verdicts: Verdicts, reach: Reach, patience: float
    ) -> None:
        self.mutants = mutants
        self.verdicts = verdicts
        self.reach = reach
        self.patience = patience
        self.in_mutant = False
        self.terminal = os.fdopen(os.dup(2), "w")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Leave at a mutant's first failure, before pytest describes it at length."""
        if (
            self.in_mutant
            and call.excinfo
            and not call.excinfo.errisinstance(pytest.skip.Exception)
        ):
            os._exit(1)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """Tell the trace what a fixture calls that several tests share."""
        return (yield from self.reach.during_fixture(fixturedef))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell the trace of a failure."""
        self.reach.failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge the mutants."""
        base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        if "processes" in sys.modules:
            start_forkserver()
        items = {item.nodeid: item for item in session.items}
        self.trace(session.items)
        for name in LATE:
            importlib.import_module(name)
        gc.freeze()  # the collector of a child need not touch, and so copy, what it got from here
        left = [name for name in self.mutants if name not in self.verdicts.of]
        if left:
            self.control(left[0], items)
        start = time.monotonic()
        for done, mutant in enumerate(left, 1):
            self.verdicts.of[mutant] = self.verdict_on(mutant, *self.tests_for(mutant, items))
            for folder in base.iterdir():
                shutil.rmtree(folder, ignore_errors=True)
            if done % 5 == 0 or done == len(left):
                self.verdicts.save()
                self.tell(f"{done} of {len(left)}, {done / (time.monotonic() - start):.2f}/s")
        return True

    def tell(self, progress: str) -> None:
        """A line on the terminal with the counts so far."""
        counts = Counter(self.verdicts.of.get(name, "to do") for name in self.mutants)
        print(progress, dict(counts), file=self.terminal, flush=True)

    def trace(self, tests: list[pytest.Item]) -> None:
        """Find which test reaches which function, for files of tests that have changed."""
        stale = self.reach.stale(tests)
        if stale:
            status, _ = in_child(lambda: self.reach.trace(stale), math.inf)
            assert status == 0, "the tests could not be run on the unchanged program"
            end_forked()
        self.reach.load()

    def control(self, mutant: str, items: dict[str, pytest.Item]) -> None:
        """See that the unchanged program lives through the tests of the first mutant."""
        tests, seconds = self.tests_for(mutant, items)
        if tests and self.verdict_on("", tests, seconds) != SURVIVED:
            raise RuntimeError(f"the unchanged program fails the tests of {mutant}")

    def tests_for(
        self, mutant: str, items: dict[str, pytest.Item]
    ) -> tuple[list[pytest.Item], float]:
        """Tests that reach it: those named after its module, of its room, the quickest; seconds."""
        room, module = room_of(mutant), mutant.split(".")[-2]

        def order(test: tuple[str, float]) -> tuple[bool, bool, float]:
            file, place = file_of_name(test[0]), test[0].split("/")[1]
            others = not place.startswith((room, f"test_{room}"))
            return f"test_{module}" not in file, others, test[1]

        found = sorted(self.reach.of(function_of(mutant)).items(), key=order)
        before = accumulate((seconds for _, seconds in found), initial=0.0)
        chosen = [test for test, spent in zip(found, before, strict=False) if spent < self.patience]
        tests = [items[name] for name, _ in chosen if name in items]
        return tests, sum(seconds for _, seconds in chosen)

    def verdict_on(self, mutant: str, tests: list[pytest.Item], seconds: float) -> str:
        """Run ``tests``, which take ``seconds``, against ``mutant``."""
        if not tests:
            return UNREACHED
        self.reach.switch.SWITCHED_ON.write_text(mutant, encoding="utf-8")
        status, endless = in_child(lambda: self.run(mutant, tests), 5 + 4 * seconds)
        end_forked()
        if endless:
            return ENDLESS
        return NOTICED if status else SURVIVED

    def run(self, mutant: str, tests: list[pytest.Item]) -> None:
        """In a child: run tests until one fails, which ends the child with status 1."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # pytest's dots
        self.in_mutant = True
        forget_cached()
        self.reach.switch.switch_on(mutant)
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
