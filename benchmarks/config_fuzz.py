"""Train from random configuration files: each runs, or is refused by a message that names its key.

    python benchmarks/config_fuzz.py --documents 300 --out benchmarks/results/config_fuzz.json

A document is drawn valid; most then get one fault: a value that is wrong in type or range, an
unknown key or section, a value where settings belong. The whole ``fit`` runs in this process over
the smoke settings, on 300 built-in images. A valid document must end with exit code 0, a faulty one
with exit code 2, the key in one or two lines, and no run folder; no exception may get out.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
import hypothesis.strategies as st
import torch
import yaml

from lightning_cifar.__main__ import main as lightning_cifar
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data import sources, synthetic
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.configuration import Config
from lightning_cifar.runs.provenance import commit, versions

SMOKE = Path(__file__).parent.parent / "configs" / "smoke.yaml"
SMALL_SET = partial(synthetic.load_synthetic, train_size=300, test_size=60)
RUN = Path("run")

# The values that a key may have here; each key is in a document or not.
VALID: dict[str, st.SearchStrategy[Any]] = {
    "seed_everything": st.integers(0, 2**32 - 1),
    "trainer.max_epochs": st.integers(1, 2),
    "trainer.gradient_clip_val": st.none() | st.floats(0.01, 10),
    "trainer.accumulate_grad_batches": st.integers(1, 3),
    "trainer.limit_train_batches": st.integers(1, 3) | st.floats(0.5, 1),
    "trainer.deterministic": st.booleans(),
    "model.init_args.depth": st.integers(1, 4),
    "model.init_args.width": st.integers(1, 20),
    "model.init_args.learning_rate": st.floats(1e-6, 1e-2),
    "model.init_args.schedule": st.sampled_from(["constant", "one_cycle"]),
    "data.batch_size": st.integers(10, 999),
    "data.validation": st.just("stratified"),
    "data.validation_size": st.none() | st.integers(10, 250),
    "data.split_seed": st.integers(0, 2**40),
    "data.standardise": st.sampled_from(["per_pixel", "per_channel"]),
    "data.loader": st.sampled_from(["memory", "stock"]),
    "data.flip": st.booleans(),
    "data.shift": st.integers(0, 31),
    "early_stopping.patience": st.integers(1, 9),
    "early_stopping.monitor": st.sampled_from(["val_loss", "train_loss"]),
    "learning_rate_search.candidates": st.integers(2, 9),
    "learning_rate_search.epochs": st.integers(1, 9),
}
OF_ALPHA_DROPOUT: dict[str, st.SearchStrategy[Any]] = {
    "model.init_args.dropout_rate": st.floats(0, 0.9),
    "model.init_args.dropout_everywhere": st.booleans(),
}
NO_NUMBERS = ["many", [3], {"a": 1}, ""]
# Values that a key may not have.
WRONG: dict[str, list[Any]] = {
    "seed_everything": [-1, 2**32, 1.5, *NO_NUMBERS],
    "trainer.max_epochs": [1.5, -5, *NO_NUMBERS],
    "trainer.precision": ["17-true", 5],
    "trainer.accelerator": ["abacus"],
    "trainer.devices": [0, "some", [99]],
    "trainer.strategy": ["by_hand", ""],
    "trainer.accumulate_grad_batches": [0, -1, *NO_NUMBERS],
    "trainer.gradient_clip_val": ["many", [1]],
    "trainer.limit_train_batches": [-1, 1.5, *NO_NUMBERS],
    "trainer.limit_val_batches": [0, -1, "many"],
    "trainer.check_val_every_n_epoch": [0, 1.5, "many"],
    "trainer.callbacks": [3, ["NoCallback"], [{"class_path": "no.such.Class"}]],
    "trainer.max_time": ["soon"],
    "model.class_path": ["SwishClassifier", "lightning_cifar.classifiers.DenseClassifier", 3],
    "model.init_args.depth": [0, -3, 2.5, None, *NO_NUMBERS],
    "model.init_args.width": [0, None, *NO_NUMBERS],
    "model.init_args.learning_rate": [0, -1e-3, float("nan"), float("inf"), *NO_NUMBERS],
    "model.init_args.schedule": ["two_cycle", None, 1],
    "data.source": ["web", None, 1],
    "data.path": ["no/images", 3],
    "data.batch_size": [0, -1, 2.5, None, *NO_NUMBERS],
    "data.validation": ["last"],
    "data.validation_size": [0, -1, 3, 300, 2**40, *NO_NUMBERS],
    "data.split_seed": [-1, None, *NO_NUMBERS],
    "data.standardise": ["per_image", True],
    "data.loader": ["disk", 0],
    "data.flip": ["maybe", 2, None],
    "data.shift": [-1, 32, 1.5, *NO_NUMBERS],
    "early_stopping.patience": [0, -1, None, *NO_NUMBERS],
    "early_stopping.monitor": ["beauty", None, 1],
    "learning_rate_search.candidates": [0, 1, None, *NO_NUMBERS],
    "learning_rate_search.epochs": [0, None, *NO_NUMBERS],
}
SECTIONS = ["trainer", "model", "data", "early_stopping", "learning_rate_search"]
WORDS = st.text("abcdefghij_", min_size=1, max_size=9).map("x".__add__)  # no key of ours has an x
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@dataclass(frozen=True)
class Document:
    """Settings as a file holds them, and the key that is wrong with them; None: nothing is."""

    settings: Config
    wrong: str | None
    fault: str


@dataclass(frozen=True)
class Outcome:
    """What came of a document; ``problem`` is empty when that is as it should be."""

    fault: str
    code: int | None
    problem: str
    document: str
    report: str


def set_key(settings: Config, key: str, value: object) -> Config:
    """Set a dotted key in nested settings; returns them."""
    *sections, name = key.split(".")
    inner = settings
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[name] = value
    return settings


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A configuration file's content, in two of three cases with a fault."""
    variant = draw(st.sampled_from(list(VARIANTS)))
    name = VARIANTS[variant].__name__
    path = draw(st.sampled_from([name, f"lightning_cifar.classifiers.{name}"]))
    settings: Config = {"model": {"class_path": path}}
    allowed = VALID | (OF_ALPHA_DROPOUT if variant == "alpha_dropout" else {})
    for key in draw(st.lists(st.sampled_from(sorted(allowed)), max_size=8, unique=True)):
        set_key(settings, key, draw(allowed[key]))
    fault = draw(st.sampled_from(["none", "value", "value", "unknown key", "section", "shape"]))
    if fault == "none":
        return Document(settings, None, fault)
    if fault == "value":
        key = draw(st.sampled_from(sorted(WRONG)))
        return Document(set_key(settings, key, draw(st.sampled_from(WRONG[key]))), key, fault)
    word, section = draw(WORDS), draw(st.sampled_from(SECTIONS))
    if fault == "section":
        return Document({**settings, word: draw(LEAVES)}, word, fault)
    if fault == "unknown key":
        return Document(set_key(settings, f"{section}.{word}", draw(LEAVES)), word, fault)
    return Document({**settings, section: draw(st.integers() | st.just([1]))}, section, fault)


