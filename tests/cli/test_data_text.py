"""What ``data`` prints of figures made up, and how it reads what is partly damaged."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lightning_cifar.cli import data_command
from lightning_cifar.cli.data_command import as_text, copies_said, show_data, sizes_said, spaced
from lightning_cifar.data import contact_sheet, datamodule, inspection, sources
from lightning_cifar.data.inspection import Inspection
from lightning_cifar.data.reading import Reading
from lightning_cifar.errors import InputError

FOUND = Inspection(
    form="class folders",
    verified=False,
    image_size=32,
    classes=("cat", "a dog"),
    counts={"train": {"cat": 30, "a dog": 4}, "test": {"cat": 2, "a dog": 1}},
    copies_within={"train": 1, "test": 0},
    copies_across={"train in test": 0, "test in train": 2},
    contradictions=3,
    mean=(120.04, 110.0, 99.96),
    deviation=(60.0, 61.0, 62.0),
    fingerprint="abc",
    sizes={"32x32": 37},
    notes=("the first", "the second"),
    skipped=("train/x.png is odd; replace it or add --data.skip_unreadable true",),
)
TEXT = """\
form       class folders
content    not verified
classes    2
images     train 34, test 3
pixels     32x32
mean       120.0 110.0 100.0 (red, green, blue of the training images, 0 to 255)
deviation  60.0 61.0 62.0
copies     1 within train, 2 of test in train
labels     3 images have a copy with another label
note       the first
note       the second
unreadable train/x.png is odd
hash       abc
class       train        test
cat            30           2
a dog           4           1"""


def test_figures_are_listed_whole():
    assert as_text(FOUND) == TEXT


def test_what_is_not_there_has_no_line():
    plain = {"notes": (), "skipped": (), "contradictions": 0, "copies_within": {}}
    found = replace(FOUND, form="", verified=True, copies_across={}, **plain)
    lines = TEXT.splitlines()
    assert as_text(found).splitlines() == [
        "form       drawn by the package",
        "content    has the official hashes",
        *lines[2:7],
        "copies     none",
        *lines[12:],
    ]


@pytest.mark.parametrize("count", [30, 31])
def test_many_classes_have_no_line_each(count):
    names = tuple(f"c{number}" for number in range(count))
    counts = {"train": dict(zip(names, range(5, 5 + count), strict=True))}
    counts["test"] = dict.fromkeys(names, 2)
    lines = as_text(replace(FOUND, classes=names, counts=counts)).splitlines()[13:]
    if count == 30:
        assert lines[0] == "class       train        test"
        assert len(lines) == 31
    else:
        assert lines == [
            "train: 5 to 35 images in each class",
            "test: 2 to 2 images in each class",
        ]


SIZES = {
    "": {"32x32": 3},
    ", made of 32x32 (3), 8x9 (1)": {"8x9": 1, "32x32": 3},
    ", made of e (5), d (4), c (3), b (2)": {"b": 2, "c": 3, "d": 4, "e": 5},
    ", made of e (5), d (4), c (3), b (2) and 1 other sizes": dict(a=1, b=2, c=3, d=4, e=5),
    ", made of f (9), e (5), d (4), c (3) and 2 other sizes": dict(a=1, b=2, c=3, d=4, e=5, f=9),
}


@pytest.mark.parametrize("said", SIZES)
def test_the_four_most_frequent_sizes_are_said(said):
    found = replace(FOUND, sizes=SIZES[said])
    assert sizes_said(found) == said
    assert f"pixels     32x32{said}\n" in as_text(found)


def test_copies_are_said_where_there_are_any():
    assert copies_said(FOUND) == "1 within train, 2 of test in train"
    none = replace(FOUND, copies_within={"train": 0}, copies_across={"train in test": 0})
    assert copies_said(none) == "none"
    assert spaced((1.25, 2.0)) == "1.2 2.0"


class Sheet:
    def __init__(self):
        self.saved = []

    def save(self, path):
        if path.suffix == ".odd":
            raise ValueError("unknown file extension: .odd")
        self.saved.append(path)


@pytest.fixture
def shown(monkeypatch):
    """What is at a path, made up; the options that were given, and the sheet."""
    seen = SimpleNamespace(sheet=Sheet(), options=[], found=FOUND)
    images = SimpleNamespace(train="train", classes="classes")
    monkeypatch.setattr(
        data_command, "readable_images", lambda options: seen.options.append(options) or images
    )
    monkeypatch.setattr(inspection, "inspected", lambda given: given is images and seen.found)

    def draw(*given):
        assert given == ("train", "classes")
        return seen.sheet

    monkeypatch.setattr(contact_sheet, "contact_sheet", draw)
    return seen


def test_figures_and_sheet_are_shown(shown, capsys):
    assert show_data(["--data.path", "x"]) == 1
    assert capsys.readouterr().out == f"{TEXT}\nwrote contact_sheet.png\n"
    assert shown.sheet.saved == [Path("contact_sheet.png")]
    assert vars(shown.options[0]) == {
        **{"path": "x", "source": None, "cache": None, "image_size": 32, "labels": "fine"},
        **{"json": False, "contact_sheet": Path("contact_sheet.png")},
    }
    shown.found = replace(FOUND, skipped=())
    assert show_data(["--data.source", "synthetic", "--contact_sheet", "s.png"]) == 0
    assert capsys.readouterr().out.endswith("\nwrote s.png\n")


def test_figures_are_shown_as_json(shown, capsys):
    options = ["--data.cache", "c", "--data.image_size", "64", "--data.labels", "coarse"]
    assert show_data(["--json", "--data.path=x", *options]) == 1
    assert capsys.readouterr().out == json.dumps(asdict(FOUND), indent=1) + "\n"
    found = vars(shown.options[0])
    assert (found["cache"], found["image_size"], found["labels"]) == ("c", 64, "coarse")


LISTED = "; 'lightning-cifar data --help' lists the options"
REFUSED = {
    "": "nothing to look at: give --data.path, or --data.source synthetic",
    "--data.cache c": "nothing to look at: give --data.path, or --data.source synthetic",
    "--data.path x --contact_sheet s.odd": (
        "cannot draw s.odd: unknown file extension: .odd; give a name that ends in .png"
    ),
    "--data.path x --data.image_size y": (
        f"argument --data.image_size: invalid int value: 'y'{LISTED}"
    ),
    "--data.path x --zzz": f"unrecognized arguments: --zzz{LISTED}",
    "--data.path x --jsn": "unrecognized arguments: --jsn; did you mean '--json'?",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_is_refused_whole(line, shown, capsys):
    with pytest.raises(InputError) as refusal:
        show_data(line.split())
    assert str(refusal.value) == REFUSED[line]
    assert capsys.readouterr().out == ""


def test_other_labels_are_refused(shown):
    with pytest.raises(InputError) as refusal:
        show_data(["--data.path", "x", "--data.labels", "y"])
    said = str(refusal.value).replace("'", "")  # some versions of Python quote each choice
    assert said.startswith("argument --data.labels: invalid choice: y (choose from fine, coarse); ")


@pytest.fixture
def readings(monkeypatch):
    """A source of images that refuses what is damaged, and then one that says why."""
    module = SimpleNamespace(source="folder", path="p", cache="c", reading=Reading())
    asked = SimpleNamespace(options=None, loaded=[], refusal=None)

    def make(**options):
        asked.options = options
        return module

    def load(*given):
        asked.loaded.append(given)
        if asked.refusal and len(asked.loaded) == 1:
            raise InputError(asked.refusal)
        return "images"

    monkeypatch.setattr(datamodule, "CIFAR10DataModule", make)
    monkeypatch.setattr(sources, "load_images", load)
    return asked


OPTIONS = {"source": "folder", "path": "p", "cache": "c", "image_size": 32, "labels": "fine"}
PLACE = ("folder", "p", "c")


def test_images_are_read_as_training_reads_them(readings):
    assert data_command.readable_images(SimpleNamespace(**OPTIONS)) == "images"
    assert readings.options == OPTIONS
    assert readings.loaded == [(*PLACE, Reading())]


def test_what_is_damaged_is_left_out(readings):
    readings.refusal = "x is odd; add --data.skip_unreadable true"
    assert data_command.readable_images(SimpleNamespace(**OPTIONS)) == "images"
    assert readings.loaded == [
        (*PLACE, Reading()),
        (*PLACE, replace(Reading(), skip_unreadable=True)),
    ]


def test_what_cannot_be_used_at_all_is_refused(readings):
    readings.refusal = "p does not exist"
    with pytest.raises(InputError, match="p does not exist"):
        data_command.readable_images(SimpleNamespace(**OPTIONS))
    assert len(readings.loaded) == 1
