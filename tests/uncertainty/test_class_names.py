"""Every picture gets its own class's name: from folders to train on to the line a user reads."""

import base64
import csv
import io
import json
import re
from pathlib import PurePath
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from coloured_images import COLOURS, PICTURES, write_coloured_pictures, write_coloured_set
from commands import configured
from controls import assert_rejects
from image_examples import zip_folder
from PIL import Image
from processes import ended

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.uncertainty import figures
from lightning_cifar.uncertainty import prediction as predictions

# What a fresh process runs: several commands, each followed by a line. The text of its pictures is
# written as text, not as outlines.
END = "-- end --\n"
SCRIPT = f"""
import json, sys, matplotlib
matplotlib.rcParams["svg.fonttype"] = "none"
from lightning_cifar.__main__ import main
for arguments in json.loads(sys.argv[1]):
    assert main(arguments) == 0
    print({END!r}, end="")
"""
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
FIT = {
    "data.source": "folder",
    "data.batch_size": 10,
    "data.validation_size": 10,
    "model.init_args.depth": 1,
    "model.init_args.width": 32,
    "model.init_args.learning_rate": 3e-3,
    "trainer.max_epochs": 30,
    "trainer.accelerator": "cpu",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run that tells ten colours apart, and pictures in a folder and a zip."""
    folder = tmp_path_factory.mktemp("colours")
    flags = FIT | {
        "data.path": write_coloured_set(folder / "set"),
        "data.cache": folder / "cache",
        "run": folder / "run",
    }
    arguments = [f"--{key}={value}" for key, value in flags.items()]
    assert main(["fit", *configured("alpha_dropout"), *arguments]) == 0
    write_coloured_pictures(folder / "pictures")
    zip_folder(folder / "pictures", folder / "pictures.zip")
    return folder


def sources_of(place):
    """The paths to give to ``predict``, by what they are."""
    files = sorted((place / "pictures").iterdir())
    return {"files": files, "folder": [place / "pictures"], "zip": [place / "pictures.zip"]}


def from_table(text):
    """Columns are two spaces or more apart; names hold single ones."""
    rows = [re.split(r"\s{2,}", line) for line in text.splitlines()[2:]]
    return [(row[0], row[1]) for row in rows]


def from_csv(text):
    return [(row["name"], row["predicted_class"]) for row in csv.DictReader(io.StringIO(text))]


def from_json(text):
    return [(row["name"], row["predicted_class"]) for row in json.loads(text)]


READERS = {"table": from_table, "csv": from_csv, "json": from_json}


def assert_own_names(rows):
    """Each picture once, each with its own class."""
    assert sorted((PurePath(name).name, found) for name, found in rows) == sorted(PICTURES.items())


def captions_of(sheet):
    """File name, class and the colour that is shown, for each picture of a contact sheet."""
    for group in ElementTree.parse(sheet).iter(f"{SVG}g"):
        if re.fullmatch(r"axes_\d+", group.get("id", "")):
            texts = [element.text or "" for element in group.iter(f"{SVG}text")]
            name = next(text for text in texts if ".png" in text)
            label = next(text for text in texts if text.endswith("%"))
            shown = next(group.iter(f"{SVG}image")).attrib[LINK].partition("base64,")[2]
            with Image.open(io.BytesIO(base64.b64decode(shown))) as picture:
                yield name, label.rpartition(" ")[0], picture.convert("RGB").getpixel((9, 9))


def assert_sheet_has_own_names(sheet):
    """All ten pictures are there, some as certain and as uncertain: each with its own class."""
    found = list(captions_of(sheet))
    assert len(found) == 12
    assert len({name for name, _, _ in found}) == len(PICTURES)
    for name, label, colour in found:
        # Long names are cut at the front.
        assert label == next(own for file, own in PICTURES.items() if name.endswith(file))
        assert colour == COLOURS[label]


def predict(place, paths, kind, *flags):
    """The arguments of a prediction."""
    return ["predict", "--run", place / "run", *paths, f"--format={kind}", *flags]


def run_here(capsys, arguments):
    """What a command prints."""
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("source", ["files", "folder", "zip"])
@pytest.mark.parametrize("samples", [[], ["--mc_samples=5"]], ids=["plain", "sampled"])
def test_rows_have_own_names(place, capsys, source, kind, samples):
    text = run_here(capsys, predict(place, sources_of(place)[source], kind, *samples))
    assert_own_names(READERS[kind](text))


def sheet_has_own_names(place, capsys, folder, source="folder", *flags):
    def check():
        sheet = folder / "sheet.svg"
        paths = [*sources_of(place)[source], "--contact_sheet", sheet]
        with mpl.rc_context({"svg.fonttype": "none"}):
            run_here(capsys, predict(place, paths, "table", *flags))
        assert_sheet_has_own_names(sheet)

    return check


@pytest.mark.parametrize("source", ["files", "folder", "zip"])
@pytest.mark.parametrize("samples", [[], ["--mc_samples=5"]], ids=["plain", "sampled"])
def test_contact_sheet_has_own_names(place, capsys, tmp_path, source, samples):
    sheet_has_own_names(place, capsys, tmp_path, source, *samples)()


@pytest.mark.slow
def test_fresh_process_has_the_same_names(place, tmp_path):
    """One process for all, as most of its time goes into starting."""
    sheets = {kind: tmp_path / f"{kind}.svg" for kind in READERS}
    calls = [
        predict(place, [*paths, "--contact_sheet", sheets[kind]], kind)
        for kind, paths in zip(READERS, sources_of(place).values(), strict=True)
    ]
    code, out, error = ended("-c", SCRIPT, json.dumps(calls, default=str))
    assert code == 0, error
    for kind, text in zip(READERS, out.split(END), strict=False):
        assert_own_names(READERS[kind](text))
        assert_sheet_has_own_names(sheets[kind])


def rows_have_own_names(place, capsys):
    def check():
        assert_own_names(from_csv(run_here(capsys, predict(place, [place / "pictures"], "csv"))))

    return check


def reversed_when_loaded(monkeypatch):
    """A checkpoint gives the names back to front."""
    load = DenseClassifier.on_load_checkpoint

    def mutant(classifier, checkpoint):
        load(classifier, {**checkpoint, "class_names": checkpoint["class_names"][::-1]})

    monkeypatch.setattr(DenseClassifier, "on_load_checkpoint", mutant)


def forgotten_when_loaded(monkeypatch):
    """A classifier keeps the names that it was made with."""
    load = DenseClassifier.on_load_checkpoint

    def mutant(classifier, checkpoint):
        names = classifier.class_names
        load(classifier, checkpoint)
        classifier.class_names = names

    monkeypatch.setattr(DenseClassifier, "on_load_checkpoint", mutant)


def reversed_in_rows(monkeypatch):
    """The rows name classes back to front."""
    rows = predictions.prediction_rows

    def mutant(names, prediction, class_names, **options):
        return rows(names, prediction, class_names[::-1], **options)

    monkeypatch.setattr(predictions, "prediction_rows", mutant)


def next_picture_in_rows(monkeypatch):
    """Each row has the name of the picture before."""
    rows = predictions.prediction_rows

    def mutant(names, *arguments, **options):
        return rows((*names[-1:], *names[:-1]), *arguments, **options)

    monkeypatch.setattr(predictions, "prediction_rows", mutant)


def reversed_in_sheet(monkeypatch):
    """The contact sheet names classes back to front."""
    draw = figures.draw_contact_sheet

    def mutant(images, names, prediction, class_names):
        return draw(images, names, prediction, class_names[::-1])

    monkeypatch.setattr(figures, "draw_contact_sheet", mutant)


def other_picture_in_sheet(monkeypatch):
    """The contact sheet shows another picture above the name."""
    draw = figures.draw_contact_sheet

    def mutant(images, *arguments):
        return draw(images.roll(1, 0), *arguments)

    monkeypatch.setattr(figures, "draw_contact_sheet", mutant)


@pytest.mark.parametrize(
    "mistake",
    [reversed_when_loaded, forgotten_when_loaded, reversed_in_rows, next_picture_in_rows],
)
def test_control_rows_with_other_names_are_rejected(place, capsys, monkeypatch, mistake):
    rows_have_own_names(place, capsys)()
    mistake(monkeypatch)
    assert_rejects(rows_have_own_names(place, capsys))


@pytest.mark.parametrize(
    "mistake",
    [reversed_when_loaded, forgotten_when_loaded, reversed_in_sheet, other_picture_in_sheet],
)
def test_control_sheets_with_other_names_are_rejected(
    place, capsys, tmp_path, monkeypatch, mistake
):
    mistake(monkeypatch)
    assert_rejects(sheet_has_own_names(place, capsys, tmp_path))
