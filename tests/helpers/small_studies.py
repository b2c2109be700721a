"""Studies that take seconds: shallow networks, few drawn images, an epoch or two."""

import json
import math

from commands import files_in, run

from lightning_cifar.study import outcome

STUDY = """
variants: [elu, alpha_dropout]
seeds: 2
set_ups:
  plain: {overlays: [synthetic, tiny]}
"""
TINY = """
trainer: {max_epochs: 2, accelerator: cpu}
data: {batch_size: 50}
model: {init_args: {depth: 2, width: 8, learning_rate: 2e-3}}
"""


def write_study(folder, study=STUDY, **overlays):
    """Write a study file and its overlays; returns the arguments of a command that runs it."""
    (folder / "study.yaml").write_text(study)
    for name, text in {"tiny": TINY, **overlays}.items():
        (folder / f"{name}.yaml").write_text(text)
    return ["study", "--config", folder / "study.yaml", "--out", folder / "study", "--workers", 1]


def contents(study):
    """The records of a study as plain values, without what may differ from machine and day."""
    return {
        path.name: without_times(json.loads(path.read_text()))
        for path in sorted((study / "records").glob("*.json"))
    }


def without_times(value):
    """Nested values without seconds, commit and the seal that depends on both."""
    if isinstance(value, dict):
        left_out = ("seconds", "commit", "seal")
        return {key: without_times(each) for key, each in value.items() if key not in left_out}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def make_quick(monkeypatch):
    """Few samples; and from 300 images nobody learns, so guessing is no failure."""
    monkeypatch.setattr(outcome, "MONTE_CARLO_SAMPLES", 3)
    monkeypatch.setattr(outcome, "guessing", lambda classes: math.inf)


def again(folder, capsys, *flags, study=STUDY, **overlays):
    """Run the command in ``folder``; its code, output and report."""
    return run(capsys, *write_study(folder, study, **overlays), *flags)


def refused(folder, capsys, *flags, study=STUDY, **overlays):
    """Run a command that must change nothing; what it reported, in one line."""
    arguments = write_study(folder, study, **overlays)
    before = study_files(folder)
    code, out, error = run(capsys, *arguments, *flags)
    assert (code, out) == (2, ""), error
    assert error.count("\n") == 1
    assert study_files(folder) == before
    return error


def study_files(folder):
    """All files of the study but locks."""
    files = files_in(folder / "study")
    return {name: time for name, time in files.items() if not name.endswith(".lock")}
