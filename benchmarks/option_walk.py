"""All pairs of some thirty settings, Lightning's own among them: does the record tell the truth?

    python -m pip install allpairspy==2.5.1
    python benchmarks/option_walk.py --out benchmarks/results/option_walk.json

Every pair of values occurs in some combination (a pairwise covering set). Among thirty others
something always looks between two steps, so every value is tried alone too, where a fit makes many
steps at once. Each combination is trained for moments on few built-in images, and checked:

1. the exit code and the last lines agree with what happened, and there is no traceback;
2. ``validate`` gives the figures of the record again from the kept weights, to 1e-6 of them;
3. the reason why it stopped is true;
4. a run that is interrupted after its first epoch and resumed ends as the uncut one: the same
   record, and the same kept weights to the last bit.

A combination that is refused must leave one line, exit code 2 and no run folder.
"""

import argparse
import contextlib
import io
import json
import math
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
from allpairspy import AllPairs
from lightning.pytorch import Callback

from lightning_cifar.__main__ import main as command_line
from lightning_cifar.cli import command
from lightning_cifar.data import sources, synthetic
from lightning_cifar.data.blocks import Blocks
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.training.trainer import NotingTrainer

TRAIN_IMAGES, TEST_IMAGES = 300, 60
SECONDS = 120  # for one combination; a run that hangs is a violation
TOLERANCE = 1e-6

# Name → the arguments for each of its values; the first is what happens without any.
KNOBS: dict[str, list[list[str]]] = {
    "variant": [["--config", each] for each in ("elu", "batch_norm", "selu", "alpha_dropout")],
    "rate": [
        [],
        ["--model.learning_rate", "0.02"],
        [
            *("--model.learning_rate", "null", "--learning_rate_search.candidates", "2"),
            *("--learning_rate_search.epochs", "1"),
        ],
    ],
    "callbacks": [
        [],
        ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay", "0.8"],
        [
            "--trainer.callbacks+=EarlyStopping",
            *("--trainer.callbacks.monitor", "val_loss", "--trainer.callbacks.patience", "1"),
        ],
        ["--trainer.callbacks+=Timer", "--trainer.callbacks.duration", "00:01:00:00"],
        ["--trainer.callbacks+=ModelCheckpoint"],
    ],
}
VALUES: dict[str, list[str]] = {
    "model.schedule": ["", "one_cycle"],
    "data.batch_size": ["", "7", "100"],
    "data.loader": ["", "stock"],
    "data.standardise": ["", "per_channel"],
    "data.validation": ["", "first"],
    "data.flip": ["", "true"],
    "data.shift": ["", "2"],
    "early_stopping.monitor": ["", "val_accuracy", "train_loss"],
    "early_stopping.patience": ["", "1"],
    "trainer.max_epochs": ["3", "4"],
    "trainer.min_epochs": ["", "3"],
    "trainer.max_steps": ["", "7"],
    "trainer.max_time": ["", "00:01:00:00"],
    "trainer.limit_train_batches": ["", "0.7", "2"],
    "trainer.limit_val_batches": ["", "1"],
    "trainer.overfit_batches": ["", "2"],
    "trainer.val_check_interval": ["", "0.5", "2"],
    "trainer.check_val_every_n_epoch": ["", "2"],
    "trainer.num_sanity_val_steps": ["", "1"],
    "trainer.accumulate_grad_batches": ["", "3"],
    "trainer.gradient_clip_val": ["", "0.5"],
    "trainer.gradient_clip_algorithm": ["", "value"],
    "trainer.precision": ["", "64-true", "bf16-mixed"],
    "trainer.deterministic": ["", "true"],
    "trainer.detect_anomaly": ["", "true"],
    "trainer.inference_mode": ["", "false"],
    "trainer.logger": ["", "true"],
    "trainer.profiler": ["", "simple"],
    "trainer.enable_progress_bar": ["", "true"],
    "trainer.enable_model_summary": ["", "true"],
    "trainer.reload_dataloaders_every_n_epochs": ["", "1"],
}
KNOBS |= {
    name: [[f"--{name}", value] if value else [] for value in values]
    for name, values in VALUES.items()
}


