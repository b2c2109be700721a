"""``lightning-cifar data``: its figures are those of images whose figures are known."""

import json
import shutil

import numpy as np
import pytest
from commands import refused, run, working_in
from controls import assert_rejects
from image_forms import class_folders, drawn, npz, python100
from PIL import Image

from lightning_cifar.data import inspection
from lightning_cifar.data.contact_sheet import SIDE, contact_sheet
from lightning_cifar.data.forms import load_folder
from lightning_cifar.data.inspection import inspected

NAMES = ("a", "b", "c")
SETS = drawn(6, 2, classes=3)


@pytest.fixture
def work(tmp_path, monkeypatch):
    with working_in(tmp_path / "work", monkeypatch) as folder:
        yield folder


@pytest.fixture
def images(work):
    """18 and 6 images; two copies across parts, one of them under another label, one within."""
    folder = class_folders(SETS, work / "images", names=NAMES)
    shutil.copy(folder / "train/a/0000.png", folder / "test/a/9.png")
    shutil.copy(folder / "train/a/0001.png", folder / "test/b/9.png")
    shutil.copy(folder / "train/c/0012.png", folder / "train/c/9.png")
    return folder


def as_json(capsys, *arguments):
    code, out, error = run(capsys, "data", *arguments, "--json")
    return code, json.loads(out), error


def test_figures_are_those_of_the_images(images, capsys):
    code, found, error = as_json(capsys, "--data.path", images)
    assert (code, error) == (0, "")
    assert found["form"] == "class folders"
    assert found["classes"] == list(NAMES)
    assert found["counts"] == {"train": {"a": 6, "b": 6, "c": 7}, "test": {"a": 3, "b": 3, "c": 2}}
    assert found["copies_within"] == {"train": 1, "test": 0}
    assert found["copies_across"] == {"train in test": 2, "test in train": 2}
    assert found["contradictions"] == 2
    assert found["sizes"] == {"32x32": 27}
    train = np.concatenate([SETS["train"][0], SETS["train"][0][12:13]])
    assert found["mean"] == pytest.approx(train.mean((0, 1, 2)).tolist(), abs=1e-3)
    assert found["deviation"] == pytest.approx(train.std((0, 1, 2)).tolist(), abs=1e-3)


def counts_right(count):
    def check():
        assert count(np.array([1, 2, 1, 3], np.uint64), np.array([0, 0, 1, 0])) == 2
        assert count(np.array([1, 1, 1, 3], np.uint64), np.array([4, 4, 4, 0])) == 0

    return check


def test_contradictions_are_counted():
    counts_right(inspection.contradictions)()


def test_control_copies_with_the_same_label_do_not_contradict():
    assert_rejects(counts_right(lambda hashes, labels: len(hashes) - len(np.unique(hashes)) + 1))


def test_the_text_names_all_of_it(images, capsys):
    code, out, _ = run(capsys, "data", "--data.path", images)
    assert code == 0
    for line in (
        "form       class folders",
        "content    not verified",
        "images     train 19, test 8",
        "copies     1 within train, 2 of train in test, 2 of test in train",
        "labels     2 images have a copy with another label",
        "wrote contact_sheet.png",
    ):
        assert line in out
    assert [line.split() for line in out.splitlines()[-4:-1]][2] == ["c", "7", "2"]


def test_unreadable_files_are_named_and_the_rest_is_shown(images, capsys):
    (images / "train/b/0007.png").write_bytes(b"no picture")
    code, found, _ = as_json(capsys, "--data.path", images)
    assert code == 1
    assert "train/b/0007.png" in found["skipped"][0]
    assert found["counts"]["train"]["b"] == 5


def decoded_again(*_):
    raise AssertionError("the images are decoded again")


def test_a_second_look_reads_the_cache(images, capsys, monkeypatch):
    _, first, _ = as_json(capsys, "--data.path", images)
    monkeypatch.setattr("lightning_cifar.data.forms.read_source", decoded_again)
    assert as_json(capsys, "--data.path", images)[1] == first


def test_the_contact_sheet_shows_images_of_each_class(images, capsys):
    run(capsys, "data", "--data.path", images, "--contact_sheet", images.parent / "sheet.png")
    loaded = load_folder(images, images.parent / "cache")
    with Image.open(images.parent / "sheet.png") as sheet:
        assert sheet.size == (110 + 8 * SIDE, 3 * SIDE)
        pixels = np.asarray(sheet)
    for row, label in enumerate(range(3)):
        shown = pixels[row * SIDE : (row + 1) * SIDE : 2, 110 : 110 + SIDE : 2]
        of_class = loaded.train.images[loaded.train.labels == label].permute(0, 2, 3, 1).numpy()
        assert any(np.array_equal(shown, each) for each in of_class)


def test_a_hundred_classes_fit_on_the_sheet(work, tmp_path):
    source = python100(drawn(2, 1, classes=100), tmp_path / "root")
    loaded = load_folder(source, tmp_path / "cache")
    assert contact_sheet(loaded.train, loaded.classes).size == (12 * SIDE, 9 * (SIDE + 14))
    assert inspected(loaded).counts["test"] == dict.fromkeys(loaded.classes, 1)


def test_bad_arguments_are_refused_in_a_line(work, capsys):
    assert "nothing to look at" in refused(capsys, "data")
    assert "nowhere does not exist" in refused(capsys, "data", "--data.path", "nowhere")
    assert "image_size is 7" in refused(
        capsys, "data", "--data.path", "x", "--data.image_size", "7"
    )
    assert "choose one of official" in refused(capsys, "data", "--data.source", "web")
    npz(drawn(), work / "arrays")
    code, _, error = run(capsys, "data", "--data.path", "arrays", "--contact_sheet", "x.what")
    assert (code, "cannot draw x.what" in error) == (2, True)
