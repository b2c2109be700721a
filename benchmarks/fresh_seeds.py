"""Run the tests of the theory wing under seeds never seen before; keep a record of every run.

    python benchmarks/fresh_seeds.py --runs 5 --out benchmarks/results/fresh_seeds.json

Each kind gets that many runs: a hypothesis seed draws other examples, a torch seed shifts the seed
of every torch generator in experiments and tests. A test that passes by luck fails in some run.
``--kind torch --seed 7`` repeats one run. A run is added to the file when it ends, so the ten can
be made in several calls.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, versions

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("hypothesis", "torch")


@dataclass(frozen=True)
class Run:
    """One run of the suite: under which seed, and what came of it."""

    kind: str
    seed: int
    commit: str
    exit_code: int
    passed: int
    skipped: int
    failed: tuple[str, ...]
    examples: int
    controls_rejected: int
    seconds: float


def run_suite(kind: str, seed: int) -> Run:
    """Run ``pytest tests/theory`` once; its own output goes to this terminal."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/theory", "-q", f"--junit-xml={report}"]
        command += ["-o", "junit_family=xunit1"]  # which holds the tests' own properties
        environment = dict(os.environ)
        if kind == "hypothesis":
            command.append(f"--hypothesis-seed={seed}")
        else:
            environment["TORCH_SEED"] = str(seed)
        start = time.perf_counter()
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        seconds = time.perf_counter() - start
        suite = ElementTree.parse(report).getroot()
    return summarised(suite, Run(kind, seed, commit(), code, 0, 0, (), 0, 0, round(seconds, 1)))


def summarised(suite: ElementTree.Element, run: Run) -> Run:
    """``run`` with the counts of pytest's report."""
    cases = list(suite.iter("testcase"))
    failed = tuple(
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    )
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = {
        "passed": len(cases) - len(failed) - skipped,
        "skipped": skipped,
        "failed": failed,
        "examples": total(suite, "examples"),
        "controls_rejected": total(suite, "controls"),
    }
    return Run(**asdict(run) | counts)


def total(suite: ElementTree.Element, name: str) -> int:
    """Sum of a number that tests record about themselves."""
    return sum(
        int(each.get("value", 0)) for each in suite.iter("property") if each.get("name") == name
    )


def keep(run: Run, path: Path) -> None:
    """Add ``run`` to the file; it takes the place of an earlier run under the same seed."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": []}
    others = [
        each for each in record["runs"] if (each["kind"], each["seed"]) != (run.kind, run.seed)
    ]
    record = {"versions": versions(), "runs": [*others, asdict(run)]}
    write_text_atomically(path, json.dumps(record, indent=1) + "\n")


def main() -> int:
    """Run the suite as often as asked for; 1 if any run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=KINDS, help="only this kind of seed")
    parser.add_argument("--seed", type=int, help="this seed, not a fresh one")
    parser.add_argument("--runs", type=int, default=1, help="runs of each kind")
    parser.add_argument("--out", type=Path, required=True, help="JSON file that keeps the runs")
    options = parser.parse_args()
    codes = []
    for _ in range(options.runs):
        for kind in [options.kind] if options.kind else KINDS:
            seed = secrets.randbelow(2**31) if options.seed is None else options.seed
            run = run_suite(kind, seed)
            keep(run, options.out)
            print(f"{kind} seed {seed}: exit {run.exit_code}, {run.passed} passed, {run.failed}")
            codes.append(run.exit_code)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
