"""What ``validate`` and ``test`` evaluate, print and write, without a trainer."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch.utilities import rank_zero_only

from lightning_cifar.cli import command
from lightning_cifar.cli.command import CIFARCommand
from lightning_cifar.errors import InputError

IMAGES = SimpleNamespace(test_images="test images", validation_images="validation images")


@pytest.fixture(autouse=True)
def spoken(monkeypatch, tmp_path):
    """Lines of stand-ins for what is measured elsewhere, and their arguments."""
    seen = []

    def note(name, answer):
        def call(*arguments, **options):
            seen.append((name, arguments, options))
            return answer

        monkeypatch.setattr(command, name, call)

    note("require_sampling", None)
    note("compare_predictions", "comparison")
    note("comparison_text", "compared")
    note("write_comparison", [Path("a.json"), Path("b.png")])
    note("metrics_line", "figures")
    note("selection_rule", "rule")
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/best.ckpt").touch()
    return seen


class Evaluating:
    """A trainer that notes what it is asked for."""

    world_size, is_global_zero = 1, True

    def __init__(self):
        self.asked = []

    def validate(self, *arguments, **options):
        self.asked.append(("validate", arguments, options))

    def test(self, *arguments, **options):
        self.asked.append(("test", arguments, options))


def evaluated(given, **options):
    """A command with its trainer, before it evaluates."""
    plain = {"run": "run", "mc_samples": None, "ckpt_path": None, "seed_everything": 5}
    one = object.__new__(CIFARCommand)
    one.given, one.folder, one.trainer = given, Path("run"), Evaluating()
    one.config = {given: SimpleNamespace(**plain | options)}
    one.prepared = []
    images = SimpleNamespace(**vars(IMAGES), setup=one.prepared.append)
    getattr(one, given)("model", images)
    return one, images


@pytest.mark.parametrize(("given", "stage"), [("validate", "val"), ("test", "test")])
def test_figures_and_rule_of_a_run_are_printed(given, stage, spoken, capsys):
    one, images = evaluated(given)
    options = {"ckpt_path": Path("run/best.ckpt"), "verbose": False}
    assert one.trainer.asked == [(given, ("model", images), options)]
    assert spoken == [
        ("metrics_line", (one.trainer, stage), {}),
        ("selection_rule", (Path("run"),), {}),
    ]
    assert capsys.readouterr().out == "figures\nrule\n"
    assert one.prepared == []


@pytest.mark.parametrize(("given", "stage"), [("validate", "val"), ("test", "test")])
def test_monte_carlo_is_compared_and_written(given, stage, spoken, capsys):
    one, _ = evaluated(given, mc_samples=7)
    assert one.prepared == ["validate"]
    calls = {name: (arguments, options) for name, arguments, options in spoken}
    assert spoken[0] == ("require_sampling", ("model", 7), {})
    judged = "test images" if given == "test" else "validation images"
    assert calls["compare_predictions"] == (
        ("model", judged, "validation images"),
        {"samples": 7, "seed": 5},
    )
    assert calls["comparison_text"] == (("comparison",), {})
    assert calls["write_comparison"] == (("comparison", Path("run"), stage), {})
    said = capsys.readouterr().out
    assert said == "figures\nrule\ncompared\nwrote a.json\nwrote b.png\n"


def test_another_process_compares_and_prints_nothing(spoken, capsys, monkeypatch):
    monkeypatch.setattr(Evaluating, "is_global_zero", False)
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    one, _ = evaluated("test", mc_samples=7)
    assert one.prepared == []
    assert capsys.readouterr().out == ""


def test_weights_that_are_named_are_evaluated_without_a_run(spoken, capsys):
    one, _ = evaluated("test", run=None, ckpt_path="x.ckpt", mc_samples=3)
    assert one.trainer.asked[0][2]["ckpt_path"] == Path("x.ckpt")
    assert capsys.readouterr().out == "figures\ncompared\n"
    assert "write_comparison" not in [name for name, _, _ in spoken]
    assert "selection_rule" not in [name for name, _, _ in spoken]


@pytest.mark.parametrize("given", ["validate", "test"])
def test_weights_are_needed(given):
    with pytest.raises(InputError) as refusal:
        evaluated(given, run=None)
    assert str(refusal.value) == f"'{given}' needs weights: give --run FOLDER of a fit"


def test_a_rule_that_is_not_known_is_not_printed(monkeypatch, capsys):
    monkeypatch.setattr(command, "selection_rule", lambda folder: "")
    evaluated("test")
    assert capsys.readouterr().out == "figures\n"
