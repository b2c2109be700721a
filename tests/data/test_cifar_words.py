"""CIFAR's pickles and the drawn set in their format: contents, names, and whole messages."""

import pickle

import numpy as np
import pytest
import torch
from files_in_memory import refusal
from image_examples import CLASSES, random_images

from lightning_cifar.data import cifar_format, synthetic
from lightning_cifar.data.cifar_format import (
    ADMITTED,
    REBUILD_ARRAY,
    read_batch,
    read_classes,
    read_set,
    unpickle,
    write_batch,
)
from lightning_cifar.data.cifar_layouts import CIFAR10, CIFAR100, CIFAR100S
from lightning_cifar.data.synthetic import load_synthetic, write_files

ROWS = np.zeros((2, 3072), np.uint8)
OFFICIAL = "; take it from the official archive."
ARRAY = "its 'data' is not an array of uint8 with 3072 columns"


def message(call, *arguments):
    """What is said of a file called x, without what every such message begins and ends with."""
    said = refusal(call, *arguments)
    start = "x is not a usable CIFAR batch file: "
    assert said.startswith(start)
    assert said.endswith(OFFICIAL)
    return said[len(start) : -len(OFFICIAL)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Ran out of input"),
        (pickle.dumps([1]), "it holds a list instead of a dictionary"),
        (pickle.dumps(pickle.Pickler), "it asks for _pickle.Pickler, which is not admitted"),
    ],
)
def test_a_pickle_that_is_no_batch_is_named(content, said):
    assert message(unpickle, content, "x") == said


def test_an_error_without_words_is_named(monkeypatch):
    def fail(*given, **options):
        raise MemoryError

    monkeypatch.setattr(cifar_format, "ArraysOnly", fail)
    assert message(unpickle, b"", "x") == "MemoryError"


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({}, ARRAY),
        ({"data": ROWS.tolist(), "labels": [0, 1]}, ARRAY),
        ({"data": ROWS.astype(np.int8), "labels": [0, 1]}, ARRAY),
        ({"data": ROWS[:, :-1], "labels": [0, 1]}, ARRAY),
        ({"data": ROWS}, "its 'labels' are not a list of 2, one for each image"),
        ({"data": ROWS, "labels": (0, 1)}, "its 'labels' are not a list of 2, one for each image"),
        ({"data": ROWS, "labels": [0]}, "its 'labels' are not a list of 2, one for each image"),
        ({"data": ROWS, "labels": [0, 10]}, "its 'labels' are not all integers from 0 to 9"),
        ({"data": ROWS, "labels": [-1, 0]}, "its 'labels' are not all integers from 0 to 9"),
        ({"data": ROWS, "labels": [True, 0]}, "its 'labels' are not all integers from 0 to 9"),
    ],
)
def test_a_batch_of_another_form_is_named(batch, said):
    assert message(read_batch, pickle.dumps(batch), "x") == said


def test_labels_are_those_of_the_layout():
    content = pickle.dumps({"data": ROWS, "fine_labels": [0, 99], "coarse_labels": [19, 20]})
    found = read_batch(content, "x", CIFAR100)
    assert found.labels.tolist() == [0, 99]
    assert found.labels.dtype == torch.int64
    assert message(read_batch, content, "x", CIFAR100S["coarse"]) == (
        "its 'coarse_labels' are not all integers from 0 to 19"
    )
    assert message(read_batch, content, "x") == (
        "its 'labels' are not a list of 2, one for each image"
    )


@pytest.mark.parametrize("names", [None, tuple(CLASSES), list("abcdefghia"), list("abcdefghijk")])
def test_names_of_another_number_are_named(names):
    content = pickle.dumps({"label_names": names})
    assert message(read_classes, content, "x") == "its 'label_names' are not a list of 10 names"
    assert refusal(read_classes, content).startswith("batches.meta is not a usable CIFAR batch")


def test_names_are_text():
    assert read_classes(pickle.dumps({"label_names": list(range(10))})) == tuple("0123456789")


def test_what_is_admitted_makes_arrays_alone():
    assert {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): REBUILD_ARRAY,
        ("numpy._core.multiarray", "_reconstruct"): REBUILD_ARRAY,
    } == ADMITTED


def contents():
    """The files of a small set, by name."""
    made = {"label_names": list(CLASSES)}
    files = {"batches.meta": pickle.dumps(made)}
    for number, name in enumerate((*CIFAR10.train_files, *CIFAR10.test_files)):
        rows = np.full((2, 3072), number, np.uint8)
        files[name] = pickle.dumps({"data": rows, "labels": [number, 9]})
    return files


@pytest.mark.parametrize(("options", "size"), [({}, 32), ({"size": 16}, 16)])
def test_a_set_is_read_file_by_file(tmp_path, options, size):
    found = read_set(contents().__getitem__, room=tmp_path, **options)
    assert found.classes == CLASSES
    train, test = found.parts["train"], found.parts["test"]
    assert train.images[:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert (test.shape, test.labels.tolist()) == ((2, 3, size, size), [5, 9])


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_a_file_is_named_by_its_title(name):
    files = contents() | {name: b""}
    said = refusal(read_set, files.__getitem__)
    assert said == f"{name} is not a usable CIFAR batch file: Ran out of input{OFFICIAL}"
    assert refusal(read_set, files.__getitem__, title=lambda end: f"a/{end}") == f"a/{said}"


def test_images_wait_in_the_room_that_is_given(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_set(contents().__getitem__, room=tmp_path / "nowhere")


# The drawn set.


def test_a_batch_is_written_as_the_official_ones_are(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        write_batch(file, random_images(3), "the label")
    batch = pickle.loads((tmp_path / "x").read_bytes())
    assert list(batch) == ["batch_label", "labels", "data"]
    assert (batch["batch_label"], batch["labels"]) == ("the label", [0, 1, 2])
    assert np.array_equal(batch["data"], random_images(3).images.flatten(1).numpy())


def test_drawn_images_lie_in_the_official_files(tmp_path):
    write_files(tmp_path, train_size=13, test_size=4, seed=3)
    assert {path.name for path in tmp_path.iterdir()} == set(contents())
    found = {path.name: pickle.loads(path.read_bytes()) for path in tmp_path.iterdir()}
    assert found["batches.meta"]["num_cases_per_batch"] == 3
    assert [len(found[name]["labels"]) for name in CIFAR10.train_files] == [3, 3, 3, 2, 2]
    for name in (*CIFAR10.train_files, *CIFAR10.test_files):
        assert found[name]["batch_label"] == name
    labels = [label for name in CIFAR10.train_files for label in found[name]["labels"]]
    assert labels == synthetic.draw(13, 3, 0).labels.tolist()
    assert found["test_batch"]["labels"] == synthetic.draw(4, 3, 1).labels.tolist()


def test_the_drawn_set_has_its_sizes_and_place(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(synthetic, "cached_set", lambda folder, build: (folder, build))
    monkeypatch.setattr(synthetic, "write_files", lambda folder, **given: asked.append(given))
    monkeypatch.setattr(synthetic, "read_set", lambda read, room: room)
    for options, name in (
        ({}, "version1-10000-2000-seed0"),
        ({"train_size": 5, "test_size": 4, "seed": 3}, "version1-5-4-seed3"),
    ):
        folder, build = load_synthetic(tmp_path, **options)
        assert folder == tmp_path / "synthetic" / name
        assert build() == folder
        sizes = {"train_size": 10_000, "test_size": 2_000, "seed": 0}
        assert asked.pop() == {**sizes, **options}
