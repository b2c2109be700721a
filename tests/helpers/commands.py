"""The command line run inside the test's process, on few images in a folder of its own."""

import contextlib
import json
import os
from functools import partial
from pathlib import Path

from lightning_cifar.__main__ import main
from lightning_cifar.data import sources, synthetic

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL_SET = partial(synthetic.load_synthetic, train_size=300, test_size=60)


@contextlib.contextmanager
def working_in(folder, monkeypatch):
    """Run files and the cache go below ``folder``; the synthetic set has 300 and 60 images."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    monkeypatch.setattr(sources, "load_synthetic", SMALL_SET)
    yield folder


def configured(*names):
    """``--config`` for each of the shipped files of these names."""
    return [part for name in names for part in ("--config", str(CONFIGS / f"{name}.yaml"))]


def smoke(variant="elu"):
    """The arguments of a smoke run of a variant."""
    return ["fit", *configured(variant, "smoke")]


def run(capsys, *arguments):
    """Run a command; returns its exit code, what it printed and what it reported."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def fit(capsys, *options, name="run", variant="elu"):
    """A smoke fit of 270 images in 3 batches that must succeed; returns what was printed."""
    code, out, error = run(capsys, *smoke(variant), "--run", name, *options)
    assert code == 0, error
    return out + error


def record_of(folder, name="run"):
    """The record of a run as its file holds it."""
    return json.loads((folder / name / "record.json").read_text())


def files_in(folder):
    """Every file and folder below ``folder`` with its time; not the folder of runs itself."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path != folder / "runs"
    }


def refused(capsys, *arguments):
    """Run a command that must fail without a trace; returns what it reported.

    One or two lines, exit code 2, and the folder as it was.
    """
    before = files_in(Path.cwd())
    code, out, error = run(capsys, *arguments)
    assert code == 2, error
    assert 1 <= len(error.strip().splitlines()) <= 2, error
    assert error.startswith("lightning-cifar: ")
    assert "Traceback" not in error
    assert out == ""
    assert files_in(Path.cwd()) == before
    return error


def environment():
    """The environment of this process for a fresh one that imports the same packages."""
    root = str(CONFIGS.parent)
    return os.environ | {"PYTHONPATH": root}
