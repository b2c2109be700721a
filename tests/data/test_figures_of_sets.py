"""Statistics, copies, counts and splits of sets, to the last field and word."""

import numpy as np
import pytest
import torch
from files_in_memory import refusal, said_of
from image_examples import numbered_images, random_images

from lightning_cifar.data.images import ImageSet, LabelledImages, image_hashes
from lightning_cifar.data.inspection import Inspection, counted, inspected
from lightning_cifar.data.reading import About
from lightning_cifar.data.split import check_validation_size, divided, quotas, split
from lightning_cifar.data.statistics import has_length, measure, measure_batches
from lightning_cifar.data.unequal_classes import balanced_weights, has_equal_classes

# A set as it is inspected.


def of_greys(size=8, **parts):
    """Images of one grey each: part -> pairs of grey and label."""
    made = {}
    for part, pairs in parts.items():
        greys, labels = torch.tensor(pairs).unbind(1)
        pixels = greys.to(torch.uint8)[:, None, None, None].expand(-1, 3, size, size)
        made[part] = LabelledImages(pixels.contiguous(), labels)
    return made


def test_an_inspection_holds_what_is_known_of_a_set():
    parts = of_greys(
        train=[(10, 0), (10, 0), (20, 1), (30, 1)],
        test=[(10, 1), (40, 0)],
        validation=[(20, 1), (20, 1), (20, 1), (50, 0)],
    )
    about = About("a form", True, ("note",), ("left out",), {"8x8": 10})
    images = ImageSet(("a", "b", "c"), "hash", parts.__getitem__, tuple(parts), about=about)
    assert inspected(images) == Inspection(
        form="a form",
        verified=True,
        image_size=8,
        classes=("a", "b", "c"),
        counts={
            "train": {"a": 2, "b": 2, "c": 0},
            "test": {"a": 1, "b": 1, "c": 0},
            "validation": {"a": 1, "b": 3, "c": 0},
        },
        copies_within={"train": 1, "test": 0, "validation": 2},
        copies_across={
            "train in test": 2,
            "train in validation": 1,
            "test in train": 1,
            "test in validation": 0,
            "validation in train": 3,
            "validation in test": 0,
        },
        contradictions=3,
        mean=(17.5, 17.5, 17.5),
        deviation=(8.292, 8.292, 8.292),
        fingerprint="hash",
        sizes={"8x8": 10},
        notes=("note",),
        skipped=("left out",),
    )


def test_kept_hashes_are_taken_for_those_of_the_images():
    parts = of_greys(train=[(1, 0), (2, 1)], test=[(3, 0), (4, 1)])
    known = {"train": np.array([7, 7], np.uint64)}
    images = ImageSet(("a", "b"), "", parts.__getitem__, known_hashes=known)
    assert images.parts == ("train", "test")
    assert images.hashes("train").tolist() == [7, 7]
    assert images.hashes("test").tolist() == image_hashes(parts["test"]).tolist()
    assert images.train is parts["train"]
    assert images.test is parts["test"]
    assert inspected(images).copies_within == {"train": 1, "test": 0}


def test_classes_without_images_are_counted():
    assert counted(random_images(3), ("a", "b", "c", "d")) == {"a": 1, "b": 1, "c": 1, "d": 0}


