"""Every option of Lightning's Trainer, as a user gives it: its effect, or a line that refuses it.

The list of cases is as long as the Trainer's: an option of a newer Lightning fails a test here.
"""

import contextlib
import inspect
import io
import json
import logging
import math
from pathlib import Path

import pytest
from commands import fit, record_of, refused, run, smoke, working_in
from lightning.pytorch import Callback, Trainer

from benchmarks import option_tables
from lightning_cifar.__main__ import main
from lightning_cifar.cli import command
from lightning_cifar.cli.trainer_options import NOT_ZERO, REFUSED
from lightning_cifar.training.trainer import NotingTrainer


class Seen(Callback):
    """Notes what the trainer really does; added to every trainer by ``watched``."""

    def __init__(self):
        self.batches, self.validations, self.steps = [], [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.batches.append((trainer.current_epoch, batch[1].tolist()))
        self.steps.append(trainer.global_step)

    def on_validation_end(self, trainer, pl_module):
        self.validations.append((trainer.sanity_checking, trainer.global_step))


@pytest.fixture
def watched(monkeypatch):
    """The callback that watches, and the trainer once it has been made."""
    return watch(monkeypatch)


def watch(monkeypatch):
    seen = Seen()

    def make(**options):
        seen.trainer = NotingTrainer(**options | {"callbacks": [seen, *options["callbacks"]]})
        return seen.trainer

    monkeypatch.setattr(command, "NotingTrainer", make)
    return seen


def losses(folder, name="run"):
    return [epoch["train_loss"] for epoch in record_of(folder, name)["epochs"]]


def test_page_of_the_docs_is_written_from_the_lists():
    assert option_tables.PAGE.read_text() == option_tables.page()


def test_the_two_lists_are_lightnings():
    parameters = set(inspect.signature(Trainer).parameters)
    assert set(option_tables.SUPPORTED) | set(REFUSED) == parameters
    assert not set(option_tables.SUPPORTED) & set(REFUSED)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_nodes", 2),
        ("limit_predict_batches", 3),
        ("enable_checkpointing", "false"),
        ("use_distributed_sampler", "false"),
        ("barebones", "true"),
        ("default_root_dir", "elsewhere"),
        ("model_registry", "name"),
    ],
)
def test_refused_options_are_refused_by_name(cwd, capsys, option, value):
    error = refused(capsys, *smoke(), f"--trainer.{option}", value)
    assert f"trainer.{option} is refused" in error
    assert REFUSED[option] in error


def test_all_that_is_refused_has_a_case():
    cases = test_refused_options_are_refused_by_name.pytestmark[0].args[1]
    assert {option for option, _ in cases} == set(REFUSED)


@pytest.mark.parametrize(
    ("command_name", "option"),
    [(name, option) for name, options in NOT_ZERO.items() for option in options],
)
def test_zero_is_refused_where_it_leaves_nothing_to_do(cwd, capsys, command_name, option):
    if command_name == "fit":
        start = smoke()
    else:
        run(capsys, *smoke(), "--run", "run")
        start = [command_name, "--run", "run"]
    assert f"trainer.{option} is 0: " in refused(capsys, *start, f"--trainer.{option}", 0)


# An option with a value, and what must be true of the fit with it. ``seen`` watched it.
def epochs(folder):
    return [epoch["epoch"] for epoch in record_of(folder)["epochs"]]


