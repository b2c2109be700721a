"""Seconds until help and messages appear, each in a fresh process; the median of some rounds.

    python benchmarks/startup_time.py --out benchmarks/results/startup_time.json --before FOLDER

``--before`` names another checkout, whose commands are timed in turn with this one's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lightning_cifar.runs.provenance import commit, versions

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "help": ["lightning_cifar", "--help"],
    "fit_help": ["lightning_cifar", "fit", "--help"],
    "wrong_option": ["lightning_cifar", "fit", "--data.batchsize=3"],
    "wrong_variant": ["lightning_cifar", "fit", "--model=SeluClasifier"],
    "wrong_setting_in_a_file": ["lightning_cifar", "fit", "--config", "wrong.yaml"],
    "predict_help": ["lightning_cifar", "predict", "--help"],
    "theory_help": ["theory", "--help"],
    "theory_list": ["theory", "list"],
}


def main() -> int:
    """Time every command in turn, print the medians and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="checkout to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    folders = {"now": ROOT} | ({"before": options.before.resolve()} if options.before else {})
    seconds: dict[str, dict[str, list[float]]] = {
        name: {when: [] for when in folders} for name in COMMANDS
    }
    for _ in range(options.rounds):
        for name, arguments in COMMANDS.items():
            for when, folder in folders.items():
                seconds[name][when].append(timed(arguments, folder))
    medians = {
        name: {when: round(statistics.median(each), 3) for when, each in times.items()}
        for name, times in seconds.items()
    }
    for name, each in medians.items():
        print(name.ljust(26), "  ".join(f"{when} {value:6.2f} s" for when, value in each.items()))
    result = {
        "medians": medians,
        "seconds": seconds,
        "cores": len(os.sched_getaffinity(0)),
        "versions": versions(),
        "commit": commit(),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def timed(arguments: list[str], folder: Path) -> float:
    """Seconds of one call of the modules in ``folder``, beside a faulty configuration."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "wrong.yaml").write_text("data: {batchsize: 3}\n")
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            capture_output=True,
            check=False,
        )
        return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
