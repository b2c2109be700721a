"""``predict``, ``export`` and the test of an ensemble: what they ask for, print and refuse."""

from argparse import ArgumentTypeError
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lightning_cifar.cli import commands
from lightning_cifar.cli.commands import evaluate_ensemble, export_run, named_path, predict
from lightning_cifar.errors import InputError
from lightning_cifar.runs import export as export_module
from lightning_cifar.uncertainty import (
    ensemble_report,
    ensemble_scores,
    ensembles,
    evaluation,
    figures,
    prediction,
    shared_images,
    user_images,
)

FIRST = SimpleNamespace(image_shape=(3, 8, 9), class_names=("x", "y"))
SECOND = SimpleNamespace(image_shape=(3, 8, 9), class_names=("x", "y"))
MEMBERS = [
    SimpleNamespace(name="first", classifier=FIRST),
    SimpleNamespace(name="second", classifier=SECOND),
]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A folder with two runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(name).mkdir()
        Path(name, "config.yaml").write_text("data: {batch_size: 3}\n")


@pytest.fixture
def asked(monkeypatch):
    """Stand-ins for what is computed elsewhere: what each was given, by name."""
    seen = {}

    def stand_in(module, name, answer):
        def call(*arguments, **options):
            seen.setdefault(name, []).append((arguments, options))
            return answer(*arguments) if callable(answer) else answer

        monkeypatch.setattr(module, name, call)

    stand_in(ensembles, "load_members", lambda runs: MEMBERS[: len(runs)])
    stand_in(ensembles, "predict_images", "prediction")
    stand_in(ensembles, "described", "description")
    stand_in(ensembles, "Ensemble", lambda classifiers: ("ensemble", *classifiers))
    stand_in(evaluation, "require_sampling", None)
    images = SimpleNamespace(images="images", names=["n"], notes=["note"], skipped=[])
    stand_in(user_images, "load_images", images)
    stand_in(prediction, "prediction_rows", "rows")
    for name in ("table", "csv", "json"):
        stand_in(prediction, f"rows_as_{name}", f" {name}\n\n")
    stand_in(figures, "draw_contact_sheet", SimpleNamespace(savefig=sheet(seen)))
    stand_in(export_module, "export", 1.5e-6)
    data = SimpleNamespace(
        test="test", validation="validation", fingerprint="of x", classes=("x", "y")
    )
    stand_in(shared_images, "shared_images", data)
    stand_in(ensemble_scores, "judge", SimpleNamespace(log_probabilities="logs"))
    stand_in(ensemble_report, "figures_of", "figures")
    stand_in(ensemble_report, "ensemble_text", "text")
    stand_in(ensemble_report, "write_ensemble_test", [Path("a.json"), Path("b.png")])
    seen["images"] = images
    return seen


def sheet(seen):
    def save(path, dpi):
        if path.suffix == ".odd":
            raise ValueError("no such format")
        seen["saved"] = (path, dpi)

    return save


def test_a_prediction_is_printed_as_a_table(asked, capsys):
    assert predict(["x.png", "y", "--run", "a"]) == 0
    assert capsys.readouterr() == (" table\n", "")
    assert asked["load_members"] == [(([Path("a")],), {})]
    assert asked["load_images"] == [(([Path("x.png"), Path("y")], 8), {})]
    assert asked["predict_images"] == [(([FIRST], "images", None, 0), {})]
    rows = (["n"], "prediction", ("x", "y")), {"notes": ["note"], "sampled": False}
    assert asked["prediction_rows"] == [rows]
    assert asked["rows_as_table"] == [(("rows",), {})]
    assert not asked.keys() & {"draw_contact_sheet", "saved", "require_sampling"}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_prediction_of_several_runs_is_one_of_many_samples(asked, capsys, form):
    options = ["--format", form, "--mc_samples", "7", "--seed", "3", "--contact_sheet", "s.png"]
    asked["images"].skipped.extend(["one: odd", "two: odd"])
    assert predict(["x", "--run", "a", "--run=b", *options]) == 1
    said = "lightning-cifar: skipped one: odd\nlightning-cifar: skipped two: odd\n"
    assert capsys.readouterr() == (f" {form}\n", said)
    assert asked["predict_images"] == [(([FIRST, SECOND], "images", 7, 3), {})]
    assert asked["prediction_rows"][0][1]["sampled"] is True
    assert asked["require_sampling"] == [((FIRST, 7), {}), ((SECOND, 7), {})]
    drawn = (("images", ["n"], "prediction", ("x", "y")), {})
    assert asked["draw_contact_sheet"] == [drawn]
    assert asked["saved"] == (Path("s.png"), 120)


@pytest.mark.parametrize("more", [["--mc_samples=1"], ["--run=b"]])
def test_rows_say_whether_they_are_means(asked, more):
    predict(["x", "--run", "a", *more])
    assert asked["prediction_rows"][0][1]["sampled"] is True


def test_an_ensemble_is_tested_and_written(asked, capsys):
    options = ["--data.path", "p", "--mc_samples=7", "--seed_everything", "3"]
    assert evaluate_ensemble(["--run=a", "--run", "b", *options]) == 0
    assert capsys.readouterr().out == "text\nwrote a.json\nwrote b.png\n"
    runs = [Path("a"), Path("b")]
    assert asked["load_members"] == [((runs,), {})]
    assert asked["shared_images"] == [((runs, {"path": "p"}), {})]
    judged = (([FIRST, SECOND], "test", "validation"), {"samples": 7, "seed": 3})
    assert asked["judge"] == [judged]
    assert asked["require_sampling"] == [((FIRST, 7), {}), ((SECOND, 7), {})]
    assert asked["figures_of"] == [(("logs", "test"), {})]
    ((test, names, found), _) = asked["ensemble_text"][0]
    assert (test.log_probabilities, names, found) == ("logs", ["first", "second"], "figures")
    ((_, *written), _) = asked["write_ensemble_test"][0]
    assert written == [MEMBERS, "test", "of x", Path("runs/ensemble-000")]
    assert Path("runs/ensemble-000").is_dir()


