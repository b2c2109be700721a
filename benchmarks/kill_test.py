"""Kill small runs at chosen and random moments, resume them, compare with runs left alone.

    python benchmarks/kill_test.py --kills 20 --out benchmarks/results/kill_test.json

One process imports everything once and forks; each child runs the real command line and is ended by
SIGKILL, which no program can catch. A resumed run must have the same weights, optimiser state,
curves and record as the run of the same settings that was not killed, to the last bit; only
seconds may differ.
"""

import argparse
import importlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import lightning_cifar.cli.command
import lightning_cifar.rate_search.callback
import lightning_cifar.rate_search.picture  # noqa: F401  imported here once, not in every child
from lightning_cifar.__main__ import main as run_main
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.configuration import CONFIG_FILE
from lightning_cifar.runs.folders import BEST_FILE, LAST_FILE
from lightning_cifar.runs.provenance import commit, versions
from lightning_cifar.runs.records import CURVES_FILE, RECORD_FILE

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
SCHEDULES = ("constant", "one_cycle")
EPOCHS = 4
CLASSIFIER = "lightning_cifar.classifiers:DenseClassifier"
LIMIT = 240  # seconds after which a child counts as hung
STEPS = 36  # of an epoch, with the settings below

# What the killed process was about to do, and for the how-manieth time.
MOMENTS: dict[str, tuple[str, int]] = {
    "cache building": ("lightning_cifar.data.array_cache:write_part", 2),
    "rate search": ("lightning_cifar.rate_search.race:train_many", 1),
    "after the search": ("lightning_cifar.cli.command:WriteRunRecord.on_train_epoch_start", 1),
    "mid-epoch": ("lightning_cifar.backprop.module:HandTrained._update", STEPS + 7),
    "validation": (f"{CLASSIFIER}.validation_step", 2),
    "checkpoint half written": ("lightning_cifar.runs.checkpoints:write_atomically", 4),
    "between two checkpoints": ("lightning_cifar.cli.command:ResumePoint.on_train_epoch_end", 3),
    "epoch boundary": (f"{CLASSIFIER}.on_train_epoch_start", 3),
    "after the last epoch": ("lightning_cifar.cli.command:WriteRunRecord.on_fit_end", 1),
}
COMPARED = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "epoch", "global_step")


@dataclass(frozen=True)
class Trial:
    """One kill: of which run, when, and what differed after the resume (nothing, we hope)."""

    variant: str
    schedule: str
    moment: str
    differences: tuple[str, ...]


