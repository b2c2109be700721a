"""Kill a small study at random moments, start it again, compare its records with one left alone.

    python -m benchmarks.kill_study --kills 10 --out benchmarks/results/kill_study.json

Every kill is a SIGKILL of the process that runs the real command line. A study that was killed and
went on must end with the records of the undisturbed one to the last digit; only seconds and commit
may differ. A study that ends before all kills are spent is followed by another one.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import lightning_cifar.study.run_study  # noqa: F401  imported here once, not in every child
from benchmarks.kill_test import finish, kill, start, wait
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, versions
from lightning_cifar.stack import progress as stack_progress

STUDY = """
variants: [selu, alpha_dropout]
seeds: 3
set_ups:
  plain: {overlays: [small]}
  cycle: {overlays: [one_cycle, small], variants: [batch_norm]}
"""
SMALL = """
trainer: {max_epochs: 4, accelerator: cpu}
data: {source: synthetic, batch_size: 250}
model: {init_args: {depth: 3, width: 16}}
learning_rate_search: {candidates: 2, epochs: 1}
early_stopping: {patience: 4}
"""
ARGUMENTS = ["study", "--config", "study.yaml", "--out", "study", "--workers", "1"]
LEFT_OUT = ("seconds", "commit", "seal")  # the seal is over the other two


@dataclass(frozen=True)
class Trial:
    """One study that was killed and went on.

    Attributes:
        lives: seconds after which it was killed, each time.
        records: how many records it had after each kill.
        differences: names of records that are not those of the undisturbed study.
    """

    lives: tuple[float, ...]
    records: tuple[int, ...]
    differences: tuple[str, ...]


def new_folder(folder: Path) -> Path:
    """A folder with the files of a study."""
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    (folder / "small.yaml").write_text(SMALL)
    return folder


def records(study: Path) -> dict[str, Any]:
    """The records of a study without what may differ."""
    return {
        path.stem: comparable(json.loads(path.read_text()))
        for path in sorted((study / "records").glob("*.json"))
    }


def comparable(value: Any) -> Any:
    """Nested values without seconds, commit and seal."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items() if key not in LEFT_OUT}
    return [comparable(each) for each in value] if isinstance(value, list) else value


def differences(study: Path, reference: Path) -> tuple[str, ...]:
    """Names of the records that one has and the other has not, or has differently."""
    ours, theirs = records(study), records(reference)
    names = sorted(ours.keys() | theirs.keys())
    return tuple(name for name in names if ours.get(name) != theirs.get(name))


def killed_and_finished(
    folder: Path, reference: Path, arguments: list[str], lives: Iterator[float]
) -> Trial:
    """Kill a study after each of ``lives`` seconds, as long as it lasts, and let it finish."""
    lived, stood = [], []
    for seconds in lives:
        child = start(arguments, folder)
        if wait(child, seconds) is not None:
            break
        kill(child)
        lived.append(round(seconds, 3))
        stood.append(len(list((folder / "study" / "records").glob("*.json"))))
    finish(arguments, folder)
    return Trial(tuple(lived), tuple(stood), differences(folder / "study", reference))


def trials(root: Path, kills: int, moments: random.Random) -> Iterator[Trial]:
    """Studies until all kills are spent."""
    arguments = [*ARGUMENTS, "--data.cache", str(root / "cache")]
    folder = new_folder(root / "undisturbed")
    finish(arguments, new_folder(root / "warm"))  # draws the images
    started = time.monotonic()
    finish(arguments, folder)
    seconds = time.monotonic() - started
    left = kills
    while left > 0:
        lives = (moments.uniform(0, seconds / 2) for _ in range(left))
        place = new_folder(root / f"killed-{left}")
        trial = killed_and_finished(place, folder / "study", arguments, lives)
        yield trial
        left -= len(trial.lives)


def main() -> int:
    """Make the trials and print what differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--out", type=Path, help="JSON file for the trials")
    options = parser.parse_args()
    torch.set_num_threads(1)
    stack_progress.SECONDS_BETWEEN_CHECKPOINTS = 0.0  # a small stack ends within twenty seconds
    made = []
    with tempfile.TemporaryDirectory() as root:
        for trial in trials(Path(root), options.kills, random.Random(options.seed)):
            made.append(trial)
            verdict = f"differs in {', '.join(trial.differences)}" if trial.differences else "same"
            print(
                f"killed after {trial.lives} s with {trial.records} records: {verdict}", flush=True
            )
    kills = sum(len(trial.lives) for trial in made)
    same = sum(not trial.differences for trial in made)
    print(f"{kills} kills; {same} of {len(made)} studies have the records of the undisturbed one")
    if options.out:
        result = {"commit": commit(), "versions": versions(), "kills": kills}
        result |= {"trials": [asdict(trial) for trial in made]}
        write_text_atomically(options.out, json.dumps(result, indent=1) + "\n")
    return 0 if same == len(made) else 1


if __name__ == "__main__":
    sys.exit(main())
