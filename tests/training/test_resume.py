"""A resumed fit ends as the one that was never interrupted; the command line around it."""

import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from processes import ended
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import VARIANTS, DenseClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.folders import LAST_FILE, PREVIOUS_FILE, locked
from lightning_cifar.runs.records import RECORD_FILE, read_record
from lightning_cifar.runs.resuming import (
    check_unchanged,
    newest_undamaged,
    reason_it_ended,
    resume_point,
)
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.training.run_record import WriteRunRecord

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 3
CONFIG = {
    "seed_everything": 0,
    "trainer": {"max_epochs": 3},
    "early_stopping": {"patience": 5},
    "model": {"init_args": {"schedule": "constant", "learning_rate": 1e-3}},
    "data": {"batch_size": 16, "cache": None},
}


class Blackout(Exception):
    """The end of a process, in the middle of anything."""


class Crash(Callback):
    """Ends the fit at a hook of the second epoch or later."""

    def __init__(self, hook):
        setattr(self, hook, self.strike)

    def strike(self, trainer, *_):
        if trainer.current_epoch >= 1:
            raise Blackout


def fit(folder, variant, schedule, *, crash=None, checkpoint=None, point=ResumePoint, **options):
    record = WriteRunRecord({key: value for key, value in CONFIG.items() if key != "model"})
    callbacks = [BestWeights(patience=5), record, point()]
    callbacks = [Crash(crash), *callbacks] if crash else callbacks
    options |= {"schedule": schedule, "learning_rate": 1e-2}
    classifier = small_classifier(VARIANTS[variant], **options)
    trainer = small_trainer(folder, callbacks, max_epochs=EPOCHS)
    trainer.fit(classifier, small_data(), ckpt_path=checkpoint)
    return classifier.state_dict()


def record_of(folder):
    record = json.loads((folder / RECORD_FILE).read_text())
    for epoch in record["epochs"]:
        del epoch["seconds"]
    return record["epochs"], record["best_epoch"], record["stop_reason"]


def resumes_exactly(point, folder, variant, schedule, hook, **options):
    def check():
        whole, broken = folder / "whole", folder / "broken"
        whole.mkdir()
        broken.mkdir()
        expected = fit(whole, variant, schedule, point=point, **options)
        with pytest.raises(Blackout):
            fit(broken, variant, schedule, crash=hook, point=point, **options)
        path, _ = newest_undamaged(broken)
        weights = fit(broken, variant, schedule, checkpoint=path, point=point, **options)
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
        optimisers = [load_checkpoint(each / LAST_FILE) for each in (whole, broken)]
        moments = [each["optimizer_states"][0]["state"][0]["exp_avg"] for each in optimisers]
        assert torch.equal(*moments)
        assert record_of(broken) == record_of(whole)

    return check


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("schedule", "hook"),
    [
        ("constant", "on_train_batch_end"),
        ("one_cycle", "on_train_batch_start"),
        ("one_cycle", "on_validation_batch_start"),
        ("constant", "on_train_epoch_start"),
        ("constant", "on_train_epoch_end"),
    ],
)
def test_resumed_fit_is_identical(tmp_path, variant, schedule, hook):
    resumes_exactly(ResumePoint, tmp_path, variant, schedule, hook)()


def test_resumed_fit_weighs_classes_as_before(tmp_path):
    hook, weighted = "on_train_batch_end", {"class_weights": "balanced"}
    resumes_exactly(ResumePoint, tmp_path, "selu", "constant", hook, **weighted)()


def test_resumed_fit_takes_muons_steps_as_before(tmp_path):
    hook, muon = "on_train_batch_end", {"optimiser": "muon"}
    resumes_exactly(ResumePoint, tmp_path, "batch_norm", "one_cycle", hook, **muon)()


def test_control_masks_from_the_global_generator_differ(tmp_path, monkeypatch):
    monkeypatch.setattr(DenseClassifier, "seed_masks", lambda *_: None)
    check = resumes_exactly(
        ResumePoint, tmp_path, "alpha_dropout", "constant", "on_train_batch_end"
    )
    with pytest.raises(AssertionError):
        check()


def test_run_killed_after_its_last_epoch_is_completed(tmp_path):
    class Gone(Callback):
        def on_train_end(self, *_):
            raise Blackout

    record = WriteRunRecord({})
    trainer = small_trainer(tmp_path, [Gone(), BestWeights(), record, ResumePoint()], max_epochs=2)
    with pytest.raises(Blackout):
        trainer.fit(small_classifier(), small_data())
    assert read_record(tmp_path / RECORD_FILE).stop_reason == "running"
    last = tmp_path / LAST_FILE
    callbacks = [BestWeights(), WriteRunRecord({}), ResumePoint()]
    classifier = small_classifier()
    trainer = small_trainer(tmp_path, callbacks, max_epochs=2)
    trainer.fit(classifier, small_data(), ckpt_path=last)
    assert read_record(tmp_path / RECORD_FILE).stop_reason == "all 2 epochs done"
    best = load_checkpoint(tmp_path / "best.ckpt")["state_dict"]
    assert all(torch.equal(best[name], value) for name, value in classifier.state_dict().items())


