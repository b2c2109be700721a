"""What the arrays of a NumPy file mean, by their names and shapes, and what is refused whole."""

import re

import numpy as np
import pytest
from PIL import Image

from lightning_cifar.data.array_files import fitted_array
from lightning_cifar.data.form_arrays import (
    EXPECTED,
    image_array,
    meaning_of,
    stem,
)
from lightning_cifar.data.forms import load_folder
from lightning_cifar.errors import InputError

SHAPES = "(n, height, width), (n, height, width, 3), (n, 3, height, width) or (n, 3072)"


def drawn(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_are_taken_in_any_usual_order(channels):
    expected = drawn(2, channels, 5, 7)
    found = image_array("x", expected.transpose(0, 2, 3, 1))
    assert np.array_equal(found, expected)
    assert np.array_equal(image_array("x", expected), expected)
    if channels == 1:
        assert np.array_equal(image_array("x", expected[:, 0]), expected)


def test_rows_are_planes_of_32_pixels():
    rows = drawn(2, 3072)
    assert np.array_equal(image_array("x", rows), rows.reshape(2, 3, 32, 32))


@pytest.mark.parametrize(
    "shape", [(2, 3071), (2, 3 * 33 * 32), (3072,), (2, 5, 7, 2), (2, 2, 5, 7), (0, 3, 5, 7)]
)
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError) as refusal:
        image_array("x", drawn(*shape))
    assert str(refusal.value) == f"x holds images of shape {shape}; it must be {SHAPES}."


def test_other_types_are_refused():
    with pytest.raises(InputError) as refusal:
        image_array("x", np.zeros((2, 5, 7), np.int16))
    assert str(refusal.value) == (
        "x holds images of type int16; they must be uint8, grey levels from 0 to 255."
    )


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_an_array_is_resized_as_a_picture_is(channels, mode):
    image = drawn(channels, 12, 10)
    picture = Image.fromarray(image[0] if channels == 1 else image.transpose(1, 2, 0), mode)
    if channels == 4:
        behind = Image.new("RGBA", picture.size, "white")
        behind.alpha_composite(picture)
        picture = behind
    box = (0, 1, 10, 11)
    expected = picture.convert("RGB").resize((8, 8), Image.Resampling.LANCZOS, box=box)
    found = fitted_array(image, 8)
    assert found.shape == (3, 8, 8)
    assert found.flags.c_contiguous
    if channels != 4:  # what is behind a transparent pixel is the business of ``in_colour``
        assert np.array_equal(found, np.asarray(expected).transpose(2, 0, 1))


MEANINGS = {
    "x_train": ("train", "images"),
    "TRAIN_images": ("train", "images"),
    "x": ("train", "images"),
    "pixels_testing": ("test", "images"),
    "y_val": ("validation", "labels"),
    "valid-target": ("validation", "labels"),
    "validation.labels": ("validation", "labels"),
    "class_names": ("train", "names"),
    "train_test_data": ("test", "images"),
    "images_labels": ("train", "labels"),
    "train": None,
    "": None,
}


@pytest.mark.parametrize("name", MEANINGS)
def test_a_name_says_part_and_kind(name):
    assert meaning_of(name) == MEANINGS[name]
    assert stem(f"folder.x/{name}.v2.npy") == f"{name}.v2"


def arrays(folder, **given):
    folder.mkdir()
    for name, array in given.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def images_and_labels(count=6, labels=None):
    return drawn(count, 32, 32, 3), np.arange(count) % 2 if labels is None else labels


def test_labels_without_names_are_numbered(tmp_path):
    images, labels = images_and_labels()
    folder = arrays(tmp_path / "a", x_train=images, y_train=labels[:, None] * 2)
    with pytest.raises(InputError, match="of the class '1'"):  # there are 0, 1 and 2, and no 1
        load_folder(folder, tmp_path / "cache")
    folder = arrays(tmp_path / "b", x_train=images, y_train=labels, classes=np.array([b"a", b"b"]))
    assert load_folder(folder, tmp_path / "cache").classes == ("a", "b")


REFUSED = {
    "there twice": (
        {"x_train": 0, "images": 0, "y_train": 1},
        "{}/x_train.npy and {}/images.npy both hold the train images; keep one of them.",
    ),
    "no images": ({"y_train": 1}, f"{{}}/ has no array of training images; {EXPECTED}."),
    "no labels": (
        {"x_train": 0, "y_test": 1},
        f"{{}}/x_train.npy holds train images, but there are no train labels; {EXPECTED}.",
    ),
    "no test images": (
        {"x_train": 0, "y_train": 1, "y_test": 1},
        f"{{}}/y_test.npy holds test labels, but there are no test images; {EXPECTED}.",
    ),
    "floats": (
        {"x_train": 0, "y_train": np.zeros(6)},
        "{}/y_train.npy holds train labels of type float64 and shape (6,); they must be whole "
        "numbers, one for each image.",
    ),
    "two columns": (
        {"x_train": 0, "y_train": np.zeros((6, 2), int)},
        "{}/y_train.npy holds train labels of type int64 and shape (6, 2); they must be whole "
        "numbers, one for each image.",
    ),
    "too few": (
        {"x_train": 0, "y_train": np.zeros(5, int)},
        "{}/y_train.npy holds 5 train labels for 6 images.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_do_not_fit_together_are_refused(case, tmp_path):
    given, message = REFUSED[case]
    both = images_and_labels()
    chosen = {name: both[each] if isinstance(each, int) else each for name, each in given.items()}
    folder = arrays(tmp_path / "a", **chosen)
    with pytest.raises(InputError) as refusal:
        load_folder(folder, tmp_path / "cache")
    said = re.sub(r"\S+/a/", "{}/", str(refusal.value))
    assert set(said.split()) == set(message.split())  # two files may be named in either order
    assert len(said) == len(message)
