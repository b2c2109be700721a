"""Class folders by their names alone: what is a part, a class, out of place; whole messages."""

from pathlib import Path

import pytest
from files_in_memory import files_of, refusal

from lightning_cifar.data.containers import Entry
from lightning_cifar.data.form_folders import (
    EXTENSIONS,
    LAYOUT,
    class_files_by_part,
    class_folders_alone,
    folder_places,
    part_places,
)

SOURCE = Path("images")
BOTH = ["train/a/1.png", "train/b/2.JPG", "test/a/3.gif", "test/b/4.pgm"]


def entries(*names):
    return [Entry(name) for name in names]


def sorted_in(*names):
    return class_files_by_part(entries(*names), SOURCE)


@pytest.mark.parametrize("top", ["", "top/"])
def test_files_are_sorted_by_part_and_class(top):
    names = [f"{top}{name}" for name in (*BOTH, "VAL/b/6.png", "VAL/a/5.png")]
    assert sorted_in(*names, "notes.txt", f"{top}other/a/1.txt") == {
        "train": {"a": [names[0]], "b": [names[1]]},
        "test": {"a": [names[2]], "b": [names[3]]},
        "validation": {"b": [names[4]], "a": [names[5]]},
    }


@pytest.mark.parametrize("top", ["", "top/"])
def test_class_folders_alone_train(top):
    names = [f"{top}{name}" for name in ("a/1.png", "b/2.webp", "b/1.png")]
    assert sorted_in(*names) == {"train": {"a": [names[0]], "b": names[1:]}}


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (("a/1.png", "b/1.png"), [()]),
        (("x/a/1.png", "x/b/1.png"), [("x",)]),
        (("x/a/1.png", "y/b/1.png"), []),
        (("x/y/a/1.png", "x/y/b/1.png"), []),
        (("a/1.png", "a/2.png"), []),
        (("a/1.txt", "b/1.png"), []),
        (("a/1.png", "test/1.png"), []),
    ],
)
def test_class_folders_lie_at_the_top_or_one_below(names, places):
    assert class_folders_alone(entries(*names)) == places
    assert folder_places(files_of(dict.fromkeys(names))) == ([""] if places else [])


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (BOTH, {(): {"train", "test"}}),
        (["x/Train/a/1.png", "y/val/a/"], {("x",): {"Train"}, ("y",): {"val"}}),
        (["x/y/train/a/1.png", "train/1.png", "x/train/1.png"], {}),
        (["train/test/a/1"], {(): {"train"}}),
    ],
)
def test_parts_lie_at_the_top_or_one_below(names, places):
    assert part_places(entries(*names)) == places
    assert folder_places(files_of(dict.fromkeys(names))) == ([""] if places else [])


OUT_OF_PLACE = (
    "in images is out of place: class folders hold only images that end in "
    f"{', '.join(EXTENSIONS)}; move it away."
)
SCATTERED = "images has images in several places, which are not put together: "
REFUSED = {
    "no image": ([*BOTH, "train/a/x\n.txt"], rf"train/a/x\n.txt {OUT_OF_PLACE}"),
    "too deep": ([*BOTH, "train/a/x/1.png"], f"train/a/x/1.png {OUT_OF_PLACE}"),
    "deep below": (
        [*(f"t/{name}" for name in BOTH), "t/train/a/x.txt"],
        f"t/train/a/x.txt {OUT_OF_PLACE}",
    ),
    "case": (
        [*BOTH, "train/a/1.PNG"],
        "train/a/1.PNG and train/a/1.png in images differ in case alone, and many systems take "
        "them for one file; rename or remove one.",
    ),
    "two spellings": (
        [*BOTH, "Train/a/9.png"],
        "images has the folders Train and train, and only one can hold the train images; rename or "
        "remove the others.",
    ),
    "nothing": (
        ["notes.txt"],
        f"images has no folder train with class folders; it needs {LAYOUT}, and may have a folder "
        "valid like them.",
    ),
    "no classes": (
        [*BOTH, "val/1.png"],
        f"images has no folder val with class folders; it needs {LAYOUT}, and may have a folder "
        "valid like them.",
    ),
    "empty": ([*BOTH, "test/d/", "test/c/"], "images has no images in test/c; add some."),
    "missing": (
        [*BOTH, "train/d/1.png", "train/c/1.png"],
        "images has train/c but no test/c; add it.",
    ),
    "extra": (
        [*BOTH, "test/d/1.png", "test/c/1.png"],
        "images has test/c but no train/c; add or remove it.",
    ),
    "one class": (
        ["train/a/1.png"],
        "images has 1 class folder (a); a classifier needs two or more.",
    ),
    "an empty class at the top": (
        ["a/1.png", "b/1.png", "c/"],
        "images has no images in the top/c; add some.",
    ),
    "an empty class below": (
        ["t/a/1.png", "t/b/1.png", "t/c/"],
        "images has no images in t/c; add some.",
    ),
    "scattered": (
        ["b/train/a/1.png", "b/test/a/1.png", "a/test/a/1.png", "val/a/1.png"],
        f"{SCATTERED}the top (val), a (test), b (train and test); choose one that has train and "
        "test with --data.path.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_named_whole(case):
    names, message = REFUSED[case]
    assert refusal(sorted_in, *names) == message


def test_the_same_name_in_two_classes_is_no_matter():
    assert sorted_in("a/1.png", "b/1.PNG") == {"train": {"a": ["a/1.png"], "b": ["b/1.PNG"]}}