def command(variant: str, schedule: str) -> list[str]:
    """A small fit of a variant; its paths are relative, so all runs have one configuration."""
    configs = [CONFIGS / f"{variant}.yaml"]
    configs += [CONFIGS / "one_cycle.yaml"] if schedule == "one_cycle" else []
    settings = {
        "run": "run",
        "trainer.accelerator": "cpu",
        "trainer.max_epochs": EPOCHS,
        "data.source": "synthetic",
        "data.cache": "cache",
        "data.batch_size": 250,
        "model.init_args.depth": 3,
        "model.init_args.width": 16,
        "learning_rate_search.cache": "cache",
        "learning_rate_search.candidates": 2,
        "learning_rate_search.epochs": 1,
    }
    flags = [f"--{key}={value}" for key, value in settings.items()]
    return ["fit", *(f"--config={path}" for path in configs), *flags]


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def set_trap(target: str, calls: int) -> None:
    """Kill this process when ``target`` ("module:name.name") is called for the ``calls``-th time.

    A writer of files is killed with half of its file written, anything else before it acts.
    """
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    original = getattr(owner, name)
    left = calls

    def trapped(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left > 0:
            return original(*arguments, **options)
        if name == "write_atomically":
            return original(arguments[0], lambda file: write_half(file, arguments[1]))
        return die()

    setattr(owner, name, trapped)


def write_half(file: Any, write: Callable[[Any], object]) -> None:
    """Write the first half of what ``write`` would, and die."""
    whole = io.BytesIO()
    write(whole)
    file.write(whole.getvalue()[: whole.tell() // 2])
    file.flush()
    die()


def start(arguments: list[str], folder: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """Fork a child that runs a command line in ``folder``; returns its process number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        with (folder / "log.txt").open("a", buffering=1) as log, chdir(folder):
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            prepare()
            code = run_main(arguments)
    finally:
        os._exit(code)


def wait(child: int, seconds: float = LIMIT) -> int | None:
    """The exit code of a child (negative: the signal that ended it); None if it still runs."""
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(0.002)


def kill(child: int) -> int:
    """Kill a child; returns its exit code, which shows whether the kill came in time."""
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def finish(arguments: list[str], folder: Path) -> None:
    """Run a command line in a child to its end.

    Raises:
        RuntimeError: it failed or hung; with what it had printed.
    """
    child = start(arguments, folder)
    code = wait(child)
    if code != 0:
        code = kill(child) if code is None else code
        raise RuntimeError(f"exit code {code}\n{(folder / 'log.txt').read_text()}")


def resumed(arguments: list[str], folder: Path) -> None:
    """Continue a killed run; one that was killed before its folder held anything begins anew."""
    run = folder / "run"
    if (run / CONFIG_FILE).exists():
        finish([*arguments, "--resume"], folder)
        return
    shutil.rmtree(run, ignore_errors=True)
    finish(arguments, folder)


def differences(run: Path, other: Path) -> tuple[str, ...]:
    """Names of everything in which two run folders differ, seconds apart."""
    ours, theirs = contents(run), contents(other)
    return tuple(name for name in ours if not same(ours[name], theirs[name]))


def contents(run: Path) -> dict[str, Any]:
    """All that must be the same: files, and parts of checkpoints."""
    last = load_checkpoint(run / LAST_FILE)
    curves = [line.rpartition(",")[0] for line in (run / CURVES_FILE).read_text().splitlines()]
    here = str(run.parent.absolute())  # each run has its folder, and in it its cache
    record = json.loads((run / RECORD_FILE).read_text().replace(here, ""))
    del record["commit"]  # of this repository, in which somebody may commit meanwhile
    return {
        "best.ckpt": load_checkpoint(run / BEST_FILE),
        **{f"last.ckpt {name}": last[name] for name in COMPARED},
        "metrics.csv": curves,
        "record.json": record,
        "config.yaml": (run / CONFIG_FILE).read_text().replace(here, ""),
    }


def same(one: Any, other: Any) -> bool:
    """Equality to the last bit of nested values, seconds left out."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        keys = [{key for key in each if "seconds" not in str(key)} for each in (one, other)]
        return keys[0] == keys[1] and all(same(one[key], other[key]) for key in keys[0])
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def killed_at_random(
    arguments: list[str], folder: Path, moments: random.Random, seconds: float
) -> bool:
    """Start a run and kill it within ``seconds``; whether that was before its end."""
    child = start(arguments, folder)
    if wait(child, moments.uniform(0, seconds)) is None:
        return kill(child) == -signal.SIGKILL
    return False


def killed_at(arguments: list[str], folder: Path, moment: str) -> bool:
    """Start a run that kills itself at a named moment; whether it came to that."""
    child = start(arguments, folder, lambda: set_trap(*MOMENTS[moment]))
    code = wait(child)
    if code is None:
        kill(child)
    return code == -signal.SIGKILL


class Laboratory:
    """Folders for runs, with the images drawn once, and one undisturbed run of each kind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.references: dict[tuple[str, str], tuple[Path, float]] = {}
        self.count = 0

    def folder(self, *, images: bool = True) -> Path:
        """A new working folder; the images are links, because files are replaced, not changed."""
        folder = self.root / str(self.count)
        self.count += 1
        folder.mkdir()
        drawn = self.root / "0" / "cache" / "synthetic"
        if images and drawn.exists():
            shutil.copytree(drawn, folder / "cache" / "synthetic", copy_function=os.link)
        return folder

    def reference(self, variant: str, schedule: str) -> tuple[Path, float]:
        """The undisturbed run of these settings, and the seconds it took."""
        if (variant, schedule) not in self.references:
            folder, started = self.folder(), time.monotonic()
            finish(command(variant, schedule), folder)
            self.references[variant, schedule] = folder / "run", time.monotonic() - started
        return self.references[variant, schedule]

    def trial(self, variant: str, schedule: str, moment: str, moments: random.Random) -> Trial:
        """Kill one run, resume it, compare it."""
        reference, seconds = self.reference(variant, schedule)
        arguments, killed = command(variant, schedule), False
        while not killed:
            folder = self.folder(images=moment != "cache building")
            if moment in MOMENTS:
                killed = killed_at(arguments, folder, moment)
            else:
                killed = killed_at_random(arguments, folder, moments, seconds)
            if not killed and moment in MOMENTS:
                raise RuntimeError(f"{moment}: no kill\n{(folder / 'log.txt').read_text()}")
        resumed(arguments, folder)
        return Trial(variant, schedule, moment, differences(folder / "run", reference))


def plan(kills: int) -> Iterator[tuple[str, str, str]]:
    """Variant, schedule and moment of each kill: named moments in turn with random ones."""
    variants, named = list(VARIANTS), list(MOMENTS)
    for number in range(kills):
        moment = named[number // 2 % len(named)] if number % 2 == 0 else "random"
        variant = variants[(number + number // len(variants)) % len(variants)]
        yield variant, SCHEDULES[number // len(variants) % len(SCHEDULES)], moment


def main() -> int:
    """Make the trials, print each and the sum of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--out", type=Path, help="JSON file for the trials")
    options = parser.parse_args()
    torch.set_num_threads(1)
    moments, trials = random.Random(options.seed), []
    with tempfile.TemporaryDirectory() as root:
        laboratory = Laboratory(Path(root))
        for variant, schedule, moment in plan(options.kills):
            trials.append(trial := laboratory.trial(variant, schedule, moment, moments))
            verdict = ", ".join(trial.differences) or "identical"
            print(f"{variant:14}{schedule:11}{moment:25}{verdict}", flush=True)
    identical = sum(not trial.differences for trial in trials)
    print(f"{identical} of {len(trials)} bit-identical")
    if options.out:
        result = {"commit": commit(), "versions": versions(), "identical": identical}
        result |= {"kills": len(trials), "trials": [asdict(trial) for trial in trials]}
        write_text_atomically(options.out, json.dumps(result, indent=1) + "\n")
    return 0 if identical == len(trials) else 1


if __name__ == "__main__":
    sys.exit(main())
