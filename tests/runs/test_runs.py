import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import CONFIG_FILE
from lightning_cifar.runs.folders import (
    BEST_FILE,
    best_checkpoint,
    discard_if_unused,
    existing_run,
    new_run_folder,
    number_of,
)


def test_runs_are_numbered_for_each_variant(tmp_path):
    runs = tmp_path / "runs"
    names = [new_run_folder(None, runs, variant).name for variant in ("elu", "elu", "selu", "elu")]
    assert names == ["elu-000", "elu-001", "selu-000", "elu-002"]


def test_number_follows_the_highest_one(tmp_path):
    for name in ("elu-004", "elu-notes", "elu-011", "selu-020"):
        (tmp_path / name).mkdir()
    assert new_run_folder(None, tmp_path, "elu").name == "elu-012"


def test_number_that_another_process_has_just_taken_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "elu-000").mkdir()
    (tmp_path / "elu-001").mkdir()
    monkeypatch.setattr(
        "lightning_cifar.runs.folders.number_of", lambda folder: -1
    )  # saw no folder yet
    assert new_run_folder(None, tmp_path, "elu").name == "elu-002"


def test_wanted_folder_is_made_with_those_above(tmp_path):
    wanted = tmp_path / "a" / "b"
    assert new_run_folder(wanted, tmp_path / "runs", "elu") == wanted
    assert wanted.is_dir()
    assert not (tmp_path / "runs").exists()


def test_existing_folder_is_never_used_again(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match=r"already exists.*--resume"):
        new_run_folder(tmp_path / "run", tmp_path, "elu")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("wanted", [True, False])
def test_folder_that_cannot_be_made_is_refused(tmp_path, wanted):
    (tmp_path / "file").write_text("not a folder")
    below = tmp_path / "file" / "run"
    with pytest.raises(InputError, match=r"cannot create the run folder .*file/run: Not a dir"):
        new_run_folder(below if wanted else None, below, "elu")


@pytest.mark.parametrize(
    ("name", "number"),
    [("elu-007", 7), ("batch_norm-120", 120), ("elu", -1), ("elu-", -1), ("elu-x", -1), ("9", 9)],
)
def test_number_at_the_end_of_a_name(tmp_path, name, number):
    assert number_of(tmp_path / name) == number


def test_folder_of_a_run_that_never_began_is_removed(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / CONFIG_FILE).write_text("data: {}\n")
    discard_if_unused(folder)
    assert not folder.exists()


@pytest.mark.parametrize("name", [BEST_FILE, "notes.txt"])
def test_folder_with_anything_else_is_kept(tmp_path, name):
    (tmp_path / CONFIG_FILE).write_text("data: {}\n")
    (tmp_path / name).write_text("worth keeping")
    discard_if_unused(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([CONFIG_FILE, name])


def test_existing_run_needs_a_configuration(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        existing_run(tmp_path / "missing")
    with pytest.raises(InputError, match=f"contains no {CONFIG_FILE}"):
        existing_run(tmp_path)
    (tmp_path / CONFIG_FILE).write_text("")
    assert existing_run(tmp_path) == tmp_path


def test_best_checkpoint_must_be_there(tmp_path):
    with pytest.raises(InputError, match=f"has no {BEST_FILE}"):
        best_checkpoint(tmp_path)
    (tmp_path / BEST_FILE).write_bytes(b"")
    assert best_checkpoint(tmp_path) == tmp_path / BEST_FILE
