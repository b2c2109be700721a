"""CIFAR's two versions: by which files they are known, and whole messages on those that lack."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from files_in_memory import files_of, refusal
from image_forms import CLASSES, binary10, binary100, drawn, names100, python10

from lightning_cifar.data import form_cifar
from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.cifar_layouts import CIFAR10, CIFAR100, CIFAR100S
from lightning_cifar.data.containers import Entry
from lightning_cifar.data.form_cifar import (
    BINARY_TENS,
    TENS,
    check_complete,
    described,
    is_binary,
    is_python,
    layout_at,
    md5_of,
    names_in,
    read_binary,
    read_python,
    records,
)
from lightning_cifar.data.reading import About, Files, Reading

COARSE = Reading(labels="coarse")
SETS = drawn(2, 1)


@pytest.mark.parametrize(
    ("names", "python", "binary"),
    [
        (["data_batch_4"], True, False),
        (["test_batch", "x"], True, False),
        (["train", "meta"], True, False),
        (["train", "test"], True, False),
        (["train"], False, False),
        (["test", "meta"], False, False),
        (["batches.meta"], False, False),
        (["data_batch_1.bin"], False, True),
        (["test_batch.bin"], False, True),
        (["train.bin"], False, True),
        (["test.bin"], False, True),
        (["batches.meta.txt", "train.bin.txt"], False, False),
    ],
)
def test_the_names_of_files_make_the_version(names, python, binary):
    assert (is_python(names), is_binary(names)) == (python, binary)


def test_the_layout_is_that_of_the_files_beside():
    files = files_of({"a/data_batch_2": b"", "b/train": b"", "c/test_batch.bin": b""})
    assert layout_at(files, "a/", TENS, Reading()) is CIFAR10
    assert layout_at(files, "c/", BINARY_TENS, Reading()) is CIFAR10
    assert layout_at(files, "b/", TENS, Reading()) is CIFAR100
    assert layout_at(files, "b/", TENS, COARSE) is CIFAR100S["coarse"]
    assert refusal(layout_at, files, "a/", TENS, COARSE) == (
        "x.zip/a/ is CIFAR-10, which has no coarse labels; leave --data.labels out"
    )


def on_disk(root, room=None):
    """The files of a folder, which are read from it."""
    entries = [Entry(str(each.relative_to(root))) for each in root.rglob("*") if each.is_file()]
    return Files(root, entries, lambda name, most: (root / name).read_bytes()[:most], room)


def parts_of(found):
    return {part: (data.shape, data.labels.tolist()) for part, data in found.parts.items()}


@pytest.mark.parametrize(
    ("write", "read", "place"),
    [
        (python10, read_python, "cifar-10-batches-py/"),
        (binary10, read_binary, "cifar-10-batches-bin/"),
    ],
)
@pytest.mark.parametrize("size", [32, 16])
def test_both_versions_are_read_in_the_size_that_is_asked_for(tmp_path, write, read, place, size):
    files = on_disk(write(SETS, tmp_path / "images"), tmp_path)
    found = read(files, place, Reading(size))
    assert parts_of(found) == {
        part: ((len(labels), 3, size, size), labels.tolist()) for part, (_, labels) in SETS.items()
    }
    assert found.classes == CLASSES
    assert found.about == About(
        notes=("there are 20 training and 10 test images, not the official 50000 and 10000",),
        sizes={"32x32": 30},
    )


def test_images_wait_in_the_folder_that_is_given(tmp_path):
    """A folder that is not there shows where they would wait."""
    for write, read in ((python10, read_python), (binary10, read_binary)):
        root = write(SETS, tmp_path / read.__name__)
        (place,) = (f"{each.name}/" for each in root.iterdir())
        with pytest.raises(FileNotFoundError, match="nowhere"):
            read(on_disk(root, tmp_path / "nowhere"), place, Reading())


def test_every_file_must_have_its_official_hash(tmp_path, monkeypatch):
    root = python10(SETS, tmp_path / "images")
    place = "cifar-10-batches-py/"
    md5 = {each.name: hashlib.md5(each.read_bytes()).hexdigest() for each in root.glob("*/*")}
    for wrong in (None, *md5):
        known = md5 if wrong is None else {**md5, wrong: "0"}
        monkeypatch.setattr(form_cifar, "CIFAR10", replace(CIFAR10, md5=known))
        found = read_python(on_disk(root), place, Reading())
        assert found.about.verified is (wrong is None)


@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_classes_without_names_are_numbered(tmp_path, labels):
    root = binary100(drawn(1, 1, classes=100), tmp_path / "images")
    names = {"fine": names100(), "coarse": [f"c{number}" for number in range(20)]}[labels]
    reading = Reading(labels=labels)
    assert list(read_binary(on_disk(root), "cifar-100-binary/", reading).classes) == names
    (root / f"cifar-100-binary/{labels}_label_names.txt").unlink()
    found = read_binary(on_disk(root), "cifar-100-binary/", reading)
    assert found.classes == tuple(str(number) for number in range(len(names)))


def test_ten_classes_without_names_are_those_that_are_known(tmp_path):
    root = binary10(SETS, tmp_path / "images")
    (root / "cifar-10-batches-bin/batches.meta.txt").unlink()
    assert read_binary(on_disk(root), "cifar-10-batches-bin/", Reading()).classes == CLASSES


def test_the_hash_of_a_file_is_its_md5():
    content = bytes(range(256)) * 1000
    assert md5_of(io.BytesIO(content)) == hashlib.md5(content).hexdigest()


# Binary records.


def record(*labels, start=0):
    pixels = (np.arange(3072) + start).astype(np.uint8)
    return bytes(labels) + pixels.tobytes(), pixels.reshape(3, 32, 32)


def test_records_are_labels_and_planes():
    (first, one), (second, other) = record(7, 99), record(3, 0, start=5)
    for layout, labels in ((CIFAR100, [99, 0]), (CIFAR100S["coarse"], [7, 3])):
        pixels, found = records(first + second, "x", layout)
        assert found.tolist() == labels
        assert np.array_equal(pixels, [one, other])


@pytest.mark.parametrize(
    ("content", "layout", "message"),
    [
        (
            b"",
            CIFAR10,
            "x has 0 bytes, which are no whole records of 3073 bytes; take it from CIFAR-10's "
            "binary version again.",
        ),
        (
            bytes(3073),
            CIFAR100,
            "x has 3073 bytes, which are no whole records of 3074 bytes; take it from CIFAR-100's "
            "binary version again.",
        ),
        (
            record(9)[0] + record(10)[0] + record(11)[0],
            CIFAR10,
            "x gives image 1 the label 10; CIFAR-10 has the labels 0 to 9.",
        ),
        (
            record(20, 0)[0],
            CIFAR100S["coarse"],
            "x gives image 0 the label 20; CIFAR-100, coarse labels has the labels 0 to 19.",
        ),
    ],
)
def test_records_that_are_none_are_named(content, layout, message):
    assert refusal(records, content, "x", layout) == message


@pytest.mark.parametrize("names", [CLASSES[:9], (*CLASSES, "fox"), (*CLASSES[:9], CLASSES[0])])
def test_names_that_are_not_as_many_as_classes_are_counted(names):
    assert refusal(names_in, "\n".join(names).encode(), "x", CIFAR10) == (
        f"x holds {len(names)} class names; CIFAR-10 has 10, each on a line of its own."
    )


def test_names_that_are_no_text_are_replaced():
    content = "\n".join(CLASSES).encode().replace(b"truck", b"\xff")
    assert names_in(content, "x", CIFAR10) == (*CLASSES[:9], "\ufffd")


# What is said of a whole set.


class Counted:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize(
    ("train", "test", "notes"),
    [
        (50_000, 10_000, ()),
        (
            50_000,
            9_999,
            ("there are 50000 training and 9999 test images, not the official 50000 and 10000",),
        ),
    ],
)
def test_a_set_of_another_size_is_said(train, test, notes, verified):
    given = DecodedSet(CLASSES, {"train": Counted(train), "test": Counted(test)})
    found = described(given, verified)
    assert found.about == About("", verified, notes, sizes={"32x32": train + test})
    assert replace(found, about=given.about) == given


@pytest.mark.parametrize(("place", "title"), [("a/", "x.zip/a"), ("", "x.zip")])
def test_a_file_that_lacks_is_named(place, title):
    files = files_of({f"{place}one": b"", f"{place}three": b""})
    check_complete(["three", "one"], files, place, CIFAR10)
    assert refusal(check_complete, ["one", "two", "four"], files, place, CIFAR100) == (
        f"{title} lacks the file two of CIFAR-100; unpack the official archive again."
    )


@pytest.mark.parametrize(
    ("read", "names", "lacking"),
    [
        (read_python, [*CIFAR10.train_files, *CIFAR10.test_files], "batches.meta"),
        (read_python, [*CIFAR10.train_files, "batches.meta"], "test_batch"),
        (read_python, ["test_batch", "batches.meta"], "data_batch_1"),
        (read_binary, [f"{name}.bin" for name in CIFAR10.train_files], "test_batch.bin"),
        (read_binary, ["test_batch.bin", "data_batch_1.bin"], "data_batch_2.bin"),
    ],
)
def test_what_lacks_is_said_before_anything_is_read(read, names, lacking):
    files = Files(Path("x.zip"), [Entry(f"a/{name}") for name in names], None)
    assert refusal(read, files, "a/", Reading()) == (
        f"x.zip/a lacks the file {lacking} of CIFAR-10; unpack the official archive again."
    )
