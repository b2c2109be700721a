"""WriteRunRecord piece by piece: every field, and what it writes when."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from lightning.pytorch.utilities.exceptions import SIGTERMException
from small_runs import small_classifier

from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.runs.records import EpochRecord, RunRecord, ValidationRecord, read_record
from lightning_cifar.training import run_record
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import NonFiniteLoss
from lightning_cifar.training.run_record import WriteRunRecord
from lightning_cifar.training.trainer import Ending

EPOCH = EpochRecord(2, 1.5, 0.25, 1.0, 0.5, 0.125, 3.0)
FIGURES = {"train_loss": 1.5, "train_accuracy": 0.25, "val_loss": 1.0, "val_accuracy": 0.5}


def config():
    return {
        "seed_everything": 4,
        "model": {"init_args": {"depth": 2, "learning_rate": None}},
        "data": {"batch_size": 3, "validation": "x", "source": "auto", "flip": True},
    }


@pytest.fixture
def trainer(tmp_path):
    """As much of a trainer as a record is made of."""
    datamodule = SimpleNamespace(
        fingerprint="of noise",
        copies={"test in train": 2},
        found={"form": "noise"},
        settings={"batch_size": 16, "validation": "first", "flip": "other"},
        source="synthetic",
    )
    return SimpleNamespace(
        is_global_zero=True,
        sanity_checking=False,
        callbacks=[],
        default_root_dir=str(tmp_path),
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
        datamodule=datamodule,
        callback_metrics={name: torch.tensor(value) for name, value in FIGURES.items()},
        current_epoch=2,
        global_step=9,
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.125}])],
    )


@pytest.fixture
def writer():
    one = WriteRunRecord(config())
    one.rate = 1e-3
    return one


CLASSIFIER = small_classifier()


def expected(**changes):
    fields = {
        "variant": "elu",
        "seed": 4,
        "learning_rate": 1e-3,
        "learning_rate_source": "given",
        "parameters": 3072 * 4 + 4 + 4 * 4 + 4 + 4 * 10 + 10,
        "device": device_name(torch.device("cpu")),
        "versions": versions(),
        "commit": commit(),
        "data_fingerprint": "of noise",
        "best_epoch": -1,
        "stop_reason": "because",
        "epochs": (),
        "config": config(),
        "stop_kind": "time",
        "copies": {"test in train": 2},
        "images": {"form": "noise"},
    }
    return RunRecord(**fields | changes)


def assert_written(record, folder):
    found = read_record(Path(folder) / "record.json")
    assert repr(found) == repr(record)  # which has NaN equal to NaN


def test_a_record_without_other_callbacks(writer, trainer):
    writer._write(trainer, CLASSIFIER, Ending("time", "because"))
    assert_written(expected(), trainer.default_root_dir)


def test_a_record_with_what_the_callbacks_know(writer, trainer):
    best, search = BestWeights("val_accuracy"), LearningRateSearch()
    best.best_score, best.best_epoch, best.best_step = 0.5, 2, 9
    search.source = "cache"
    trainer.callbacks = [search, best]
    writer.epochs, writer.validations = [EPOCH], [ValidationRecord(2, 9, 1.0, 0.5)]
    writer.config.pop("seed_everything")
    writer._write(trainer, CLASSIFIER, Ending("epochs", "done"))
    changes = {"stop_reason": "done", "stop_kind": "epochs", "seed": 0, "epochs": (EPOCH,)}
    changes |= {"monitor": "val_accuracy", "mode": "max", "best_score": 0.5, "best_epoch": 2}
    changes |= {"best_step": 9, "validations": tuple(writer.validations)}
    without_seed = {key: value for key, value in config().items() if key != "seed_everything"}
    record = expected(**changes, learning_rate_source="cache", config=without_seed)
    assert_written(record, trainer.default_root_dir)


def test_a_rate_that_was_changed_is_called_so(writer, trainer):
    writer.rate = 1e-2
    writer._write(trainer, CLASSIFIER, Ending("time", "because"))
    record = expected(learning_rate_source="changed during the fit")
    assert_written(record, trainer.default_root_dir)


def test_another_process_writes_nothing(writer, trainer, tmp_path):
    trainer.is_global_zero = False
    writer._write(trainer, CLASSIFIER, Ending("time", "because"))
    writer._write_config(trainer, CLASSIFIER)
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_is_that_of_what_was_used(writer, trainer, tmp_path):
    writer.setup(trainer, CLASSIFIER, "validate")
    assert list(tmp_path.iterdir()) == []
    writer.rate, writer.epochs, writer.validations = None, [1], [2]
    writer.setup(trainer, CLASSIFIER, "fit")
    assert (writer.rate, writer.epochs, writer.validations) == (1e-3, [], [])
    used = config()
    used["model"]["init_args"]["learning_rate"] = 1e-3
    used["data"] |= {"batch_size": 16, "validation": "first", "source": "synthetic"}
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == used
    assert writer.config == used


@pytest.mark.parametrize("lacking", ["model", "data"])
def test_a_part_of_a_configuration_is_written_where_there_is_a_model(
    writer, trainer, tmp_path, lacking
):
    writer.config.pop(lacking)
    writer._write_config(trainer, CLASSIFIER)
    assert (tmp_path / "config.yaml").exists() is (lacking == "data")


def test_a_checkpoint_holds_the_configuration(writer):
    checkpoint = {}
    writer.on_save_checkpoint(None, None, checkpoint)
    assert checkpoint == {"configuration": config()}


def test_the_state_is_the_epochs_and_validations(writer):
    validation = ValidationRecord(2, 9, 1.0, 0.5)
    writer.epochs, writer.validations = [EPOCH], [validation]
    state = {"epochs": [vars(EPOCH)], "validations": [vars(validation)]}
    assert writer.state_dict() == state
    other = WriteRunRecord({})
    other.load_state_dict(state)
    assert (other.epochs, other.validations) == ([EPOCH], [validation])
    other.load_state_dict({"epochs": []})
    assert (other.epochs, other.validations) == ([], [])


def test_a_validation_is_added_unless_it_is_a_check(writer, trainer):
    trainer.sanity_checking = True
    writer.on_validation_end(trainer, CLASSIFIER)
    assert writer.validations == []
    trainer.sanity_checking = False
    writer.on_validation_end(trainer, CLASSIFIER)
    assert writer.validations == [ValidationRecord(2, 9, 1.0, 0.5)]


@pytest.mark.parametrize("step", [9, 8])
def test_an_epoch_has_the_figures_of_its_own_validation(writer, trainer, monkeypatch, step):
    times = iter((10.0, 11.234567))
    monkeypatch.setattr(run_record.time, "perf_counter", lambda: next(times))
    writer.validations = [
        ValidationRecord(1, 4, 7.0, 7.0),
        ValidationRecord(2, step, 6.0, 6.0),
        ValidationRecord(2, step, 1.0, 0.75),
    ]
    writer.on_train_epoch_start(trainer, CLASSIFIER)
    writer.on_train_epoch_end(trainer, CLASSIFIER)
    figures = (1.0, 0.75) if step == 9 else (math.nan, math.nan)
    epoch = EpochRecord(2, 1.5, 0.25, *figures, 0.125, 1.2346)
    record = expected(
        epochs=(epoch,),
        validations=tuple(writer.validations),
        stop_kind="running",
        stop_reason="running",
    )
    assert_written(record, trainer.default_root_dir)


def test_the_end_is_written_with_the_configuration(writer, trainer, monkeypatch, tmp_path):
    monkeypatch.setattr(run_record, "ending", lambda given: Ending("steps", f"{given is trainer}"))
    writer.on_fit_end(trainer, CLASSIFIER)
    found = read_record(tmp_path / "record.json")
    assert (found.stop_kind, found.stop_reason) == ("steps", "True")
    assert found.config["data"]["batch_size"] == 16
    assert (tmp_path / "config.yaml").exists()


EXCEPTIONS = {
    "diverged": (NonFiniteLoss("it diverged"), "not_finite", "it diverged"),
    "Ctrl-C": (KeyboardInterrupt(), "interrupted", "interrupted before its end"),
    "SIGTERM": (SIGTERMException(), "interrupted", "terminated before its end"),
}


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_an_exception_is_written_as_an_end(writer, trainer, tmp_path, case):
    error, kind, reason = EXCEPTIONS[case]
    writer.on_exception(trainer, CLASSIFIER, error)
    assert (tmp_path / "record.json").exists() is (case == "diverged")
    writer.epochs = [EPOCH]
    writer.on_exception(trainer, CLASSIFIER, error)
    found = read_record(tmp_path / "record.json")
    assert (found.stop_kind, found.stop_reason) == (kind, reason)


def test_another_exception_leaves_the_record_as_it_is(writer, trainer, tmp_path):
    writer.epochs = [EPOCH]
    writer.on_exception(trainer, CLASSIFIER, ValueError("x"))
    assert list(tmp_path.iterdir()) == []
