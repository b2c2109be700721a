"""Which form is chosen where, and what makes a set whole; every message whole."""

import os
from pathlib import Path

import pytest
import torch
from files_in_memory import files_of, refusal, said_of
from image_examples import random_images, write_folder
from image_forms import drawn, npz, tar_folder

from lightning_cifar.data import completion, forms
from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.completion import check_classes, completed, numbers_to
from lightning_cifar.data.containers import (
    Entry,
    absence,
    shown,
)
from lightning_cifar.data.form_folders import LAYOUT
from lightning_cifar.data.forms import (
    archives_in,
    content_key,
    load_folder,
    read_source,
    recognised,
    several,
    unpacked,
)
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.reading import About, Files, Reading

# Which form.

PLACES = {
    "CIFAR's python version": ("a/data_batch_1", "a/"),
    "CIFAR's binary version": ("a/b/test.bin", "a/b/"),
    "parquet files": ("a/train.parquet", "a/"),
    "Kaggle's layout": ("trainLabels.csv", ""),
    "NumPy arrays": ("x.npz", ""),
    "class folders": ("a/train/b/1.png", ""),
}


@pytest.mark.parametrize("title", PLACES)
def test_one_file_makes_a_form_and_its_place(title):
    name, place = PLACES[title]
    form, found = recognised(files_of({name: b""}))
    assert (form.title, found) == (title, place)


def test_of_several_places_all_are_named():
    names = ["train.bin", "b/train.bin", "a/x.npz"]
    assert refusal(recognised, files_of(dict.fromkeys(names))) == (
        "x.zip holds more than one set of images, which are not put together: CIFAR's binary "
        "version in the top, CIFAR's binary version in b, NumPy arrays in a; name one of them with "
        "--data.path."
    )
    assert recognised(files_of({"a.txt": b""})) is None


def test_no_more_than_six_sets_are_named():
    found = [(str(number), "x") for number in range(8)]
    assert str(several(files_of({}), found)).endswith(
        "together: x in 0, x in 1, x in 2, x in 3, x in 4, x in 5; name one of them with "
        "--data.path."
    )


@pytest.mark.parametrize("end", forms.ARCHIVES)
def test_archives_within_lie_at_the_top_or_one_below(end):
    names = [f"a{end}", f"b/c{end.upper()}"]
    others = [f"b/c/d{end}", f"e{end}.txt", "f.gz"]
    assert archives_in(files_of(dict.fromkeys([*names, *others]))) == names


def test_two_archives_within_are_not_put_together(tmp_path):
    for name in ("a.zip", "b.tar"):
        (tmp_path / name).write_bytes(b"")
    assert refusal(read_source, tmp_path, Reading()) == (
        f"{tmp_path} holds more than one set of images, which are not put together: an archive in "
        "a.zip, an archive in b.tar; name one of them with --data.path."
    )


def test_an_archive_within_is_read_where_it_lies_or_from_a_copy(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"here")
    within = Files(tmp_path, [Entry("a.zip")], None)
    with unpacked(within, "a.zip") as path:
        assert path == tmp_path / "a.zip"
    with unpacked(files_of({"b/a.zip": b"packed"}), "b/a.zip") as path:
        assert (path.name, path.read_bytes()) == ("a.zip", b"packed")
    assert not path.parent.exists()


def test_what_is_in_an_archive_within_is_said_so(tmp_path):
    write_folder(tmp_path / "images")
    (tmp_path / "root").mkdir()
    tar_folder(tmp_path / "images", tmp_path / "root/a.tgz.gz")
    os.rename(tmp_path / "root/a.tgz.gz", tmp_path / "root/a.tgz")
    found = read_source(tmp_path / "root", Reading(16))
    assert found.about.form == "class folders, in a.tgz"
    assert found.parts["train"].shape == (20, 3, 16, 16)


def test_images_wait_in_the_room_that_is_given(tmp_path):
    """A folder that is not there shows where they would wait; also from an archive within."""
    npz(drawn(), tmp_path / "arrays")
    (tmp_path / "root").mkdir()
    tar_folder(tmp_path / "arrays", tmp_path / "root/a.tar")
    for source in (tmp_path / "arrays", tmp_path / "root"):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            read_source(source, Reading(), tmp_path / "nowhere")


