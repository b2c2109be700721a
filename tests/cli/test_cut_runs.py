"""A run that was cut short says so, and resumed ends as one that was not cut."""

import json

import pytest
import torch
from commands import run, smoke, working_in
from controls import assert_rejects
from image_examples import write_folder
from lightning.pytorch import Callback

from lightning_cifar.__main__ import main
from lightning_cifar.cli import command
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.training.trainer import NotingTrainer

LONG = ["--trainer.max_epochs", "4", "--early_stopping.patience", "99"]


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    """The folder of a run that nothing cut; tests only read it."""
    folder = tmp_path_factory.mktemp("whole") / "work"
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        assert main([*smoke(), *LONG, "--run", "uncut"]) == 0
    return folder / "uncut"


class Ends(Callback):
    """Ends the first fit at a step: by raising, or by asking for a stop."""

    def __init__(self, step, how):
        self.step, self.how = step, how

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step and self.how is not None:
            how, self.how = self.how, None
            if how == "Ctrl-C":
                raise KeyboardInterrupt
            trainer.should_stop = True


def cut_at(step, how, monkeypatch):
    """Let the next fit of this process end at a step; later ones are left alone."""
    ends = Ends(step, how)

    def make(**options):
        return NotingTrainer(**options | {"callbacks": [ends, *options["callbacks"]]})

    monkeypatch.setattr(command, "NotingTrainer", make)


def outcome(folder):
    """All of a run that does not depend on the clock, and its weights."""
    record = json.loads((folder / "record.json").read_text())
    for epoch in [*record["epochs"], record["best"]]:
        del epoch["seconds"]
    kept = ("epochs", "validations", "best", "best_epoch", "best_score", "best_step", "stop_reason")
    weights = {name: load_checkpoint(folder / name)["state_dict"] for name in FILES}
    return {key: record[key] for key in kept}, weights


FILES = ("best.ckpt", "last.ckpt")


def assert_same_outcome(first, second):
    (record, weights), (other, others) = outcome(first), outcome(second)
    assert record == other
    for file, states in weights.items():
        assert all(torch.equal(value, others[file][name]) for name, value in states.items())


@pytest.mark.parametrize("step", [2, 5, 6, 7])
@pytest.mark.parametrize(("how", "kind"), [("Ctrl-C", "interrupted"), ("stop", "callback")])
def test_resumed_run_equals_the_uncut_one(cwd, uncut, capsys, monkeypatch, step, how, kind):
    """3 steps an epoch: within the first, within a later one, at the end of one."""
    cut_at(step, how, monkeypatch)
    code, out, error = run(capsys, *smoke(), *LONG, "--run", "cut")
    assert code == (130 if how == "Ctrl-C" else 0)
    assert "lightning-cifar fit --run cut --resume" in out + error
    if how == "stop" or step > 3:
        assert json.loads((cwd / "cut" / "record.json").read_text())["stop_kind"] == kind
    if step > 3:
        assert_rejects(lambda: assert_same_outcome(uncut, cwd / "cut"))
    assert run(capsys, "fit", "--run", "cut", "--resume")[0] == 0
    assert_same_outcome(uncut, cwd / "cut")


@pytest.mark.parametrize(
    ("cut", "more"),
    [
        (["--trainer.max_steps", "5"], ["--trainer.max_steps=-1"]),
        (["--trainer.max_steps", "6"], ["--trainer.max_steps=12"]),
        (["--trainer.max_epochs", "2"], ["--trainer.max_epochs=4"]),
        (["--early_stopping.patience", "1"], ["--early_stopping.patience=99"]),
    ],
)
def test_run_that_was_told_to_be_short_can_be_told_to_be_longer(cwd, capsys, cut, more):
    rates = ["--model.learning_rate", "0.03"]
    assert run(capsys, *smoke(), *LONG, *rates, "--run", "uncut")[0] == 0
    assert run(capsys, *smoke(), *LONG, *rates, *cut, "--run", "cut")[0] == 0
    code, out, _ = run(capsys, "fit", "--run", "cut", "--resume")
    assert code == 0
    assert "is finished" in out
    assert run(capsys, "fit", "--run", "cut", "--resume", *more)[0] == 0
    first, second = (outcome(cwd / name) for name in ("uncut", "cut"))
    expected = first[0] | {"stop_reason": second[0]["stop_reason"]}
    assert second[0] == expected


def test_time_is_of_each_call(cwd, capsys):
    """A limit that is up at once: each call gets through a part of its first epoch."""
    limit = ["--trainer.max_time", "00:00:00:00"]
    assert run(capsys, *smoke(), *LONG, *limit, "--run", "run")[0] == 0
    assert json.loads((cwd / "run" / "record.json").read_text())["stop_kind"] == "time"
    code, _, error = run(capsys, "fit", "--run", "run", "--resume", "--trainer.max_time=null")
    assert code == 0, error
    assert json.loads((cwd / "run" / "record.json").read_text())["stop_kind"] == "epochs"


def test_timer_is_of_each_call_too(cwd, capsys):
    timer = ["--trainer.callbacks+=Timer", "--trainer.callbacks.duration", "00:00:00:00"]
    assert run(capsys, *smoke(), *LONG, *timer, "--run", "run")[0] == 0
    code, _, error = run(capsys, "fit", "--run", "run", "--resume", "--trainer.callbacks=null")
    assert code == 0, error
    assert json.loads((cwd / "run" / "record.json").read_text())["stop_kind"] == "epochs"


def test_data_are_found_from_another_working_directory(cwd, capsys, monkeypatch):
    write_folder(cwd / "images", train=4, test=1)
    options = ["--data.source", "folder", "--data.path", "images", "--data.validation_size", "10"]
    code, _, error = run(capsys, *smoke(), *options, "--run", "run")
    assert code == 0, error
    elsewhere = cwd / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for name in ("validate", "test"):
        code, _, error = run(capsys, name, "--run", "../run")
        assert code == 0, error
    more = ["--trainer.max_epochs=2"]
    code, _, error = run(capsys, "fit", "--run", "../run", "--resume", *more)
    assert code == 0, error


def test_record_names_what_was_used_when_a_callback_changed_it(cwd, capsys, monkeypatch):
    class Changes(Callback):
        def on_fit_start(self, trainer, pl_module):
            pl_module.learning_rate = 0.5
            for group in trainer.optimizers[0].param_groups:
                group["lr"] = 0.5

    def make(**options):
        return NotingTrainer(**options | {"callbacks": [Changes(), *options["callbacks"]]})

    monkeypatch.setattr(command, "NotingTrainer", make)
    assert run(capsys, *smoke(), "--run", "run")[0] == 0
    record = json.loads((cwd / "run" / "record.json").read_text())
    assert record["learning_rate"] == 0.5
    assert record["learning_rate_source"] == "changed during the fit"
    assert record["epochs"][0]["learning_rate"] == 0.5
    assert "learning_rate: 0.5" in (cwd / "run" / "config.yaml").read_text()
