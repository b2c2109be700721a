"""Change the code of a wing in thousands of ways; count what its tests notice.

    python -m pip install mutmut==3.8.1 pyarrow
    python -m benchmarks.mutation theory
    python -m benchmarks.mutation lightning_cifar --sample 400 --seed 1 --patience 30
    python -m benchmarks.mutation_page

mutmut makes the mutants, by the settings of the wing in ``pyproject.toml``; the rest is done here
(``mutant_runner.py``). Hypothesis stops at the first failure instead of looking for the smallest.
Verdicts are kept in ``mutants/``, each as long as its function's source is the same: the command
goes on after a break, ``--again`` judges once more what was not noticed, as after a new test, and
without that folder everything is judged afresh. One wing at a time: both use that folder.

``--sample`` judges mutants drawn at random, from each room in proportion to how many it has; a
larger one with the same seed goes on where a smaller one ended.
``--patience`` counts as not noticed what lives through so many seconds of tests, those named after
its module and those of its room first: the share can only come out too small.
"""

import argparse
import compileall
import hashlib
import importlib
import json
import math
import os
import shutil
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import libcst
import pytest
from mutmut import __main__ as mutmut
from mutmut import configuration
from mutmut.mutation import file_mutation
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.state import state

from benchmarks.mutant_reach import PACKAGES, Reach
from benchmarks.mutant_runner import Runner
from benchmarks.mutant_sample import drawn, interval
from benchmarks.mutant_sources import write_chosen
from benchmarks.mutant_verdicts import (
    ENDLESS,
    NOTICED,
    RESULTS,
    SURVIVED,
    UNREACHED,
    Verdicts,
)

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "mutants"  # every mutant, as mutmut makes them
JUDGED = MUTANTS / "judged"  # a copy in which the tests run, with those to be judged
IMPORTED = "from mutant_switch import wrap_in_trampoline as _mutmut_mutated, MutantDict\n"


def choose_wing(wing: str) -> None:
    """Give mutmut the settings of this wing."""
    table = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    settings = table["tool"]["mutmut"][wing]
    configuration._config_reader = lambda: settings.get
    configuration.reset_config()


def make_mutants() -> list[str]:
    """Write the mutated sources below ``mutants/``; names of all mutants."""
    file_mutation.trampoline_impl_cst[:] = libcst.parse_module(IMPORTED).body
    mutmut.set_mutant_under_test("mutant_generation")
    shutil.rmtree(MUTANTS / "tests", ignore_errors=True)
    shutil.rmtree(JUDGED, ignore_errors=True)
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    shutil.copy(ROOT / "benchmarks" / "mutant_switch.py", MUTANTS)
    mutmut.create_mutants(1)
    found, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return sorted(name for _, name, _ in found)


def be_forgotten() -> None:
    """Let no process that the tests start import this script as its parent's main module."""
    main_module = sys.modules["__main__"]
    main_module.__spec__ = None
    del main_module.__file__


def source_hash(wing: str) -> str:
    """Hash of what every test of the wing depends on: its sources, helpers and fixtures."""
    files = [*Path(wing).rglob("*.py"), *Path("tests/helpers").glob("*.py")]
    files += Path("tests").rglob("conftest.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()


def judge(wing: str, mutants: list[str], verdicts: Verdicts, patience: float) -> None:
    """Find the verdicts that are missing."""
    sources = source_hash(wing)
    loaded = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
    if loaded:
        raise RuntimeError(f"loaded before its mutants were there: {loaded}")
    left = [name for name in mutants if name not in verdicts.of]
    write_chosen(MUTANTS, left, JUDGED)
    sys.path[:] = [str(JUDGED), *(each for each in sys.path if Path(each).resolve() != ROOT)]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False  # or every process that a test starts compiles all mutants
    for package in PACKAGES:
        compileall.compile_dir(JUDGED / package, quiet=2)
    switch = importlib.import_module("mutant_switch")
    switch.SWITCHED_ON.write_text("", encoding="utf-8")
    switch.switch_on("")
    reach = Reach(reach_file(wing), switch, sources)
    runner = Runner(mutants, verdicts, reach, patience)
    tests = configuration.config().pytest_add_cli_args_test_selection
    os.chdir(JUDGED)
    be_forgotten()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder  # what children that are ended leave
        places = ["--rootdir=.", f"--basetemp={folder}/tests"]
        code = pytest.main(["-q", *places, "-p", "no:cacheprovider", *tests], plugins=[runner])
    os.chdir(ROOT)
    if code:
        raise SystemExit(f"pytest ended with {code!r}")


def reach_file(wing: str) -> Path:
    """Where it is kept which test reaches which function."""
    return MUTANTS / f"reached-{wing}.json"


def left_out(wing: str) -> list[str]:
    """Tests that fail on the unchanged program, as mutmut writes it: they judge nothing."""
    kept = json.loads(reach_file(wing).read_text(encoding="utf-8"))
    return [test for of_file in kept.values() for test in of_file["failing"]]


def summary(names: list[str], verdicts: dict[str, str]) -> dict[str, Any]:
    """Counts, the share noticed, and what each mutant changed that was not noticed."""
    counts = Counter(verdicts[name] for name in names)
    noticed = counts[NOTICED] + counts[ENDLESS]
    quiet = [name for name in names if verdicts[name] in (SURVIVED, UNREACHED)]
    return {
        "mutants": counts.total(),
        "counts": dict(counts),
        "share_noticed": round(noticed / counts.total(), 4),
        "interval": [round(bound, 4) for bound in interval(noticed, counts.total())],
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


def main() -> None:
    """Make the mutants, judge those without a verdict, write and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wing", choices=list(RESULTS))
    parser.add_argument("--sample", type=int, metavar="N", help="judge N mutants drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument(
        "--patience", type=float, default=math.inf, metavar="SECONDS", help="of tests, per mutant"
    )
    parser.add_argument("--again", action="store_true", help="judge what was not noticed again")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    choose_wing(options.wing)
    everything = make_mutants()
    names = drawn(everything, options.sample, options.seed) if options.sample else everything
    kept = MUTANTS / f"verdicts-{options.wing}.json"
    verdicts = Verdicts(kept, state().current_function_hashes)
    if options.again:
        verdicts.forget_unnoticed(names)
    if not set(names) <= verdicts.of.keys():
        judge(options.wing, names, verdicts, options.patience)
    result = {
        "all_mutants": len(everything),
        "sample_seed": options.seed if options.sample else None,
        "patience": options.patience if math.isfinite(options.patience) else None,
        "tests_left_out": left_out(options.wing),
        **summary(names, verdicts.of),
    }
    RESULTS[options.wing].write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in result.items() if key != "not_noticed"})


if __name__ == "__main__":
    main()
