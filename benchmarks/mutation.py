"""Change the measuring code of the theory wing in thousands of ways; count what its tests notice.

    python -m pip install mutmut==3.8.1
    python benchmarks/mutation.py --out benchmarks/results/mutation.json

mutmut makes the mutants from the settings in ``pyproject.toml``; this script runs them. It
imports torch and collects the tests once, then forks: a child switches its mutant on and runs the
tests that reach the mutated function, quickest first, until one fails. Hypothesis stops at the
first failure instead of looking for the smallest. The limit on a mutant that never ends is on its
CPU time, so a busy or paused machine changes no verdict. Verdicts are kept in ``mutants/``: the
same command goes on after a break, ``--again`` judges once more what was not noticed, and without
that folder everything is judged afresh.
"""

import argparse
import gc
import hashlib
import json
import math
import os
import resource
import signal
import sys
import time
from collections import Counter
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any, final

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.chdir(ROOT)  # mutmut reads its settings from the folder it is in
os.environ["HYPOTHESIS_PROFILE"] = "mutation"

from mutmut import __main__ as mutmut  # noqa: E402
from mutmut.configuration import config  # noqa: E402
from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: E402
from mutmut.state import state  # noqa: E402

MEMORY = 4 * 2**30  # bytes a mutant may take beyond what its parent holds
NOTICED, SURVIVED, ENDLESS, UNREACHED = "noticed", "survived", "endless", "no test reaches it"


def make_mutants() -> list[str]:
    """Write the mutated sources below ``mutants/``; names of all mutants."""
    mutmut.set_mutant_under_test("mutant_generation")
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.setup_source_paths()
    mutmut.create_mutants(1)
    found, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return sorted(name for _, name, _ in found)


def function_of(mutant: str) -> str:
    """Mutants of one function share its name before the number."""
    return mutant.rpartition("__mutmut_")[0]


def switch_on(mutant: str) -> None:
    """Make this process run ``mutant``; the empty name is the unchanged program."""
    mutmut.set_mutant_under_test(mutant)