EFFECTS = {
    ("accelerator", "cpu"): lambda folder, seen, out: record_of(folder)["device"].startswith("cpu"),
    ("strategy", "auto"): lambda folder, seen, out: seen.trainer.world_size == 1,
    ("devices", 1): lambda folder, seen, out: seen.trainer.num_devices == 1,
    ("precision", "64-true"): lambda folder, seen, out: seen.trainer.precision == "64-true",
    ("logger", "true"): lambda folder, seen, out: list((folder / "run").glob("lightning_logs/*/*")),
    ("max_epochs", 2): lambda folder, seen, out: epochs(folder) == [0, 1],
    ("max_steps", 2): lambda folder, seen, out: seen.steps == [1, 2],
    ("max_time", "00:01:00:00"): lambda folder, seen, out: timer_of(seen) == 3600,
    ("limit_train_batches", 2): lambda folder, seen, out: len(seen.batches) == 2,
    ("limit_val_batches", 1): lambda folder, seen, out: seen.trainer.num_val_batches == [1],
    ("limit_test_batches", 2): lambda folder, seen, out: seen.trainer.limit_test_batches == 2,
    ("val_check_interval", 2): lambda folder, seen, out: seen.validations == [(False, 2)],
    ("check_val_every_n_epoch", 2): lambda folder, seen, out: record_of(folder)["best_epoch"] == -1,
    ("num_sanity_val_steps", 1): lambda folder, seen, out: seen.validations[0] == (True, 0),
    ("log_every_n_steps", 7): lambda folder, seen, out: seen.trainer.log_every_n_steps == 7,
    ("enable_progress_bar", "true"): lambda folder, seen, out: "Epoch 0" in out,
    ("enable_model_summary", "true"): lambda folder, seen, out: "Trainable params" in out,
    ("accumulate_grad_batches", 3): lambda folder, seen, out: seen.steps[-1] == 1,
    ("gradient_clip_val", 1e-6): lambda folder, seen, out: seen.trainer.gradient_clip_val == 1e-6,
    ("deterministic", "true"): lambda folder, seen, out: deterministic(),
    ("benchmark", "true"): lambda folder, seen, out: cudnn_benchmark(),
    ("inference_mode", "false"): lambda folder, seen, out: not inference_mode(seen),
    ("profiler", "simple"): lambda folder, seen, out: "FIT Profiler Report" in out,
    ("detect_anomaly", "true"): lambda folder, seen, out: seen.trainer._detect_anomaly,
    ("sync_batchnorm", "true"): lambda folder, seen, out: len(seen.batches) == 3,
    ("reload_dataloaders_every_n_epochs", 1): lambda folder, seen, out: len(seen.batches) == 3,
    ("enable_autolog_hparams", "false"): lambda folder, seen, out: hparams_left_out(seen),
}
# These have tests of their own below, or in the file named.
ELSEWHERE = {
    "callbacks": "test_trainer_callbacks.py",
    "fast_dev_run": "test_trying_the_code_leaves_no_run",
    "min_epochs": "test_patience_waits",
    "min_steps": "test_patience_waits",
    "overfit_batches": "test_the_same_batches_in_each_epoch",
    "gradient_clip_algorithm": "test_clipping_changes_the_training",
    "plugins": "test_plugins_beside_ours",
}


def timer_of(seen):
    timers = [each for each in seen.trainer.callbacks if type(each).__name__ == "Timer"]
    return timers[0]._duration


def deterministic():
    import torch

    found = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    return found


def cudnn_benchmark():
    import torch

    found, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False
    return found


def inference_mode(seen):
    return seen.trainer.validate_loop.inference_mode


def hparams_left_out(seen):
    return seen.trainer.enable_autolog_hparams is False


def test_all_that_is_supported_has_a_case():
    assert {option for option, _ in EFFECTS} | set(ELSEWHERE) == set(option_tables.SUPPORTED)
    beside = {path.name for path in Path(__file__).parent.iterdir()}
    assert set(ELSEWHERE.values()) <= globals().keys() | beside