WRONG = {
    "type": (
        (torch.zeros(7, 3, 8, 8), torch.arange(7)),
        "images must be uint8 of shape (n, 3, size, size), got torch.float32 of shape (7, 3, 8, 8)",
    ),
    "shape": (
        (torch.zeros(7, 3, 9, 8, dtype=torch.uint8), torch.arange(7)),
        "images must be uint8 of shape (n, 3, size, size), got torch.uint8 of shape (7, 3, 9, 8)",
    ),
    "labels": (
        (torch.zeros(7, 3, 8, 8, dtype=torch.uint8), torch.arange(6)),
        "labels must be int64 of shape (7,), got torch.int64 of shape (6,)",
    ),
    "rows": (
        (torch.zeros(7, 3, 8, 8, dtype=torch.uint8), torch.arange(7), torch.arange(2)),
        "labels must be int64 of shape (2,), got torch.int64 of shape (7,)",
    ),
    "kind of labels": (
        (torch.zeros(7, 3, 8, 8, dtype=torch.uint8), torch.arange(7).int()),
        "labels must be int64 of shape (7,), got torch.int32 of shape (7,)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_images_of_another_kind_are_an_error(case):
    arguments, message = WRONG[case]
    with pytest.raises(ValueError, match="must be") as caught:
        LabelledImages(*arguments)
    assert str(caught.value) == message


def test_an_image_and_its_label_are_found_by_number():
    made = numbered_images(5)
    for data in (made, LabelledImages.in_file(made.images, made.labels)):
        image, label = data[3]
        assert image.equal(made.images[3])
        assert label == 3


# Statistics.


def batch(*greys, size=2):
    pixels = torch.tensor(greys, dtype=torch.uint8)[:, None, None, None]
    return pixels.expand(-1, 3, size, size), torch.zeros(len(greys))


def test_statistics_of_batches_are_those_of_all_images():
    found = measure_batches([batch(0, 10), batch(50)], (3, 2, 2))
    for measured, value in ((found.mean, 20), (found.deviation, (1400 / 3) ** 0.5)):
        assert measured.dtype == torch.float32
        assert measured.equal(torch.full((3, 2, 2), value))


def test_by_default_images_have_32_pixels():
    assert measure_batches([batch(1, size=32)]).mean.shape == (3, 32, 32)


@pytest.mark.parametrize(
    "batches", [[], [(torch.zeros(1, 3, 2, 2), 0)], [torch.zeros(1, 3, 2, 2).byte()], [("x", 0)]]
)
def test_what_is_not_raw_has_no_statistics(batches):
    assert measure_batches(batches, (3, 2, 2)) is None


def test_raw_images_of_another_shape_are_named():
    assert refusal(measure_batches, [batch(1)], (3, 4, 4)) == (
        "the training images have the shape (3, 2, 2); the networks take (3, 4, 4)"
    )


def test_raw_images_without_a_length_are_named():
    assert refusal(measure_batches, iter([batch(1)]), (3, 2, 2)) == (
        "the training loader gives raw uint8 images and has no length, so their mean and deviation "
        "cannot be measured; give it a __len__, or standardise the images"
    )
    assert has_length([])
    assert not has_length(iter([]))


@pytest.mark.parametrize(
    ("kind", "mean", "deviation"),
    [
        ("none", [[0, 0], [0, 0]], [[1, 1], [1, 1]]),
        ("per_pixel", [[2, 4], [6, 8]], [[2, 4], [6, 1]]),
        ("per_channel", [[5, 5], [5, 5]], [[19**0.5] * 2] * 2),
    ],
)
def test_statistics_are_of_each_pixel_or_channel(kind, mean, deviation):
    images = torch.tensor([[[0, 0], [0, 8]], [[4, 8], [12, 8]]]).byte()
    found = measure(images[:, None].expand(-1, 3, -1, -1), kind)
    assert found.mean.equal(torch.tensor(mean).float().expand(3, 2, 2))
    assert torch.allclose(found.deviation, torch.tensor(deviation).float().expand(3, 2, 2))


def test_balanced_weights_are_inverse_shares():
    weights = balanced_weights(torch.tensor([0, 0, 0, 1]), 2)
    assert weights.dtype == torch.float64
    assert weights.tolist() == [4 / 6, 2.0]


@pytest.mark.parametrize(
    ("labels", "classes", "equal"),
    [([0, 1, 1, 0], 2, True), ([0, 1], 3, False), ([0, 1, 1], 2, False)],
)
def test_classes_are_equal_if_all_have_as_many(labels, classes, equal):
    assert has_equal_classes(torch.tensor(labels), classes) is equal


# Splits.


@pytest.mark.parametrize(("size", "holds"), [(0, False), (1, True), (4, True), (5, False)])
def test_a_split_leaves_something_on_both_sides(size, holds):
    assert said_of(check_validation_size, size, 5) == (
        ""
        if holds
        else f"validation_size is {size}, but there are 5 training images to take it from; choose "
        "between 1 and 4."
    )


@pytest.mark.parametrize(
    ("labels", "size", "message"),
    [
        ([0, 1, 1], 1, "The validation part of 1 images holds 1 of 2 classes; "),
        ([0, 1, 1], 2, "The training part of 1 images holds 1 of 2 classes; "),
        ([0, 1, 0, 1], 2, ""),
    ],
)
def test_a_part_without_a_class_is_named(labels, size, message):
    advice = "use --data.validation=stratified and a larger --data.validation_size."

    def check():
        split(torch.tensor(labels), "first", validation_size=size, seed=0)

    assert said_of(check) == (message and message + advice)


def test_equal_remainders_go_to_the_first():
    assert quotas(torch.tensor([5, 5, 5]), 4) == [2, 1, 1]
    assert quotas(torch.tensor([5, 5, 5]), 5) == [2, 2, 1]


@pytest.mark.parametrize(("count", "size", "validates"), [(25, None, 2), (25, 7, 7), (8, None, 1)])
def test_one_in_ten_validates(count, size, validates):
    data = random_images(count)
    one_class = LabelledImages(data.images, torch.zeros(count).long())
    images = ImageSet(("a",), "", {"train": one_class}.__getitem__, ("train",))
    train, validation, copies = divided(images, "first", size, 0)
    assert validation.images.equal(data.images[:validates])
    assert train.images.equal(data.images[validates:])
    assert copies == 0


def test_copies_of_training_images_are_counted_in_either_kind():
    parts = of_greys(train=[(1, 0), (2, 0), (1, 0), (1, 0)], validation=[(2, 0), (2, 0), (9, 0)])
    images = ImageSet(("a",), "", parts.__getitem__, tuple(parts))
    assert divided(images, "first", 2, 0)[2] == 1
    train, validation, copies = divided(images, "folder", None, 0)
    assert (train, validation, copies) == (parts["train"], parts["validation"], 2)
