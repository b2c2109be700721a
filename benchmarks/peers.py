"""Seconds per epoch of everything that trains this network, side by side.

    pip install -e ".[peer]"
    python benchmarks/peers.py --out benchmarks/results/peers.json

Each peer lives in a process of its own and sleeps while another has its turn, so that a slow moment
of the machine hits all of them and no library's threads run beside another's. A turn is an epoch of
--images images and a validation pass over 5,000; the time of its steps is multiplied up to an epoch
of 45,000, that of the validation and of what else an epoch ends with is not. The first turn, in
which graphs are traced and code is compiled, is not counted: it serves to check that every peer
does the same work. Ratios are medians of the rounds' ratios to the bare loop.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import shutil
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from peer_frameworks import jax_scan, keras_fit
from peer_loops import MOMENTUM_DECAY, Enough, Epoch, Setting, Turns, bare, ours, stock

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.files import write_text_atomically
from lightning_cifar.native.library import why_none
from lightning_cifar.runs.provenance import commit, device_name, versions

EPOCH_IMAGES = 45_000
COMPILERS = ("g++", "clang++", "c++")
PAUSE = 0.3  # seconds after a turn: threads of some libraries spin for a while
# Nats between mean losses of a first epoch: float32 errors grow over its steps. Where there is a
# loop with another library's momentum to compare with, half of what that is away.
TOLERANCE = 0.006
# What NAdam's momentum does in other libraries, as PyTorch's option: it rises 250 times as fast in
# Keras, and is constant in optax.
KERAS_DECAY, OPTAX_DECAY = 1.0, 1e9


@dataclass(frozen=True)
class Peer:
    """How a peer trains, what it needs, and the momentum of its NAdam as PyTorch's option."""

    train: Callable[[Setting, Turns], None]
    needs: tuple[str, ...] = ()
    momentum_decay: float = MOMENTUM_DECAY


PEERS = {
    "ours": Peer(ours),
    "bare": Peer(bare),
    "bare, compiled": Peer(partial(bare, compiled=True)),
    "stock Lightning": Peer(stock),
    "Keras on JAX": Peer(partial(keras_fit, backend="jax", steps=8), ("keras", "jax"), KERAS_DECAY),
    "Keras on TensorFlow": Peer(
        partial(keras_fit, backend="tensorflow", steps=8), ("keras", "tensorflow"), KERAS_DECAY
    ),
    "Keras on PyTorch": Peer(partial(keras_fit, backend="torch", steps=1), ("keras",), KERAS_DECAY),
    "JAX": Peer(jax_scan, ("jax", "optax"), OPTAX_DECAY),
}
# Keras was fastest on JAX, in bundles of 8 steps; its other backends take several times as long.
DEFAULT = ["ours", "bare", "bare, compiled", "stock Lightning", "Keras on JAX", "JAX"]


