"""Whole lines for whoever waits: what was found, where it is, how often; and when none is said."""

import math

import pytest
import torch
from image_examples import random_images
from lightning.pytorch.utilities import rank_zero_only

from lightning_cifar.data import placement
from lightning_cifar.data.copies import copies_in_test, copies_said
from lightning_cifar.data.found import counts_said, found_said
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.data.notices import say, say_once
from lightning_cifar.data.placement import free_bytes, placed_on, placement_said
from lightning_cifar.data.reading import About
from lightning_cifar.data.split import resolved_validation, validation_said

FORM = "NumPy arrays"


def of_about(classes=("a", "b"), parts=("train", "test"), **about):
    """A set of which all is known but its images."""
    return ImageSet(classes, "hash", None, parts, about=About(**about))


ADVICE = "cannot be read as an image (unknown format); replace or remove it; or leave it."
SKIPPED = tuple(f"/x/{number}.png {ADVICE}" for number in range(5))
NAMED = [f"  /x/{number}.png cannot be read as an image (unknown format)" for number in range(5)]
FOUND = {
    "verified": ({"verified": True}, ["p: NumPy arrays, 2 classes (with the official hashes)"]),
    "not verified": ({}, ["p: NumPy arrays, 2 classes (content not verified)"]),
    "notes": ({"notes": ("one", "two")}, [..., "one", "two"]),
    "one skipped": (
        {"skipped": SKIPPED[:1], "notes": ("one",)},
        [..., "one", "skipped 1 unreadable image:", NAMED[0]],
    ),
    "three skipped": (
        {"skipped": SKIPPED[:3]},
        [..., "skipped 3 unreadable images:", *NAMED[:3]],
    ),
    "five skipped": (
        {"skipped": SKIPPED},
        [..., "skipped 5 unreadable images:", *NAMED[:3], "  and 2 more (in the record)"],
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_was_found_is_said_in_lines(case):
    about, expected = FOUND[case]
    lines = found_said(of_about(form=FORM, **about), "folder", "p")
    first = FOUND["not verified"][1][0]
    assert lines == [first if each is ... else each for each in expected]


def test_a_path_is_said_in_one_line():
    (line,) = found_said(of_about(form=FORM), "folder", "a\nb")
    assert line == r"a\nb: NumPy arrays, 2 classes (content not verified)"


@pytest.mark.parametrize(
    ("form", "source"), [(FORM, "official"), ("", "folder"), ("", "synthetic")]
)
def test_nothing_is_said_of_images_without_a_path(form, source):
    assert found_said(of_about(form=form, notes=("one",)), source, "p") == []


AFTER = "; balanced accuracy is given as well, --model.class_weights balanced trains for it"
LETTERS = tuple("abcdefghijklm")


def labels_of(*counts):
    return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))


@pytest.mark.parametrize(
    ("counts", "classes", "listed"),
    [
        ((3, 5), ("a", "b\n"), r"b\n 5, a 3"),
        ((5, 0, 5), ("a", "b", "c"), "c 5, a 5, b 0"),
        ((9, *[7] * 11), LETTERS[:12], "a 9, " + ", ".join(f"{x} 7" for x in "lkjihgfedcb")),
        ((9, *[7] * 11, 5), (*LETTERS[:12], "\x00"), r"from 5 (\x00) to 9 (a)"),
        ((5, *[7] * 11, 9), ("\x00", *LETTERS[1:]), r"from 5 (\x00) to 9 (m)"),
    ],
)
def test_unequal_classes_are_counted_in_a_line(counts, classes, listed):
    assert counts_said(labels_of(*counts), classes) == f"training images by class: {listed}{AFTER}"


@pytest.mark.parametrize("counts", [(4, 4), (4, 5, 4)])
def test_classes_that_differ_by_one_are_equal(counts):
    assert counts_said(labels_of(*counts), LETTERS[: len(counts)]) == ""


def test_a_last_class_without_images_is_counted():
    assert "c 0; " in counts_said(labels_of(4, 4), ("a", "b", "c"))


# Copies.

TOO_GOOD = ": figures measured on copies are too good; remove them"