@pytest.fixture
def run(tmp_path):
    fit(tmp_path, "elu", "constant")
    return tmp_path


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_damaged_latest_falls_back_and_is_moved_aside(run, capsys):
    damage(run / LAST_FILE)
    path, checkpoint = newest_undamaged(run)
    assert (path.name, checkpoint["epoch"]) == (PREVIOUS_FILE, EPOCHS - 2)
    assert "last.ckpt is damaged; trying the one before it" in capsys.readouterr().err
    assert not (run / LAST_FILE).exists()  # or it would replace the good one


def test_all_checkpoints_damaged_is_an_input_error(run):
    damage(run / LAST_FILE)
    damage(run / PREVIOUS_FILE)
    with pytest.raises(InputError, match=r"last.ckpt and previous.ckpt are damaged"):
        newest_undamaged(run)


def test_no_checkpoint_starts_from_the_beginning(tmp_path, capsys):
    assert resume_point(tmp_path, {}) is None
    assert "no finished epoch yet" in capsys.readouterr().err


def test_half_written_files_are_removed(run):
    (run / f".{LAST_FILE}.abcd1234").write_bytes(b"half")
    resume_point(run, load_checkpoint(run / LAST_FILE)["configuration"])
    assert not list(run.glob(".*"))


def changed(key, value):
    section, _, name = key.rpartition(".")
    settings = json.loads(json.dumps(CONFIG))
    inner = settings
    for each in section.split("."):
        inner = inner[each] if each else inner
    inner[name] = value
    return settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.batch_size", 32),
        ("model.init_args.learning_rate", 2e-3),
        ("seed_everything", 1),
        ("trainer.max_epochs", 2),
        ("trainer.precision", "16-mixed"),
    ],
)
def test_changed_setting_is_refused_by_name(key, value):
    with pytest.raises(InputError, match=rf"started with {key} = .*cannot be continued with"):
        check_unchanged(CONFIG, changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [("trainer.max_epochs", 9), ("early_stopping.patience", 1), ("data.cache", "elsewhere")],
)
def test_setting_that_changes_no_epoch_is_free(key, value):
    check_unchanged(CONFIG, changed(key, value))


def test_one_cycle_cannot_be_made_longer():
    cycle = changed("model.init_args.schedule", "one_cycle")
    longer = json.loads(json.dumps(cycle))
    longer["trainer"]["max_epochs"] = 9
    with pytest.raises(InputError, match=r"trainer\.max_epochs = 3"):
        check_unchanged(cycle, longer)


def test_finished_run_says_why_unless_it_is_made_longer(run):
    settings = load_checkpoint(run / LAST_FILE)["configuration"]
    assert reason_it_ended(run, settings) == f"all {EPOCHS} epochs done"
    longer = {**settings, "trainer": {"max_epochs": 9}}
    assert reason_it_ended(run, longer) is None
    (run / RECORD_FILE).write_text("{")
    assert reason_it_ended(run, settings) is None


def test_run_folder_is_held_by_one_process(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(InputError, match="another process is training"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass


@pytest.mark.slow
def test_command_continues_longer_refuses_other_and_ends_finished_runs(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    configs = [f"--config={ROOT / 'configs' / name}.yaml" for name in ("elu", "smoke")]
    fresh = ["fit", *configs, "--run=r", "--data.cache=cache", "--data.batch_size=500"]
    assert main(fresh) == 0
    files = {path: path.read_bytes() for path in Path("r").iterdir()}
    assert main(["fit", "--run=r", "--resume"]) == 0
    assert "r is finished (all 1 epochs done)" in capsys.readouterr().out
    assert main(["fit", "--run=r", "--resume", "--data.batch_size=250"]) == 2
    assert "data.batch_size = 500 and cannot be continued with 250" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("r").iterdir()} == files
    assert main(["fit", "--run=r", "--resume", "--trainer.max_epochs=2"]) == 0
    assert len(read_record(Path("r") / RECORD_FILE).epochs) == 2
    assert main(["fit", "--resume"]) == 2
    capsys.readouterr()


KILLS = """
import random
from pathlib import Path
from commands import SMALL_SET
from benchmarks.kill_test import Laboratory
from lightning_cifar.data import sources
sources.load_synthetic = SMALL_SET
laboratory, moments = Laboratory(Path.cwd()), random.Random(0)
for moment in ("random", "checkpoint half written"):
    print(laboratory.trial("alpha_dropout", "one_cycle", moment, moments).differences)
"""


@pytest.mark.slow
def test_killed_processes_resume_exactly(tmp_path):
    """A short form of the benchmark; it forks, which a process with threads should not do."""
    code, out, error = ended("-c", KILLS, cwd=tmp_path)
    assert code == 0, error
    assert out == "()\n()\n"