class Worker:
    """A peer in a process of its own."""

    def __init__(self, train: Callable[[Setting, Turns], None], setting: Setting) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(train, setting, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def epoch(self) -> Epoch:
        """Give it a turn; raises RuntimeError with its traceback if it fails."""
        self.line.send("epoch")
        answer = self.line.recv()
        time.sleep(PAUSE)
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer

    def end(self) -> None:
        """Let it go."""
        self.line.send("end")
        self.process.join()


def serve(train: Callable[[Setting, Turns], None], setting: Setting, line: Connection) -> None:
    """In the peer's process: train, silently; a failure is sent as its traceback."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.dup2(silence, sys.stderr.fileno())
    try:
        train(setting, Turns(line))
    except Enough:
        pass
    except BaseException:
        line.send(traceback.format_exc())


def absence(name: str, device: str) -> str | None:
    """Why a peer cannot take part here; None if it can."""
    missing = [each for each in PEERS[name].needs if importlib.util.find_spec(each) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    if "compiled" in name and device == "cpu" and not any(map(shutil.which, COMPILERS)):
        return f"none of {', '.join(COMPILERS)} installed"
    return None


def compared(names: Sequence[str], setting: Setting, rounds: int) -> dict[str, Any]:
    """Epochs of every peer and round, medians, ratios to the bare loop, the check of the losses."""
    workers = {name: Worker(PEERS[name].train, setting) for name in names}
    first = {name: worker.epoch() for name, worker in workers.items()}
    epochs: dict[str, list[Epoch]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, worker in workers.items():
            epochs[name].append(worker.epoch())
    for worker in workers.values():
        worker.end()
    seconds = {name: [whole(each, setting.images) for each in epochs[name]] for name in names}
    ratios = {
        name: statistics.median(a / b for a, b in zip(seconds[name], seconds["bare"], strict=True))
        for name in names
    }
    return {
        "variant": setting.variant,
        "batch_size": setting.batch_size,
        "images": setting.images,
        "epochs": {name: [asdict(each) for each in epochs[name]] for name in names},
        "seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "ratios_to_bare": ratios,
        "losses": checked(first, setting),
    }


def whole(epoch: Epoch, images: int) -> float:
    """Seconds of an epoch of 45,000 images."""
    return epoch.train * EPOCH_IMAGES / images + epoch.rest


def checked(first: dict[str, Epoch], setting: Setting) -> dict[str, Any]:
    """How far the losses of the first epoch are from a bare loop's with the same momentum.

    Raises:
        SystemExit: one is further away than the tolerance.
    """
    if setting.variant == "alpha_dropout":
        return {}  # every library draws masks of its own
    decays = {PEERS[name].momentum_decay for name in first}
    references = {MOMENTUM_DECAY: first["bare"]}
    for decay in decays - {MOMENTUM_DECAY}:
        worker = Worker(partial(bare, momentum_decay=decay), setting)
        references[decay] = worker.epoch()
        worker.end()
    off = {
        name: distance(epoch, references[PEERS[name].momentum_decay])
        for name, epoch in first.items()
    }
    # The control, shown beside it: the same loop with another library's momentum.
    others = [distance(each, first["bare"]) for each in references.values()][1:]
    tolerance = max(others) / 2 if others else TOLERANCE
    far = {name: value for name, value in off.items() if not value < tolerance}
    if far:
        raise SystemExit(f"{setting}: these do not train the same: {far} (tolerance {tolerance})")
    return {
        "first_epoch": {name: [each.train_loss, each.val_loss] for name, each in first.items()},
        "distance_in_nats": off,
        "distance_of_another_momentum": others,
    }


def distance(one: Epoch, other: Epoch) -> float:
    """Between the training losses, in nats: the mean over an epoch.

    Not between the validation losses: after some hundred steps, rounding errors alone have moved
    them by as much as another momentum does, and Keras keeps batch normalisation's variances
    without Bessel's correction, and validates by them.
    """
    return abs(one.train_loss - other.train_loss)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--variants", nargs="+", choices=list(VARIANTS), default=["elu"])
    add("--batch-sizes", type=int, nargs="+", default=[32, 128])
    add("--peers", nargs="+", choices=list(PEERS), default=DEFAULT)
    add("--rounds", type=int, default=4)
    add("--images", type=int, default=15_000, help="of a turn; 45000 for whole epochs")
    add("--gpu", action="store_true")
    add("--out", type=Path, help="of another variant or batch size of the same commit, it is kept")
    options = parser.parse_args()
    device = "cuda" if options.gpu else "cpu"
    reasons = {name: absence(name, device) for name in dict.fromkeys(["bare", *options.peers])}
    for name, reason in reasons.items():
        if reason:
            print(f"left out: {name} ({reason})")
    names = [name for name, reason in reasons.items() if reason is None]
    slow = why_none(torch.zeros(1, device=device))  # also compiled now, and not while others wait
    if slow is not None:
        print(f"ours: with PyTorch's kernels ({slow})")
    source = {"versions": versions() | installed(), "commit": commit()}
    source["device"] = device_name(torch.device(device))
    asked = [(variant, size) for variant in options.variants for size in options.batch_sizes]
    results = [each for each in earlier(options.out, source) if setting_of(each) not in asked]
    for variant, batch_size in asked:
        setting = Setting(variant, batch_size, options.images, device)
        results.append(compared(names, setting, options.rounds))
        print(line(results[-1]), flush=True)
        if options.out:
            record = source | {"results": results}
            write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


def earlier(path: Path | None, source: dict[str, Any]) -> list[dict[str, Any]]:
    """Results in a file, if they are of the same versions, commit and device."""
    if path is None or not path.exists():
        return []
    record = json.loads(path.read_text())
    # The file itself changes with every setting, so that the tree is no longer the commit's.
    theirs, ours = ({**each, "commit": each["commit"].rstrip("+")} for each in (record, source))
    same = all(theirs.get(key) == value for key, value in ours.items())
    found: list[dict[str, Any]] = record["results"] if same else []
    return found


def setting_of(result: dict[str, Any]) -> tuple[str, int]:
    """The variant and the batch size of a result."""
    return result["variant"], result["batch_size"]


def line(result: dict[str, Any]) -> str:
    """Seconds and shares of one setting."""
    shown = "; ".join(
        f"{name} {seconds:.2f} s ({result['ratios_to_bare'][name]:.2f})"
        for name, seconds in result["seconds"].items()
    )
    start = f"{result['variant']} batch {result['batch_size']}: {shown}"
    if not result["losses"]:
        return f"{start}; losses not compared"
    off = max(result["losses"]["distance_in_nats"].values())
    others = ", ".join(f"{each:.1g}" for each in result["losses"]["distance_of_another_momentum"])
    return f"{start}; losses within {off:.1g} nats (another momentum: {others or 'not tried'})"


def installed() -> dict[str, str]:
    """Versions of the peers' libraries."""
    found = {}
    for name in ("jax", "optax", "keras", "tensorflow-cpu"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


if __name__ == "__main__":
    main()
