"""Parquet tables without a parquet file: parts, class names, labels; whole messages."""

import json
import sys

import pytest
from files_in_memory import files_of, refusal

from lightning_cifar.data.form_parquet import (
    Table,
    classes_of,
    is_parquet,
    names_of,
    numbered,
    part_of,
    pyarrow_parquet,
    read_parquet,
)
from lightning_cifar.data.reading import Reading


def table(*labels, names=None, title="t"):
    return Table("name", title, "img", list(labels), names)


@pytest.mark.parametrize(
    ("names", "holds"), [(["a", "b.PARQUET"], True), (["parquet", "a.parquet.gz"], False)]
)
def test_an_ending_makes_the_form(names, holds):
    assert is_parquet(names) is holds


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("a/train-00000-of-00001.parquet", "train"),
        ("TEST.Parquet", "test"),
        ("valid_1.parquet", "validation"),
        ("a.b/validation.x.parquet", "validation"),
    ],
)
def test_a_name_says_the_part(name, part):
    assert part_of(files_of({}), name) == part


@pytest.mark.parametrize("name", ["a/more.parquet", "train1.parquet", "train/x.parquet"])
def test_a_name_of_no_part_is_refused(name):
    assert refusal(part_of, files_of({}), name) == (
        f"x.zip/{name} is of no part that is known; parquet files are named train-….parquet, "
        "test-….parquet and validation-….parquet."
    )


def test_training_images_are_missed():
    files = files_of({"p/test-0.parquet": b"", "p/notes.txt": b"", "train.parquet": b""})
    assert refusal(read_parquet, files, "p/", Reading()) == (
        "x.zip/p/ has no train-*.parquet; add it."
    )


def test_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refusal(pyarrow_parquet) == (
        "parquet files are read by the package pyarrow, which is not installed; install it with: "
        "pip install 'lightning-cifar[parquet]'"
    )


def metadata(info):
    return {b"huggingface": json.dumps(info).encode()}


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (metadata({"info": {"features": {"label": {"names": ["a", 1]}}}}), ("a", "1")),
        (metadata({"info": {"features": {"label": {"names": "ab"}}}}), None),
        (metadata({"info": {"features": {"other": {"names": ["a"]}}}}), None),
        ({b"huggingface": b"{"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_class_names_are_those_of_the_column(found, names):
    assert names_of(found, "label") == names


@pytest.mark.parametrize(
    ("tables", "classes"),
    [
        ([table(0, names=("b", "a")), table(1), table(0, names=("b", "a"))], ("b", "a")),
        ([table(2, 0), table(1)], ("0", "1", "2")),
        ([table("b", "a"), table("b")], ("a", "b")),
        ([table()], ("0",)),
    ],
)
def test_classes_are_the_names_or_the_labels(tables, classes):
    assert classes_of(tables) == classes


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            [table(0, names=("a",)), table(0, names=("b",), title="u")],
            "t and the files beside it name other classes.",
        ),
        ([table(0), table(-1, title="u")], "t or a file beside it has the label -1."),
        (
            [table("a", 2), table("b", title="u")],
            "t and the files beside it have both numbers and words for labels; use one of the two.",
        ),
    ],
)
def test_tables_that_do_not_agree_are_refused(tables, message):
    assert refusal(classes_of, tables) == message


def test_labels_are_numbered():
    assert numbered(table(1, "a", 0, "b"), ("a", "b")) == [1, 0, 0, 1]


@pytest.mark.parametrize("label", [2, -1, "c"])
def test_a_label_of_no_class_is_named_with_its_row(label):
    assert refusal(numbered, table(0, "b", label), ("a", "b")) == (
        f"t has the label {label!r} in row 2; its 2 classes are numbered from 0 to 1."
    )