Command = Callable[[list[str]], int]


def outcome_of(document: Document, command: Command = lightning_cifar) -> Outcome:
    """Write a document, train from it, see the message."""
    text = yaml.safe_dump(document.settings, sort_keys=False)
    Path("drawn.yaml").write_text(text)
    shutil.rmtree(RUN, ignore_errors=True)
    arguments = ["fit", f"--config={SMOKE}", "--config=drawn.yaml", f"--run={RUN}"]
    report, code, problem = io.StringIO(), None, ""
    with contextlib.redirect_stderr(report), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = command(arguments)
        except (Exception, SystemExit):
            problem = f"traceback: {traceback.format_exc()}"
    said = report.getvalue().strip()
    problem = problem or complaint(document, code, said)
    return Outcome(document.fault, code, problem, text, said)


def complaint(document: Document, code: int | None, said: str) -> str:
    """What is wrong with how a command ended; empty if nothing is."""
    if document.wrong is None:
        return "" if code == 0 and (RUN / "best.ckpt").exists() else "a valid document did not run"
    if code != 2:
        return f"exit code {code} for a fault in {document.wrong}"
    if "Traceback" in said or len(said.splitlines()) > 2:
        return "not one clear line"
    if document.wrong.rpartition(".")[2] not in said:
        return f"the message does not name {document.wrong}"
    return "a run folder was left" if RUN.exists() else ""


@contextlib.contextmanager
def workplace() -> Iterator[None]:
    """An empty working folder with a cache of few images."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(Path(folder) / "cache")}),
        mock.patch.object(sources, "load_synthetic", SMALL_SET),
    ):
        yield


def outcomes(count: int, seed: int) -> list[Outcome]:
    """So many documents, all of them drawn from ``seed``."""
    found: list[Outcome] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(documents())
    def collect(document: Document) -> None:
        found.append(outcome_of(document))

    with workplace():
        collect()
    return found


def main() -> int:
    """Draw the documents, print what was wrong and the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file for the counts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = outcomes(options.documents, options.seed)
    problems = [outcome for outcome in found if outcome.problem]
    for outcome in problems:
        print(f"{outcome.problem}\n{outcome.document}{outcome.report}\n")
    counts = {
        "documents": len(found),
        "distinct": len({outcome.document for outcome in found}),
        "ran": sum(outcome.code == 0 for outcome in found),
        "refused": sum(outcome.code == 2 for outcome in found),
        "tracebacks": sum(outcome.code is None for outcome in found),
        "problems": len(problems),
        "by_fault": dict(Counter(outcome.fault for outcome in found)),
    }
    print(json.dumps(counts))
    if options.out:
        result = {"commit": commit(), "versions": versions(), "seed": options.seed, **counts}
        result["failures"] = list(map(asdict, problems))
        write_text_atomically(options.out, json.dumps(result, indent=1) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
