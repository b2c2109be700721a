"""What becomes of images that were read: their size, a test part, and sets that cannot be used."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from image_examples import random_images
from PIL import Image

from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.raw_set import RawSet, finished, resized
from lightning_cifar.data.reading import Files, Reading
from lightning_cifar.errors import InputError


def by_pillow(image, size):
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    return torch.from_numpy(np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS)))


@pytest.mark.parametrize("size", [8, 33])
def test_images_of_another_size_are_resized_one_by_one(size):
    data = random_images(5)
    found = resized(data, size, None)
    expected = torch.stack([by_pillow(each, size) for each in data.images]).permute(0, 3, 1, 2)
    assert found.images.equal(expected)
    assert found.labels.equal(data.labels)
    assert resized(data, 32, None) is data


def files(tmp_path):
    return Files(tmp_path / "set", [], lambda name, most: b"")


def labelled(*labels):
    images = random_images(len(labels)).images
    return LabelledImages(images, torch.tensor(labels, dtype=torch.int64))


def done(tmp_path, raw):
    return finished(raw, "arrays", files(tmp_path), Reading())


def test_a_set_without_test_images_sets_some_apart(tmp_path):
    raw = RawSet(("a", "b"), {"train": labelled(*[0, 1] * 30)}, notes=("as it was",))
    found = done(tmp_path, raw)
    assert (len(found.train), len(found.test), found.validation) == (50, 10, None)
    assert found.test.labels.bincount().tolist() == [5, 5]
    assert found.about.notes == (
        "as it was",
        "there are no test images: 10 of the 60 images, of each class its share, are set apart "
        "for test",
    )
    assert found.about.sizes == {"32x32": 60}
    assert found.about.form == "arrays"
    together = torch.cat([found.train.images, found.test.images]).flatten(1)
    assert len(together.unique(dim=0)) == 60


def test_a_set_with_all_parts_stays_as_it_is(tmp_path):
    parts = {"train": labelled(0, 1), "test": labelled(1, 0, 1), "validation": labelled(1)}
    raw = RawSet(("a", "b"), parts, verified=True, skipped=("x.png",), sizes={"9x9": 4})
    found = done(tmp_path, raw)
    assert [len(part) for part in (found.train, found.test, found.validation)] == [2, 3, 1]
    assert (found.about.verified, found.about.skipped) == (True, ("x.png",))
    assert (found.about.notes, found.about.sizes) == ((), {"9x9": 4})
    assert done(tmp_path, replace(raw, sizes={})).about.sizes == {"32x32": 6}


REFUSED = {
    "one class": (("a",), {"train": (0,)}, "has 1 class (a); a classifier needs two or more."),
    "no class": ((), {"train": (0,)}, "has 0 class (); a classifier needs two or more."),
    "no test images": (("a", "b"), {"train": (0, 1), "test": ()}, "has no test images; add some."),
    "label too high": (
        ("a", "b"),
        {"train": (0, 1), "test": (1, 2)},
        "has labels from 1 to 2 in its test part; for its 2 classes they are 0 to 1.",
    ),
    "label below 0": (
        ("a", "b"),
        {"train": (-1, 1)},
        "has labels from -1 to 1 in its train part; for its 2 classes they are 0 to 1.",
    ),
    "class without images": (
        ("a", "b", "c"),
        {"train": (0, 2), "test": (1,)},
        "has no training images of the class 'b'; add some, or remove the class from the other "
        "parts.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_sets_of_which_a_class_cannot_be_learned_are_refused(case, tmp_path):
    classes, parts, message = REFUSED[case]
    raw = RawSet(classes, {part: labelled(*labels) for part, labels in parts.items()})
    with pytest.raises(InputError) as refusal:
        done(tmp_path, raw)
    assert str(refusal.value) == f"{tmp_path / 'set'} {message}"