@final
class Interrupts(Callback):
    """Ends a fit as Ctrl-C does, in the second epoch."""

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Interrupt."""
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt


@final
class Watched:
    """What the newest trainer did, whatever the record says of it."""

    trainer: NotingTrainer
    figures: dict[str, float]

    def __init__(self) -> None:
        self.extra: list[Callback] = []

    def make(self, **options: Any) -> NotingTrainer:
        """A trainer, with the callbacks that this walk adds."""
        callbacks = [*self.extra, *options["callbacks"]]
        self.trainer = NotingTrainer(**options | {"callbacks": callbacks})
        return self.trainer

    def note(self, stage: str, printing: Any, command_line: Any) -> None:
        """The figures of ``validate``, with all their digits."""
        metrics = self.trainer.callback_metrics
        self.figures = {name: float(value) for name, value in metrics.items()}
        printing(command_line, stage)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code and what was printed of one command line."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = command_line(list(arguments))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), error.getvalue()


def violations(arguments: list[str], watched: Watched) -> tuple[str, list[str]]:
    """What became of a combination, and what was untrue of it."""
    code, out, error = run("fit", *arguments, "--run", "uncut")
    lines = [line for line in error.splitlines() if line.startswith("lightning-cifar: ")]
    if code == 2:
        found = [] if len(lines) == 1 else [f"refused in {len(lines)} lines: {error[-300:]}"]
        return "refused: " + (lines or [""])[0], found + ["folder left"] * Path("uncut").exists()
    record = json.loads(Path("uncut/record.json").read_text())
    if code == 1:
        return record["stop_kind"], [] if record["stop_kind"] == "not_finite" else [error[-300:]]
    if code:
        return f"exit code {code}", [error[-300:]]
    found = [] if f"ended: {record['stop_reason']}" in out else ["the last lines say otherwise"]
    found += untrue_reason(record, watched.trainer)
    if record["best"] is not None:
        found += other_figures(record, watched)
    return record["stop_kind"], found + other_ending(arguments, watched)


def untrue_reason(record: dict[str, Any], trainer: NotingTrainer) -> list[str]:
    """Whether the record's reason is contradicted by the counters of the trainer."""
    kind, steps = record["stop_kind"], trainer.global_step
    loader = trainer.train_dataloader
    batches = len(loader.batches) if isinstance(loader, Blocks) else trainer.num_training_batches
    whole = math.ceil(batches / trainer.accumulate_grad_batches)
    scores = scores_of(record)
    checks = {
        "epochs": trainer.current_epoch == trainer.max_epochs
        and steps == trainer.current_epoch * whole,
        "steps": steps == trainer.max_steps,
        "patience": bool(scores)
        and len(scores) - 1 - best_index(scores, record["mode"])
        >= record["config"]["early_stopping"]["patience"],
        "callback": "EarlyStopping" in record["stop_reason"],
    }
    return [] if checks.get(kind, False) else [f"untrue reason: {record['stop_reason']}"]


def scores_of(record: dict[str, Any]) -> list[float]:
    """The figures that were judged, in order."""
    monitor = record["monitor"]
    rows = record["validations" if monitor.startswith("val") else "epochs"]
    return [row[monitor] for row in rows]


def best_index(scores: Sequence[float], mode: str) -> int:
    """The first of the best."""
    return scores.index((min if mode == "min" else max)(scores)) if scores else -1


def other_figures(record: dict[str, Any], watched: Watched) -> list[str]:
    """What ``validate`` finds in the kept weights and the record does not say."""
    code, _, error = run("validate", "--run", "uncut")
    if code:
        return [f"validate: {error[-300:]}"]
    best = record["best"]
    return [
        f"{name}: {best[name]} in the record, {watched.figures[name]} from the weights"
        for name in ("val_loss", "val_accuracy")
        if best[name] is not None
        and not math.isclose(best[name], watched.figures[name], rel_tol=TOLERANCE)
    ]


def other_ending(arguments: list[str], watched: Watched) -> list[str]:
    """How a run that was interrupted and resumed differs from the uncut one."""
    watched.extra = [Interrupts()]
    code, _, error = run("fit", *arguments, "--run", "cut")
    watched.extra = []
    if code != 130:  # it ended within its first epoch
        return [] if code == 0 else [f"interrupted: exit code {code}: {error[-300:]}"]
    code, _, error = run("fit", "--run", "cut", "--resume")
    if code:
        return [f"resume: exit code {code}: {error[-300:]}"]
    uncut, cut = (comparable(Path(name)) for name in ("uncut", "cut"))
    return [f"resumed: another {key}" for key in uncut if not alike(uncut[key], cut[key])]