@pytest.mark.parametrize(
    ("copies", "line"),
    [
        ({"validation in training": 2}, "2 validation images are also training images"),
        (
            {"validation in training": 1, "test in training or validation": 1},
            "1 validation image is also a training image and 1 test image is also a training or "
            "validation image",
        ),
        ({"test in a in b": 3, "x in y": 0}, "3 test images are also a in b images"),
    ],
)
def test_copies_are_said_in_a_line(copies, line):
    assert copies_said(copies) == line + TOO_GOOD


def test_copies_in_the_test_part_are_of_any_other_part():
    hashes = {"train": [1, 2, 3], "validation": [4, 5], "test": [5, 5, 2, 7, 8]}
    known = {part: torch.tensor(found).numpy() for part, found in hashes.items()}
    images = ImageSet(("a",), "", None, tuple(hashes), known)
    assert copies_in_test(images) == 3


# Places.

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
DATA = random_images(30)
IN_FILE = LabelledImages.in_file(DATA.images, DATA.labels)
SIZE = "9.2e-05 GB of images"


@pytest.mark.parametrize(
    ("data", "device", "line"),
    [
        (
            IN_FILE,
            GPU,
            f"{SIZE} do not fit into half of the free memory of cuda:0: they are read from the "
            "cache, batch by batch",
        ),
        (
            DATA,
            GPU,
            f"{SIZE} do not fit into half of the free memory of cuda:0: they are read from memory, "
            "batch by batch",
        ),
        (IN_FILE, CPU, f"{SIZE} are read from the cache, batch by batch"),
        (DATA, CPU, f"{SIZE} are in the memory of cpu"),
    ],
)
def test_the_place_of_large_images_is_said(data, device, line, monkeypatch):
    monkeypatch.setattr(placement, "LARGE", math.prod(data.shape))
    assert placement_said(data, device) == line


def test_images_are_large_from_the_gigabyte_on_that_the_line_counts_in():
    nowhere = torch.device("meta")  # tensors without content
    count = 10**9 // 12 + 1  # of 3 x 2 x 2 bytes
    pixels = torch.empty(count, 3, 2, 2, dtype=torch.uint8, device=nowhere)
    labels = torch.empty(count, dtype=torch.int64, device=nowhere)
    large, smaller = LabelledImages(pixels, labels), LabelledImages(pixels[1:], labels[1:])
    assert placement_said(large, nowhere) == "1 GB of images are in the memory of meta"
    assert placement_said(smaller, nowhere) == ""  # control


def test_the_place_of_small_images_is_nothing_to_know(monkeypatch):
    monkeypatch.setattr(placement, "LARGE", math.prod(DATA.shape) + 1)
    assert placement_said(DATA, CPU) == ""
    assert placement_said(IN_FILE, CPU) == ""


def test_no_more_than_half_of_what_is_free_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (7 if device == GPU else 1, 9))
    assert free_bytes(GPU) == 7
    assert free_bytes(CPU) == math.inf
    assert placed_on(DATA, GPU) is DATA


# Validation.


@pytest.mark.parametrize(
    ("parts", "kind", "line"),
    [
        (("train", "test"), None, ""),
        (("train", "test"), "first", ""),
        (("train", "test", "validation"), "folder", ""),
        (
            ("train", "test", "validation"),
            None,
            "the validation images are those of the validation folder; to take them from training: "
            "--data.validation=stratified",
        ),
        (
            ("train", "test", "validation"),
            "first",
            "the validation folder is not used, because validation is first",
        ),
    ],
)
def test_an_unexpected_validation_is_said(parts, kind, line):
    assert validation_said(kind, of_about(parts=parts)) == line


@pytest.mark.parametrize(
    ("parts", "kind", "resolved"),
    [
        (("train", "test"), None, "stratified"),
        (("train", "test"), "first", "first"),
        (("train", "test", "validation"), None, "folder"),
        (("train", "test", "validation"), "stratified", "stratified"),
        (("train", "test", "validation"), "folder", "folder"),
    ],
)
def test_a_validation_folder_is_the_default(parts, kind, resolved):
    assert resolved_validation(kind, None, 0, of_about(parts=parts)) == resolved


# How it is said.


def test_a_line_is_said_on_stderr_by_the_first_process(capsys, monkeypatch):
    say("one")
    say("")
    say_once("this line once")
    say_once("this line once")
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    say("two")
    assert capsys.readouterr() == ("", "one\nthis line once\n")
