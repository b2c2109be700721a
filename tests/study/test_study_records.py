"""Records of a study: what is written is read, and no damage is taken for a record."""

import json

import pytest
from damages import flips, truncations
from record_samples import run_record, study_record

from lightning_cifar.errors import InputError
from lightning_cifar.study.records import read_study, read_study_record, write_study_record


def test_record_is_read_as_it_was_written(tmp_path):
    record = study_record()
    path = write_study_record(record, tmp_path)
    again = read_study_record(path)
    assert again.run.epochs[0].train_loss == 2.1235  # of 2.1234567
    assert write_study_record(again, tmp_path / "other").read_bytes() == path.read_bytes()
    assert (again.activations, again.monte_carlo) == (record.activations, record.monte_carlo)
    assert (again.test, again.test_right) == (record.test, record.test_right)


def test_losses_that_are_not_finite_are_read_back(tmp_path):
    record = study_record(run=run_record(losses=(float("inf"),)), failure="diverged")
    assert read_study_record(write_study_record(record, tmp_path)).run.epochs[0].val_loss == float(
        "inf"
    )


def test_file_is_compact(tmp_path):
    text = write_study_record(study_record(), tmp_path).read_text()
    assert text.count("\n") == 1
    assert ", " not in text


DAMAGES = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "a list": lambda text: "[]",
    "other accuracy": lambda text: text.replace('"accuracy":0.35', '"accuracy":0.36'),
    "no seal": lambda text: json.dumps(
        {key: value for key, value in json.loads(text).items() if key != "seal"}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_record_is_named_and_skipped(tmp_path, damage):
    whole = write_study_record(study_record(), tmp_path)
    broken = write_study_record(study_record(name="00000000000000bb"), tmp_path)
    assert len(read_study(tmp_path)[0]) == 2  # control
    broken.write_text(DAMAGES[damage](broken.read_text()))
    records, damaged = read_study(tmp_path)
    assert [record.name for record in records] == [whole.stem]
    assert damaged == [broken.stem]
    with pytest.raises(InputError, match=r"bb.json is damaged .*--redo_damaged"):
        read_study_record(broken)


@pytest.mark.parametrize("damages", [flips, truncations])
def test_any_damaged_byte_is_found(tmp_path, damages):
    path = write_study_record(study_record(), tmp_path)
    for content in damages(path.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            read_study_record(path)


def test_record_under_another_name_is_damaged(tmp_path):
    path = write_study_record(study_record(), tmp_path)
    own = path.stem
    path = path.rename(path.with_name("00000000000000cc.json"))
    assert read_study(tmp_path) == ([], ["00000000000000cc"])
    with pytest.raises(InputError) as refusal:
        read_study_record(path)
    assert str(refusal.value) == (
        f"{path} is damaged (it belongs to {own}.json); run it again with 'study --redo_damaged'"
    )


def test_records_come_by_set_up_variant_and_seed(tmp_path):
    for name, seed in (("a", 2), ("b", 0), ("c", 1)):
        write_study_record(study_record(name=name, seed=seed), tmp_path)
    assert [record.seed for record in read_study(tmp_path)[0]] == [0, 1, 2]


def test_missing_record_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot read the study record"):
        read_study_record(tmp_path / "none.json")