@pytest.mark.parametrize(("option", "value"), EFFECTS)
def test_supported_options_have_their_effect(cwd, capsys, caplog, watched, option, value):
    out = fit(capsys, f"--trainer.{option}", value) + caplog.text
    assert EFFECTS[option, value](cwd, watched, out)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A fit without options: its working folder, who watched it, what was printed and logged."""
    out, folder = io.StringIO(), tmp_path_factory.mktemp("plain") / "work"
    log = logging.StreamHandler(out)
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        seen = watch(monkeypatch)
        logging.getLogger().addHandler(log)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            assert main([*smoke(), "--run", "run"]) == 0
        logging.getLogger().removeHandler(log)
        yield folder, seen, out.getvalue()


# Their values are what happens anyway, or change no figure.
ANYWAY = {"accelerator", "strategy", "devices", "limit_val_batches", "sync_batchnorm"}
ANYWAY |= {"reload_dataloaders_every_n_epochs"}


@pytest.mark.parametrize(("option", "value"), [case for case in EFFECTS if case[0] not in ANYWAY])
def test_control_without_the_option_the_effect_is_not_there(plain, option, value):
    with pytest.raises((AssertionError, IndexError)):
        assert EFFECTS[option, value](*plain)


# What a fit does must not depend on whether somebody watches its steps, which alone makes it train
# batch by batch; nor must one batch be taken for all of them.
UNWATCHED = {
    **dict.fromkeys(EFFECTS),
    **{(name, value): None for name in ("min_epochs", "min_steps") for value in (1, 2)},
    **{("limit_train_batches", value): None for value in (1, 0.5)},
    **{("overfit_batches", value): None for value in (1, 2, 1.0)},
    **{("val_check_interval", value): None for value in (1, 3, 1.0, 0.5)},
}


@pytest.mark.parametrize(("option", "value"), UNWATCHED)
def test_a_fit_that_nobody_watches_does_the_same(cwd, monkeypatch, capsys, option, value):
    found = {}
    for name in ("watched", "alone"):
        with monkeypatch.context() as patched:
            if name == "watched":
                watch(patched)
            fit(capsys, "--trainer.max_epochs", 2, f"--trainer.{option}", value, name=name)
        record = record_of(cwd, name)
        epochs = [(each["epoch"], each["train_loss"]) for each in record["epochs"]]
        found[name] = record["validations"], epochs, record["best_step"], record["stop_reason"]
    for alone, watched in zip(found["alone"], found["watched"], strict=True):
        assert flat(alone) == pytest.approx(flat(watched), rel=1e-5, nan_ok=True)


def flat(found):
    """Numbers and words of nested lists and dicts by their place."""
    if isinstance(found, dict):
        found = list(found.values())
    if not isinstance(found, list | tuple):
        return {"": found} if not isinstance(found, str) else {found: 0}
    parts = [flat(each) for each in found]
    return {
        f"{place}.{key}": each for place, part in enumerate(parts) for key, each in part.items()
    }


@pytest.mark.parametrize(("value", "steps", "validations"), [(1, 1, 3), (1.0, 3, 1), (2, 2, 1)])
def test_one_is_a_single_batch_and_one_point_zero_is_all(cwd, capsys, value, steps, validations):
    fit(capsys, "--trainer.limit_train_batches", value)
    assert record_of(cwd)["best_step"] == steps
    Path("limits.yaml").write_text(f"trainer: {{limit_train_batches: {value}}}\n")
    fit(capsys, "--config", "limits.yaml", name="from a file")
    assert record_of(cwd, "from a file")["best_step"] == steps
    fit(capsys, "--trainer.val_check_interval", value, name="validated")
    assert len(record_of(cwd, "validated")["validations"]) == validations
    for stage, limit in (("test", "limit_test_batches"), ("validate", "limit_val_batches")):
        _, out, _ = run(capsys, stage, "--run", "run", f"--trainer.{limit}", value)
        assert ("(limited" in out) is (value != 1 or isinstance(value, int)), out


def test_trying_the_code_leaves_no_run(cwd, capsys, watched):
    out = run(capsys, *smoke(), "--run", "run", "--trainer.fast_dev_run", "true")
    assert (out[0], out[2]) == (0, "")
    assert "no run was written" in out[1]
    assert len(watched.batches) == 1
    assert list(cwd.iterdir()) == []


def test_trying_the_code_needs_no_search(cwd, capsys, watched):
    out = run(capsys, *smoke(), "--model.learning_rate=null", "--trainer.fast_dev_run", "true")
    assert out[0] == 0
    assert "search" not in out[1] + out[2]


@pytest.mark.parametrize(("option", "value"), [("min_epochs", 4), ("min_steps", 12)])
def test_patience_waits(cwd, capsys, watched, option, value):
    lost = ["--early_stopping.patience", "1", "--early_stopping.mode", "max"]
    fit(capsys, *lost, "--trainer.max_epochs", "9", name="free")
    fit(capsys, *lost, "--trainer.max_epochs", "9", f"--trainer.{option}", value)
    assert len(losses(cwd, "free")) < 4 == len(losses(cwd))
    assert record_of(cwd)["stop_kind"] == "patience"


def test_the_same_batches_in_each_epoch(cwd, capsys, watched):
    fit(capsys, "--trainer.overfit_batches", 2, "--trainer.max_epochs", 2)
    first, second = (
        [labels for epoch, labels in watched.batches if epoch == each] for each in (0, 1)
    )
    assert len(first) == 2
    assert first == second


def test_control_limited_batches_differ_between_epochs(cwd, capsys, watched):
    fit(capsys, "--trainer.limit_train_batches", 2, "--trainer.max_epochs", 2)
    first, second = (
        [labels for epoch, labels in watched.batches if epoch == each] for each in (0, 1)
    )
    assert first != second


def test_clipping_changes_the_training(cwd, capsys):
    clipped = ["--trainer.gradient_clip_val", "0.01", "--trainer.max_epochs", "2"]
    found = set()
    for name, options in {
        "none": ["--trainer.max_epochs", "2"],
        "norm": clipped,
        "value": [*clipped, "--trainer.gradient_clip_algorithm", "value"],
    }.items():
        fit(capsys, *options, name=name)
        found.add(losses(cwd, name)[1])
    assert len(found) == 3


def test_plugins_beside_ours(cwd, capsys, watched):
    error = refused(capsys, *smoke(), "--trainer.plugins", "AsyncCheckpointIO")
    assert "trainer" in error
    assert "CheckpointIO" in error or "checkpoint" in error.lower()
    path = "lightning.pytorch.plugins.environments.LightningEnvironment"
    fit(capsys, "--trainer.plugins", path)
    connector = watched.trainer._accelerator_connector
    assert type(connector.cluster_environment).__name__ == "LightningEnvironment"


@pytest.mark.parametrize(("stage", "part"), [("test", "test"), ("validate", "val")])
def test_what_lightning_refuses_when_it_evaluates_is_a_line(cwd, capsys, stage, part):
    fit(capsys)
    said = refused(capsys, stage, "--run", "run", f"--trainer.limit_{part}_batches", 0.0001)
    assert "Lightning refuses these settings: You requested to check 0.0001" in said


@pytest.mark.parametrize(
    "options",
    [
        ["--trainer.val_check_interval", "1000"],
        ["--trainer.limit_train_batches", "0.0001"],
        ["--trainer.limit_val_batches", "0.0001"],
        ["--trainer.overfit_batches", "0.0001"],
        ["--model.schedule", "one_cycle", "--trainer.max_epochs", "-1"],
        [
            *(
                "--model.schedule",
                "one_cycle",
                "--trainer.callbacks+=GradientAccumulationScheduler",
            ),
            *("--trainer.callbacks.scheduling", '{"0": 2}'),
        ],
        ["--trainer.gradient_clip_val", ".nan"],
        ["--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks+=ModelCheckpoint"],
        ["--trainer.gradient_clip_algorithm", "nrom", "--trainer.gradient_clip_val", "1"],
        [
            *("--model.learning_rate=null", "--trainer.callbacks+=GradientAccumulationScheduler"),
            *("--trainer.callbacks.scheduling", '{"0": 2}'),
        ],
        ["--ckpt_path", "x.ckpt"],
        ["--trainer.max_time", "three hours"],
        ["--trainer.fast_dev_run", "-1"],
    ],
)
def test_what_lightning_refuses_is_one_line_and_leaves_no_folder(cwd, capsys, options):
    refused(capsys, *smoke(), *options)


def test_record_is_json_that_every_reader_takes(cwd, capsys):
    """An epoch without a validation has null, not NaN, which JSON does not know."""
    fit(capsys, "--trainer.max_epochs", 3, "--trainer.check_val_every_n_epoch", 2)

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    text = (cwd / "run" / "record.json").read_text()
    found = json.loads(text, parse_constant=refuse)
    assert [epoch["val_loss"] is None for epoch in found["epochs"]] == [True, False, True]
    assert (cwd / "run" / "metrics.csv").read_text().splitlines()[1].split(",")[3] == ""
    assert not math.isnan(found["best_score"])
