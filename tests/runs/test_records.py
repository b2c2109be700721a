import csv
import dataclasses
import json
import math

import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import (
    CURVES_FILE,
    RECORD_FILE,
    EpochRecord,
    RunRecord,
    read_record,
    write_record,
)


def epoch_record(epoch, **changes):
    fields = {
        "epoch": epoch,
        "train_loss": 2.0 / (epoch + 1),
        "train_accuracy": 0.1 * epoch,
        "val_loss": 2.1 / (epoch + 1),
        "val_accuracy": 1 / 3,
        "learning_rate": 1e-4 / 3,
        "seconds": 1.0 + epoch,
    }
    return EpochRecord(**fields | changes)


def run_record(**changes):
    fields = {
        "variant": "selu",
        "seed": 3,
        "learning_rate": 7e-4,
        "learning_rate_source": "search",
        "parameters": 500_210,
        "device": "cpu",
        "versions": {"torch": "2.15"},
        "commit": "unknown",
        "data_fingerprint": "abc",
        "best_epoch": 1,
        "stop_reason": "all 3 epochs done",
        "epochs": tuple(epoch_record(epoch) for epoch in range(3)),
        "config": {"data": {"batch_size": 32, "path": None}},
    }
    return RunRecord(**fields | changes)


def test_record_is_read_back_as_it_was_written(tmp_path):
    record = run_record()
    write_record(record, tmp_path)
    assert read_record(tmp_path / RECORD_FILE) == record


def test_diverged_losses_are_read_back(tmp_path):
    epochs = (epoch_record(0, val_loss=math.inf), epoch_record(1, train_loss=math.nan))
    write_record(run_record(epochs=epochs, best_epoch=-1), tmp_path)
    read = read_record(tmp_path / RECORD_FILE)
    assert read.epochs[0].val_loss == math.inf
    assert math.isnan(read.epochs[1].train_loss)
    assert read.best is None


def test_curves_stand_beside_the_record_with_all_digits(tmp_path):
    record = run_record()
    write_record(record, tmp_path)
    rows = list(csv.DictReader((tmp_path / CURVES_FILE).read_text().splitlines()))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == [
        dataclasses.asdict(epoch) for epoch in record.epochs
    ]


def test_best_epoch_and_seconds_are_summed_up(tmp_path):
    write_record(run_record(), tmp_path)
    data = json.loads((tmp_path / RECORD_FILE).read_text())
    assert data["best"]["epoch"] == 1
    assert data["seconds_per_epoch"] == 2.0  # of 1, 2 and 3


def test_run_without_an_epoch_has_no_best_one(tmp_path):
    record = run_record(epochs=(), best_epoch=-1)
    assert record.best is None
    assert record.seconds_per_epoch == 0
    write_record(record, tmp_path)
    assert read_record(tmp_path / RECORD_FILE) == record


@pytest.mark.parametrize(
    "text",
    ["", "not JSON", "[1, 2]", "{}", '{"epochs": 3}'],
)
def test_other_files_are_refused_by_name(tmp_path, text):
    path = tmp_path / RECORD_FILE
    path.write_text(text)
    with pytest.raises(InputError, match="not a run record") as raised:
        read_record(path)
    assert str(path) in str(raised.value)


REQUIRED = [
    field.name
    for field in dataclasses.fields(RunRecord)
    if field.default is field.default_factory is dataclasses.MISSING
]


@pytest.mark.parametrize("field", REQUIRED)
def test_record_without_a_field_is_refused(tmp_path, field):
    write_record(run_record(), tmp_path)
    data = json.loads((tmp_path / RECORD_FILE).read_text())
    del data[field]
    (tmp_path / RECORD_FILE).write_text(json.dumps(data))
    with pytest.raises(InputError, match=field):
        read_record(tmp_path / RECORD_FILE)


def test_missing_record_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_record(tmp_path / "nothing.json")
