"""NumPy files in folders and archives: which arrays are taken, how they are kept, what is said."""

import io

import numpy as np
import pytest
from files_in_memory import files_of, refusal

from lightning_cifar.data.containers import Entry
from lightning_cifar.data.form_arrays import (
    EXPECTED,
    are_arrays,
    class_names,
    labelled,
    load_array,
    meaning_of,
    read_arrays,
)
from lightning_cifar.data.reading import About, Files, Reading

KINDS = {
    "images": ("x", "images", "image", "data", "imgs", "img", "pixels"),
    "labels": ("y", "labels", "label", "targets", "target"),
    "names": ("classes", "names"),
}
PARTS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("valid", "val", "validation"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_every_word_for_a_part_and_a_kind_is_known(part, kind):
    words = [f"{one}_{other.upper()}" for one in PARTS[part] for other in KINDS[kind]]
    assert {meaning_of(word) for word in words} == {(part, kind)}


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (["a.txt", "b.NPZ"], True),
        (["X_train.NPY"], True),
        (["features.npy"], False),
        (["x_train.npy.gz", "npz"], False),
    ],
)
def test_names_make_the_form(names, holds):
    assert bool(are_arrays(names)) is holds


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def grey(*levels, size=(8, 8)):
    return np.array(levels, np.uint8)[:, None, None].repeat(size[0], 1).repeat(size[1], 2)


def read(contents, place="", size=8):
    return read_arrays(files_of(contents), place, Reading(size))


def test_arrays_of_a_place_are_read_by_their_names():
    found = read(
        {
            "a/b/train.NPZ": npz(x=grey(1, 2, 3), y=np.array([0, 1, 1]), more=np.zeros(2)),
            "a/b/val_x.npy": npy(grey(4, 5, size=(8, 9))),
            "a/b/val_y.npy": npy(np.array([[1], [2]], np.uint8)),
            "a/b/notes.txt": b"",
            "a/b/more.npy": b"damaged",
            "a/x_test.npy": npy(grey(6)),
            "test.npz": npz(x=grey(6), y=np.array([0])),
        },
        "a/b/",
    )
    greys = {part: data.images[:, 0, 0, 0].tolist() for part, data in found.parts.items()}
    assert greys == {"train": [1, 2, 3], "validation": [4, 5]}
    labels = {part: data.labels.tolist() for part, data in found.parts.items()}
    assert labels == {"train": [0, 1, 1], "validation": [1, 2]}
    assert found.classes == ("0", "1", "2")
    assert found.about == About(sizes={"8x8": 3, "9x8": 2})


def test_sizes_that_are_alike_are_added_up():
    arrays = {"x": grey(1), "y": [0], "x_test": grey(2, 3), "y_test": [0, 1]}
    assert read({"a.npz": npz(**arrays)}).about.sizes == {"8x8": 3}


def test_names_are_those_of_the_array():
    found = read({"a.npz": npz(x=grey(1), y=[0], names=["a", "b"])}, size=16)
    assert found.classes == ("a", "b")
    assert found.parts["train"].shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (np.array(["a", "ü"]), ("a", "ü")),
        (np.array([b"a", b"\xff"]), ("a", "\ufffd")),
        (np.array([1, 2]), ()),
        (np.array([["a"]]), ()),
    ],
)
def test_names_are_one_row_of_text(names, classes):
    assert class_names({("train", "names"): ("t", names)}) == classes
    assert class_names({}) == ()


REFUSED = {
    "twice": (
        {"p/a_x.npy": npy(grey(1)), "p/b.npz": npz(train_images=grey(1))},
        "x.zip/p/b.npz and x.zip/p/a_x.npy both hold the train images; keep one of them.",
    ),
    "no images": (
        {"p/y.npy": npy(np.zeros(1, int))},
        f"x.zip/p/ has no array of training images; {EXPECTED}.",
    ),
    "objects": (
        {"p/x.npy": npy(np.array([{}]))},
        "x.zip/p/x.npy is no usable array (Object arrays cannot be loaded when "
        "allow_pickle=False); replace it.",
    ),
    "objects in an archive": (
        {"p/a.npz": npz(x=np.array([{}]))},
        "x.zip/p/a.npz is no usable array (Object arrays cannot be loaded when "
        "allow_pickle=False); replace it.",
    ),
    "no archive": (
        {"p/a.npz": b"none"},
        "x.zip/p/a.npz is no usable archive of arrays (File is not a zip file); replace it.",
    ),
    "no labels": (
        {"p/x.npy": npy(grey(1))},
        f"x.zip/p/x.npy holds train images, but there are no train labels; {EXPECTED}.",
    ),
    "no test images": (
        {"p/a.npz": npz(x=grey(1), y=[0], y_test=[0])},
        f"x.zip/p/a.npz holds test labels, but there are no test images; {EXPECTED}.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_make_no_set_are_named(case):
    contents, message = REFUSED[case]
    assert refusal(read, contents, "p/") == message


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            [0.0, 1.0],
            "of type float64 and shape (2,); they must be whole numbers, one for each image.",
        ),
        (
            [[0, 1], [1, 0]],
            "of type int64 and shape (2, 2); they must be whole numbers, one for each image.",
        ),
        ([0, 1, 0], None),
    ],
)
def test_labels_are_one_number_for_each_image(labels, said):
    arrays = {("test", "images"): ("i", grey(1, 2)), ("test", "labels"): ("l", np.array(labels))}
    assert refusal(labelled, arrays, "test") == (
        f"l holds test labels {said}" if said else "l holds 3 test labels for 2 images."
    )


def test_images_in_a_folder_stay_in_their_file(tmp_path):
    files = Files(tmp_path, [Entry("x")], lambda name, most: (tmp_path / name).read_bytes())
    for name, array in (("x_test", grey(1)), ("y_test", np.array([0])), ("other", grey(2))):
        np.save(tmp_path / f"{name}.npy", array)
        found = load_array(files, f"{name}.npy")
        assert np.array_equal(found, array)
        assert isinstance(found, np.memmap) is (name == "x_test")
    assert not isinstance(load_array(files_of({"x.npy": npy(grey(1))}), "x.npy"), np.memmap)