def forget_cached() -> None:
    """Empty every cache of the package: a test reaches a function only by calling it."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "theory":
            for value in vars(module).values():
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


@final
class Runner:
    """A pytest plugin that takes the place of the loop over the tests."""

    def __init__(self, mutants: list[str], verdicts: dict[str, str], target: Path) -> None:
        self.mutants = mutants
        self.verdicts = verdicts
        self.target = target
        self.failed = False
        self.in_mutant = False
        self.terminal = os.fdopen(os.dup(2), "w")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        self.failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Leave at a mutant's first failure, before pytest describes it at length."""
        if (
            self.in_mutant
            and call.excinfo
            and not call.excinfo.errisinstance(pytest.skip.Exception)
        ):
            os._exit(1)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Find a verdict on every mutant that has none."""
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        items = {item.nodeid: item for item in session.items}
        reached = self.reached(session.items)
        gc.freeze()  # the collector of a child need not touch, and so copy, what it got from here
        start, left = time.monotonic(), [name for name in self.mutants if name not in self.verdicts]
        for done, mutant in enumerate(left):
            tests = sorted(reached.get(function_of(mutant), {}).items(), key=lambda pair: pair[1])
            chosen = [items[name] for name, _ in tests]
            self.verdicts[mutant] = self.verdict_on(mutant, chosen, sum(each for _, each in tests))
            if done % 100 == 99 or done + 1 == len(left):
                self.target.write_text(json.dumps(self.verdicts, indent=0), encoding="utf-8")
                pace = (done + 1) / (time.monotonic() - start)
                print(done + 1, "of", len(left), f"{pace:.1f}/s", file=self.terminal, end=" ")
                print(dict(Counter(self.verdicts.values())), file=self.terminal, flush=True)
        return True

    def reached(self, tests: list[pytest.Item]) -> dict[str, dict[str, float]]:
        """``trace`` in a child, or what it found when sources and tests were the same."""
        sources = sorted(path for name in ("theory", "tests") for path in Path(name).rglob("*.py"))
        key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        cache = self.target.with_name(f"reached-{key[:16]}.json")
        if not cache.exists():
            cache.write_bytes(self.in_child(lambda: self.trace(tests), math.inf)[1])
        return dict(json.loads(cache.read_text(encoding="utf-8")))

    def verdict_on(self, mutant: str, tests: list[pytest.Item], seconds: float) -> str:
        """Run ``tests``, which take ``seconds`` of CPU, against ``mutant``."""
        if not tests:
            return UNREACHED
        status, _ = self.in_child(lambda: self.run(mutant, tests), 5 + 10 * seconds)
        if os.WIFSIGNALED(status):
            return ENDLESS if os.WTERMSIG(status) == signal.SIGXCPU else NOTICED
        return NOTICED if os.WEXITSTATUS(status) else SURVIVED

    def run(self, mutant: str, tests: list[pytest.Item]) -> str:
        """In a child: run tests until one fails, which ends the child with status 1."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # pytest's dots
        self.in_mutant = True
        switch_on(mutant)
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        return ""

    def trace(self, tests: list[pytest.Item]) -> str:
        """In a child: function → test → CPU seconds, for every function a test calls."""
        switch_on("stats")
        reached: dict[str, dict[str, float]] = {}
        for test in tests:
            forget_cached()
            state()._stats.clear()
            start = time.process_time()
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=None)
            assert not self.failed, f"{test.nodeid} fails on the unchanged program"
            for function in state()._stats:
                reached.setdefault(function, {})[test.nodeid] = time.process_time() - start
        return json.dumps(reached)

    def in_child(self, action: Any, seconds: float) -> tuple[int, bytes]:
        """Do ``action`` in a forked process; its exit status and the text that it returned."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            if math.isfinite(seconds):
                limit = math.ceil(seconds)
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
                used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
            code = 2
            try:
                with os.fdopen(write, "w") as pipe:
                    pipe.write(action())
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            text = pipe.read()
        return os.waitpid(child, 0)[1], text


def summary(verdicts: dict[str, str]) -> dict[str, Any]:
    """Counts, the share noticed, and what each mutant changed that was not noticed."""
    counts = Counter(verdicts.values())
    noticed = counts[NOTICED] + counts[ENDLESS]
    quiet = sorted(name for name, verdict in verdicts.items() if verdict in (SURVIVED, UNREACHED))
    return {
        "mutants": counts.total(),
        "counts": dict(counts),
        "share_noticed": round(noticed / counts.total(), 4),
        "not_noticed": {name: changed_lines(name) for name in quiet},
    }


def changed_lines(mutant: str) -> list[str]:
    """The lines of the difference that ``mutant`` makes."""
    lines = get_diff_for_mutant(mutant).splitlines()
    return [
        line[0] + line[1:].strip()
        for line in lines
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    ]


def main() -> int:
    """Make the mutants, judge those without a verdict, write and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--again", action="store_true", help="run the mutants that were not noticed again"
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the counts")
    options = parser.parse_args()
    out, target = options.out.resolve(), ROOT / "mutants" / "verdicts.json"
    names = make_mutants()
    verdicts = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    verdicts = {name: verdicts[name] for name in names if name in verdicts}
    if options.again:
        verdicts = {
            name: verdicts[name] for name in verdicts if verdicts[name] in (NOTICED, ENDLESS)
        }
    runner = Runner(names, verdicts, target)
    os.chdir("mutants")
    switch_on("")
    tests = config().pytest_add_cli_args_test_selection
    code = pytest.main(["-q", "--rootdir=.", "-p", "no:cacheprovider", *tests], plugins=[runner])
    os.chdir(ROOT)
    result = summary(runner.verdicts)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in result.items() if key != "not_noticed"})
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