def alike(one: Any, other: Any) -> bool:
    """Whether two parts of outcomes agree: weights to the last bit, figures to 1e-6 of themselves.

    A validation of the same weights of 64 bits can differ in the last bit of its sums of 32.
    """
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE) or one == other
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def comparable(folder: Path) -> dict[str, Any]:
    """What must agree between two runs: all of the record but times, and the kept weights."""
    record = json.loads((folder / "record.json").read_text())
    for epoch in [*record["epochs"], record["best"] or {}]:
        epoch.pop("seconds", None)
    left_out = ("seconds_per_epoch", "config", "learning_rate_source")
    kept = {key: value for key, value in record.items() if key not in left_out}
    file = folder / "best.ckpt"
    if file.exists():
        weights = load_checkpoint(file)["state_dict"]
        kept["weights"] = dict(weights)
    return kept


def walked(arguments: list[str], pipe: Any) -> None:
    """One combination in its own process and folder, without its output."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        sources.load_synthetic = partial(  # type: ignore[attr-defined]
            synthetic.load_synthetic, train_size=TRAIN_IMAGES, test_size=TEST_IMAGES
        )
        watched = Watched()
        command.NotingTrainer = watched.make  # type: ignore[misc, assignment]
        printing = command.CIFARCommand._print_metrics
        command.CIFARCommand._print_metrics = (  # type: ignore[method-assign]
            lambda self, stage: watched.note(stage, printing, self)
        )
        try:
            pipe.send(violations(arguments, watched))
        except Exception as error:
            pipe.send((f"traceback: {error!r}", [f"traceback: {error!r}"]))


def walk(arguments: list[str]) -> tuple[str, list[str]]:
    """Run one combination, for a limited time."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=walked, args=(arguments, sender))
    process.start()
    if receiver.poll(SECONDS):
        outcome: tuple[str, list[str]] = receiver.recv()
        process.join()
        return outcome
    process.kill()
    return "hangs", [f"no end within {SECONDS} s"]


def is_served(values: Sequence[list[str]]) -> bool:
    """Whether values go together; a pair that is refused would hide the others beside it."""
    words = [word for value in values for word in value]
    return not ("64-true" in words and "--trainer.callbacks+=EMAWeightAveraging" in words)


def alone() -> Iterator[list[list[str]]]:
    """Each value of each knob, all others at the first of theirs."""
    usual = {name: values[0] for name, values in KNOBS.items()}
    yield list(usual.values())
    for name, values in KNOBS.items():
        for value in values[1:]:
            yield list((usual | {name: value}).values())


def main() -> None:
    """Walk, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", type=int, help="the combination of this number alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = AllPairs(list(KNOBS.values()), filter_func=is_served)
    combinations = [
        ["--config", "smoke", *(part for values in chosen for part in values)]
        for chosen in [*pairs, *alone()]
    ]
    chosen = combinations if options.only is None else [combinations[options.only]]
    started, rows = time.perf_counter(), []
    for number, arguments in enumerate(chosen):
        # The variant's file before the overlay, as a user gives them.
        arguments = [*arguments[2:4], *arguments[:2], *arguments[4:]]
        outcome, found = walk(arguments)
        rows.append({"arguments": arguments, "outcome": outcome, "violations": found})
        print(f"{number:3} {outcome[:100]}{''.join(f'  !! {each}' for each in found)}", flush=True)
    summary = {
        "knobs": len(KNOBS),
        "values": sum(map(len, KNOBS.values())),
        "combinations": len(rows),
        "trained": sum(not row["outcome"].startswith("refused") for row in rows),
        "violations": sum(len(row["violations"]) for row in rows),
        "tracebacks": sum("traceback" in row["outcome"].lower() for row in rows),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(summary))
    if options.out is not None:
        options.out.write_text(json.dumps({"summary": summary, "runs": rows}, indent=1) + "\n")
    sys.exit(bool(summary["violations"]))


if __name__ == "__main__":
    main()