def test_an_ensemble_takes_the_images_of_its_runs(asked):
    assert evaluate_ensemble(["--run=a", "--run=b", "--data.cache=c"]) == 0
    assert asked["shared_images"][0][0][1] == {"cache": "c"}
    assert asked["judge"][0][1] == {"samples": None, "seed": 0}
    assert "require_sampling" not in asked


@pytest.mark.parametrize("form", ["onnx", "torch-export", "safetensors"])
def test_a_run_is_exported_into_its_folder(asked, capsys, form):
    assert export_run(["--run=b", "--format", form]) == 0
    suffix = {"onnx": ".onnx", "torch-export": ".pt2"}.get(form, ".safetensors")
    assert capsys.readouterr().out == (
        f"b/model{suffix}: largest difference of a logit from the original 1.5e-06\n"
    )
    ((module, path), options) = asked["export"][0]
    assert (module, path) == (FIRST, Path(f"b/model{suffix}"))
    batch = options.pop("batch")
    assert options == {"format": form, "description": "description"}
    assert (batch.dtype, tuple(batch.shape)) == (torch.uint8, (8, 3, 8, 9))
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(256, (8, 3, 8, 9), dtype=torch.uint8, generator=generator)
    assert torch.equal(batch, drawn)
    assert asked["described"] == [(([FIRST],), {})]


def test_an_ensemble_is_exported_to_a_file(asked, capsys):
    assert export_run(["--run=a", "--run=b", "--format=onnx", "--out=x.bin"]) == 0
    ((module, path), _) = asked["export"][0]
    assert (module, path) == (("ensemble", FIRST, SECOND), Path("x.bin"))
    assert capsys.readouterr().out.startswith("x.bin: largest difference")


LISTED = "; 'lightning-cifar {} --help' lists the options"
TAKES = "it takes --run, --data.path, --data.cache, --mc_samples and --seed_everything"
SEED = "it must be between 0 and 4294967295, a whole number"
TWICE = "the run a is given twice, which would count it double; give each run of an ensemble once"
NOWHERE = "there is no run folder c; 'fit' prints the folder it writes"
REFUSED = {
    "predict --run=a": "the following arguments are required: PATH" + LISTED.format("predict"),
    "predict x": "the following arguments are required: --run" + LISTED.format("predict"),
    "predict x --run=c": NOWHERE,
    "predict x --run=a --run=a": TWICE,
    "predict x --run=a --mc_samples=2 --seed=-1": f"--seed is -1; {SEED}",
    "predict x --run=a --contact_sheet=s.odd": "cannot draw s.odd: no such format",
    "export --run=a": "the following arguments are required: --format" + LISTED.format("export"),
    "export --format=onnx": "the following arguments are required: --run" + LISTED.format("export"),
    "export --run=c --format=onnx": NOWHERE,
    "export --run=a --run=a --format=onnx --out=x": TWICE,
    "export --run=a --run=b --format=onnx": (
        "an ensemble is no run and has no folder of its own; add --out FILE"
    ),
    "test --run=a --run=c": NOWHERE,
    "test --run=a --run=a": TWICE,
    "test --run=a --run=b --data.flip=true": (
        f"the test of several runs does not take '--data.flip=true'; {TAKES}"
    ),
    "test --run=a --run=b --seed_everything=-1": f"seed_everything is -1; {SEED}",
    "test --run=a --run=b --mc_samples=x": (
        "argument --mc_samples: invalid int value: 'x'" + LISTED.format("test")
    ),
    "test --run=a --run=b --seed_everything=x": (
        "argument --seed_everything: invalid int value: 'x'" + LISTED.format("test")
    ),
    "test --mc_samples=3": "the following arguments are required: --run" + LISTED.format("test"),
}
START = {"predict": predict, "export": export_run, "test": evaluate_ensemble}


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_is_refused_whole(line, asked):
    command, *arguments = line.split()
    with pytest.raises(InputError) as refusal:
        START[command](arguments)
    assert str(refusal.value) == REFUSED[line]
    assert not asked.keys() & {"export", "judge", "predict_images"} or "s.odd" in line


@pytest.mark.parametrize(
    ("command", "choices"),
    [("predict x", "table, csv, json"), ("export", "onnx, torch-export, safetensors")],
)
def test_another_format_is_refused_with_all_that_there_are(command, choices):
    name, *arguments = command.split()
    with pytest.raises(InputError) as refusal:
        START[name]([*arguments, "--run=a", "--format=gif"])
    said = str(refusal.value).replace("'", "")  # some versions of Python quote each choice
    assert said == (
        f"argument --format: invalid choice: gif (choose from {choices})"
        + LISTED.format(name).replace("'", "")
    )


def test_settings_of_a_run_that_nothing_reads_are_refused(asked):
    Path("b/config.yaml").write_text("data: {flop: 3}\n")
    with pytest.raises(InputError) as refusal:
        evaluate_ensemble(["--run=a", "--run=b"])
    assert str(refusal.value) == "unknown setting 'data.flop'; did you mean 'flip'?"


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_path_is_refused(text):
    with pytest.raises(ArgumentTypeError) as refusal:
        named_path(text)
    assert str(refusal.value) == "it is empty; give an image file, a folder, a zip or a tar"
    assert named_path(" x ") == Path(" x ")


def test_nothing_is_sampled_without_samples(asked):
    commands.check_sampling([FIRST], None, -1, "--seed")
    assert "require_sampling" not in asked
