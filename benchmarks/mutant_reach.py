"""Which test reaches which function of the mutated packages, and how long it takes."""

import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from functools import _lru_cache_wrapper
from pathlib import Path
from types import ModuleType
from typing import Any, final

import pytest

PACKAGES = ("lightning_cifar", "theory")


def forget_cached() -> None:
    """Empty every cache of the packages: a test reaches a function only by calling it."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in PACKAGES:
            for value in vars(module).values():
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


@final
class Reach:
    """What was found by running the unchanged program, kept in a file for each file of tests.

    Args:
        file: where it is kept.
        switch: the module ``mutant_switch`` that the mutated sources have loaded.
        sources: hash of what all files of tests depend on.
    """

    def __init__(self, file: Path, switch: ModuleType, sources: str) -> None:
        self.file = file
        self.switch = switch
        self.sources = sources
        self.kept: dict[str, Any] = {}
        self.tests: dict[str, dict[str, float]] = {}
        self.failed = False
        self._keys: dict[str, str] = {}
        self._tracing = False
        self._called: set[str] = set()
        self._fixtures: dict[int, tuple[set[str], float]] = {}
        if file.exists():
            self.kept = json.loads(file.read_text(encoding="utf-8"))

    def of(self, function: str) -> dict[str, float]:
        """Tests that reach ``function``, with seconds."""
        return self.tests.get(function, {})

    def stale(self, tests: Iterable[pytest.Item]) -> list[pytest.Item]:
        """Return the tests of files that have changed since they were run."""
        files: dict[str, list[pytest.Item]] = defaultdict(list)
        for test in tests:
            files[file_of(test)].append(test)
        self.kept = {name: kept for name, kept in self.kept.items() if name in files}
        self._keys = {
            name: hashlib.sha256(self.sources.encode() + Path(name).read_bytes()).hexdigest()
            for name in files
        }
        return [
            test
            for name, members in files.items()
            if self.kept.get(name, {}).get("key") != self._keys[name]
            for test in members
        ]

    def load(self) -> None:
        """Read the file; function -> test -> seconds."""
        self.kept = json.loads(self.file.read_text(encoding="utf-8"))
        for kept in self.kept.values():
            for test, (seconds, functions) in kept["tests"].items():
                for function in functions:
                    self.tests.setdefault(function, {})[test] = seconds
        if not self.tests:
            raise RuntimeError("no test reaches a mutated function: are the mutants imported?")

    def trace(self, tests: list[pytest.Item]) -> None:
        """In a child: run ``tests`` and write what they call."""
        self._tracing = True
        self.switch.SWITCHED_ON.write_text("stats", encoding="utf-8")
        self.switch.switch_on("stats")
        passed: dict[str, tuple[float, list[str]]] = {}
        failing: list[str] = []
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            seconds, functions = self._traced(test, following)
            if self.failed:
                failing.append(test.nodeid)
            else:
                passed[test.nodeid] = (round(seconds, 4), sorted(functions))
            name = file_of(test)
            if following is None or file_of(following) != name:
                self.kept[name] = {"key": self._keys[name], "tests": passed, "failing": failing}
                self.file.write_text(json.dumps(self.kept), encoding="utf-8")
                passed, failing = {}, []

    def _traced(self, test: pytest.Item, following: pytest.Item | None) -> tuple[float, set[str]]:
        forget_cached()
        self.failed, self._called = False, set()
        self.switch.called()
        groups = test._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
        shared = [id(each) for group in groups for each in group]
        earlier = [self._fixtures[each] for each in shared if each in self._fixtures]
        start = time.monotonic()
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        seconds = time.monotonic() - start + sum(each for _, each in earlier)
        return seconds, self._called.union(self.switch.called(), *(each for each, _ in earlier))

    def during_fixture(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Around a fixture's set-up: note what it calls, if several tests share it."""
        if not self._tracing or fixturedef.scope == "function":
            return (yield)
        before, start = self._called | self.switch.called(), time.monotonic()
        self._called = set()
        try:
            return (yield)
        finally:
            mine = self._called | self.switch.called()
            self._fixtures[id(fixturedef)] = (mine, time.monotonic() - start)
            self._called = before | mine


def file_of(test: pytest.Item) -> str:
    """The file of a test, as its name begins."""
    return file_of_name(test.nodeid)


def file_of_name(test: str) -> str:
    """The file of the test called ``test``."""
    return test.partition("::")[0]
