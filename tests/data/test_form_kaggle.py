"""Kaggle's layout: which file is whose, and the whole of what is said of one that does not fit."""

import numpy as np
import pytest
import torch
from files_in_memory import files_of, refusal
from image_forms import png

from lightning_cifar.data import form_kaggle
from lightning_cifar.data.form_kaggle import (
    in_order,
    is_kaggle,
    label_file,
    labels_in,
    matched,
    read_kaggle,
)
from lightning_cifar.data.reading import Reading

HEAD = b"id,label\n"


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (["trainLabels.csv"], True),
        (["a.png", "TRAINLABELS.CSV"], True),
        (["testLabels.csv"], False),
        (["trainLabels.csv.zip"], False),
        ([], False),
    ],
)
def test_a_table_of_training_labels_makes_the_form(names, holds):
    assert is_kaggle(names) is holds


def picture(grey):
    return png(np.full((32, 32, 3), grey, np.uint8))


def pictures(folder, *names):
    """Pictures of one grey each, which is their number."""
    return {f"{folder}/{name}.png": picture(int(name)) for name in names}


def test_pictures_are_read_by_number_with_the_labels_of_their_part():
    files = files_of(
        {
            "k/trainLabels.csv": HEAD + b"10,cat\n9,dog\n8,cat\n",
            "k/testlabels.csv": HEAD + b"2,dog\n",
            **pictures("k/train", "10", "9", "8", "7"),
            **pictures("k/Test", "2"),
            **pictures("train", "9"),
        }
    )
    found = read_kaggle(files, "k/", Reading(image_size=16))
    assert found.classes == ("cat", "dog")
    greys = {part: data.images[:, 0, 0, 0].tolist() for part, data in found.parts.items()}
    assert greys == {"train": [8, 9, 10], "test": [2]}
    assert found.parts["train"].labels.tolist() == [0, 1, 0]
    assert found.parts["test"].labels.tolist() == [1]
    assert found.about.notes == (
        "pictures in train without a label, left out: 1",
        "3 of 3 train images were resized to 16x16, the centre of each",
        "1 of 1 test images were resized to 16x16, the centre of each",
    )


def test_a_picture_that_is_none_can_be_skipped():
    labels = HEAD + b"1,cat\n2,dog\n3,dog\n"
    contents = {"trainLabels.csv": labels, **pictures("train", "1", "2", "3")}
    contents["train/2.png"] = b"none"
    found = read_kaggle(files_of(contents), "", Reading(skip_unreadable=True))
    assert found.parts["train"].labels.equal(torch.tensor([0, 1]))
    assert len(found.about.skipped) == 1
    assert found.about.notes == ()


def test_a_test_label_without_training_images_is_named():
    files = files_of(
        {
            "k/trainLabels.csv": HEAD + b"1,cat\n2,dog\n",
            "k/testLabels.csv": HEAD + b"20,fox\n3,cat\n4,cow\n",
            **pictures("k/train", "1", "2"),
        }
    )
    assert refusal(read_kaggle, files, "k/", Reading()) == (
        "x.zip/k/test: the label 'cow' of 4 is none of the training labels; add training images "
        "of it or leave it out."
    )


def test_the_table_of_a_part_is_found_in_any_spelling():
    files = files_of({"k/trainLABELS.csv": b"", "k/testLabels.csv": b"", "testLabels.csv": b""})
    assert label_file(files, "k/", "train") == "k/trainLABELS.csv"
    assert label_file(files, "k/", "test") == "k/testLabels.csv"
    assert label_file(files_of({"a.csv": b""}), "", "train") is None


def test_two_tables_of_a_part_are_named():
    files = files_of({"k/TESTLABELS.csv": b"", "k/testLabels.csv": b"", "k/trainLabels.csv": b""})
    assert refusal(label_file, files, "k/", "test") == (
        "x.zip/k/TESTLABELS.csv and x.zip/k/testLabels.csv: keep one of them."
    )


def labels_of(content):
    return labels_in(files_of({"k/t.csv": content}), "k/t.csv")


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        (HEAD + b"1,cat\n\n2,dog\n", {"1": "cat", "2": "dog"}),
        (b"\xef\xbb\xbf" + HEAD + b" 1 , cat ,more\n", {"1": "cat"}),
        (HEAD + '"1, a",süß\n'.encode(), {"1, a": "süß"}),
    ],
)
def test_the_first_two_columns_below_the_header_count(content, labels):
    assert labels_of(content) == labels


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        (b"id,split,label\n1,train,cat\n2,val,dog\n", {"1": "cat", "2": "dog"}),
        (b",ID, Label \n0,1,cat\n", {"1": "cat"}),
        (b"label,id\ncat,1\n", {"1": "cat"}),
        (b"picture,kind\n1,cat\n", {"1": "cat"}),  # two columns may be called anything
    ],
)
def test_columns_are_found_by_their_names(content, labels):
    assert labels_of(content) == labels