def test_the_kept_arrays_are_named_by_content_and_reading(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(forms, "cached_set", lambda folder, build: (folder, build))
    monkeypatch.setattr(forms, "read_source", lambda *given: asked.append(given))
    source, cache = tmp_path, Path("cache")
    key = content_key(source)[:32]
    for given, reading, end in (((), Reading(), ""), ((Reading(16),), Reading(16), "-16px")):
        folder, build = load_folder(source, cache, *given)
        assert folder == Path(f"cache/folder/version4-{key}{end}")
        build()
        assert asked.pop() == (source, reading, folder)


@pytest.mark.parametrize(
    "name", ["y_train.npy", "a.NPZ", "trainLabels.csv", "data_batch_1", "t.tar"]
)
def test_other_content_of_the_same_size_and_time_has_another_key(tmp_path, name):
    def written(content, file):
        (tmp_path / "sub").mkdir(exist_ok=True)
        (tmp_path / "sub" / file).write_bytes(content)
        os.utime(tmp_path / "sub" / file, ns=(1, 1))
        return content_key(tmp_path)

    key = written(b"0123", name)
    assert written(b"0123", name) == key
    assert written(b"3210", name) != key
    # Control: of a picture the size and the time decide; there may be tens of thousands.
    assert written(b"0123", "a.png") == written(b"3210", "a.png")


NEEDED = f"give a folder, zip or tar with {LAYOUT}."


def test_what_is_not_there_is_named_with_what_is_needed(tmp_path):
    (tmp_path / "link").symlink_to("/gone")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path, problem in (
        (tmp_path / "a\n", "does not exist"),
        (tmp_path / "link", "is a link that points nowhere (to /gone)"),
        (tmp_path / "circle", "is a link that leads in a circle"),
        (tmp_path / ("x" * 300), "cannot be read (File name too long)"),
        (Path("/dev/null"), "is neither a file nor a folder"),
    ):
        assert refusal(content_key, path) == f"{shown(path)} {problem}; {NEEDED}"
    (tmp_path / "file").write_bytes(b"")
    assert absence(tmp_path / "file" / "below") == "does not exist"
    assert absence(tmp_path) == ""


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "x").write_bytes(b"")
    monkeypatch.setattr(forms, "sha256_of", refuse)
    assert (
        refusal(content_key, tmp_path / "x") == f"{tmp_path}/x cannot be read (Permission denied)."
    )


# What is complete.

FILES = files_of({}, "set")


def labelled(*labels):
    return random_images(len(labels)).images, torch.tensor(labels, dtype=torch.int64)


def parts_of(**parts):
    return {part: LabelledImages(*labelled(*labels)) for part, labels in parts.items()}


CLASSES = ("a", "b")
INCOMPLETE = {
    "one class": (("a",), {"train": [0]}, "has 1 class (a); a classifier needs two or more."),
    "one name for two": (
        ("a", "b", "a"),
        {"train": [0, 1, 2]},
        "has several classes of the name 'a'; give each its own name.",
    ),
    "no images": (CLASSES, {"train": []}, "has no train images; add some."),
    "no test images": (CLASSES, {"train": [0, 1], "test": []}, "has no test images; add some."),
    "too high": (
        CLASSES,
        {"train": [0, 1], "test": [1, 2]},
        "has labels from 1 to 2 in its test part; for its 2 classes they are 0 to 1.",
    ),
    "too low": (
        CLASSES,
        {"train": [0, 1, -1]},
        "has labels from -1 to 1 in its train part; for its 2 classes they are 0 to 1.",
    ),
    "untrained": (
        ("a", "b", "c"),
        {"train": [0], "test": [1, 2]},
        "has no training images of the class 'b'; add some, or remove the class from the other "
        "parts.",
    ),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_set_that_cannot_be_learned_is_named(case):
    classes, parts, message = INCOMPLETE[case]
    assert said_of(check_classes, classes, parts_of(**parts), FILES) == f"set {message}"


def test_a_set_of_two_classes_can_be_learned():
    assert said_of(check_classes, CLASSES, parts_of(train=[0, 1], test=[0]), FILES) == ""


@pytest.mark.parametrize(("count", "size"), [(4, 1), (12, 2), (13, 2)])
def test_one_image_in_six_is_set_apart_for_test(count, size):
    labels = [number % 2 for number in range(count)]
    raw = DecodedSet(CLASSES, parts_of(train=labels), About(notes=("one",), sizes={"x": 1}))
    found = completed(raw, "a form", FILES)
    assert {part: len(data) for part, data in found.parts.items()} == {
        "train": count - size,
        "test": size,
    }
    note = (
        f"there are no test images: {size} of the {count} images, of each class its share, are set "
        "apart for test"
    )
    assert found.about == About("a form", notes=("one", note), sizes={"x": 1})
    assert list(raw.parts) == ["train"]


def test_a_class_of_one_image_may_be_set_apart_and_is_missed():
    """Of two images one tests, so that one class is left to train."""
    assert refusal(completed, DecodedSet(CLASSES, parts_of(train=[0, 1])), "", FILES).endswith(
        "; add some, or remove the class from the other parts."
    )


def test_a_set_with_test_images_is_as_it_was():
    raw = DecodedSet(CLASSES, parts_of(train=[0, 1], test=[1]))
    found = completed(raw, "a form", FILES)
    assert dict(found.parts) == raw.parts
    assert found.about == About("a form")


def test_classes_without_names_are_numbers(monkeypatch):
    assert numbers_to(2) == ("0", "1", "2")
    monkeypatch.setattr(completion, "MOST_NUMBERS", 1)
    assert numbers_to(2) == ("0", "1")