def test_columns_that_are_called_otherwise_are_not_guessed():
    assert refusal(labels_of, b"id,split,kind\n1,train,cat\n") == (
        "x.zip/k/t.csv has the columns id, split, kind; call that of the pictures id and that of "
        "the labels label."
    )


def test_a_picture_that_is_named_with_and_without_its_ending_is_named_twice():
    files = files_of({"train/1.png": b"", "train/2.png": b""})
    assert refusal(matched, files, "", "train", ["1", "2", "2.png"]) == (
        "x.zip/train/2.png: the labels name this picture twice, as 2 and as 2.png; remove one."
    )
    assert matched(files, "", "train", ["1", "2.png"]) == (["train/1.png", "train/2.png"], 0)


TABLE = {
    "one column": (HEAD + b"1,cat\n2\n", "has no picture and label in line 3; mend the line."),
    "no picture": (HEAD + b" ,cat\n", "has no picture and label in line 2; mend the line."),
    "no label": (HEAD + b"1,  \n", "has no picture and label in line 2; mend the line."),
    "twice": (HEAD + b"1,cat\n\n 1,dog\n", "names 1 twice, in line 4; remove one."),
    "none": (HEAD, "holds no labels; it has a header, then id,label in each line."),
    "empty": (b"", "holds no labels; it has a header, then id,label in each line."),
    "quotes": (HEAD + b'"1"2,cat\n', "is no usable table (',' expected after '\"'); replace it."),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_row_that_says_nothing_is_named(case):
    content, message = TABLE[case]
    assert refusal(labels_of, content) == f"x.zip/k/t.csv {message}"


@pytest.mark.parametrize("first", ["1", "1.png", " 1.JPG "])
def test_a_table_without_a_header_does_not_lose_its_first_picture(first):
    rows = f"{first},cat\n2,dog\n"
    message = refusal(labels_in, files_of({"trainLabels.csv": rows.encode()}), "trainLabels.csv")
    assert f"has no header: its first line names the picture {first.strip()}" in message
    files = files_of({"trainLabels.csv": HEAD + rows.encode()})
    assert labels_in(files, "trainLabels.csv") == {first.strip(): "cat", "2": "dog"}


def test_a_table_as_large_as_no_table_is_not_read(monkeypatch):
    monkeypatch.setattr(form_kaggle, "LARGEST_CSV_BYTES", len(HEAD) + 6)
    assert labels_of(HEAD + b"1,cat\n") == {"1": "cat"}
    assert "has more than 15 bytes" in refusal(labels_of, HEAD + b"1,cats\n")


def test_numbers_are_ordered_by_size_before_words():
    last = "9" * 18
    names = ["a", "10", "2", "9" * 19, last, "02", "-1", "1.5"]
    assert sorted(names, key=in_order) == ["02", "2", "10", last, "-1", "1.5", "9" * 19, "a"]
    assert in_order(last) == (10**18 - 1, last)


TRAIN = {name: b"" for name in ("k/train/1.png", "k/TRAIN/2.jpg", "k/train/3", "k/train/.x", "1")}


def test_a_picture_is_found_with_and_without_its_ending():
    files = files_of({**TRAIN, "train/9.png": b"", "k/train/deep/8.png": b""})
    found, left = matched(files, "k/", "train", ["3", "2", "1.png"])
    assert found == ["k/train/3", "k/TRAIN/2.jpg", "k/train/1.png"]
    assert left == 1
    assert matched(files, "k/", "train", ["1"]) == (["k/train/1.png"], 3)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("4", "there is no such file"),
        ("1", "there are several of them"),
        ("", "there is no such file"),
    ],
)
def test_a_picture_that_is_not_there_once_is_named(name, what):
    files = files_of({**TRAIN, "k/train/1.jpg": b""})
    assert refusal(matched, files, "k/", "train", ["3", name]) == (
        f"x.zip/k/train/{name}: the labels name this picture, and {what}; unpack all pictures, or "
        "correct the labels."
    )
