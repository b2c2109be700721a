"""What a command says at its end, from records and figures made up."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from record_samples import run_record

from lightning_cifar.cli.endings import end_of_fit, metrics_line, selection_rule
from lightning_cifar.runs.records import ValidationRecord, write_record


@pytest.fixture
def ended(tmp_path):
    """A run folder with spaces in its name, and what its record says changed."""

    def write(**changes):
        folder = tmp_path / "my run"
        folder.mkdir(exist_ok=True)
        write_record(replace(run_record(), **changes), folder)
        return folder

    return write


@pytest.mark.parametrize(("mode", "kind"), [("min", "lowest"), ("max", "highest")])
def test_the_rule_says_epoch_and_figure(ended, mode, kind):
    folder = ended(mode=mode, best_score=0.123456, monitor="val_accuracy", best_epoch=1)
    expected = f"weights of epoch 2: the {kind} val_accuracy (0.1235)"
    assert selection_rule(folder) == expected


def test_the_rule_is_not_said_where_it_is_not_known(ended, tmp_path):
    assert selection_rule(tmp_path / "nothing") == ""
    assert selection_rule(ended(best_score=float("nan"))) == ""
    assert selection_rule(ended(best_score=0.5, best_epoch=-1)) == ""


@pytest.mark.parametrize(("kind", "cut"), [("epochs", False), ("interrupted", True)])
def test_a_fit_that_was_cut_short_says_how_to_go_on(ended, kind, cut):
    folder = ended(stop_kind=kind)
    lines = end_of_fit(folder).splitlines()
    assert lines[0] == "ended: all 2 epochs done"
    assert lines[-1] == f"run folder: {folder}"
    assert lines[1].startswith("kept: weights of epoch ")
    advice = f"to continue: lightning-cifar fit --run '{folder}' --resume"
    assert lines[2:-1] == [advice if cut else f"next: lightning-cifar test --run '{folder}'"]


def test_a_fit_says_how_good_the_kept_weights_are(ended):
    judged = ValidationRecord(epoch=1, step=40, val_loss=1.23456, val_accuracy=0.5)
    better_since = ValidationRecord(epoch=1, step=44, val_loss=0.5, val_accuracy=0.9)
    folder = ended(best_epoch=1, best_step=40, validations=(judged, better_since))
    expected = "kept: weights of epoch 2  val_loss 1.2346  val_accuracy 50.00%"
    assert end_of_fit(folder).splitlines()[1] == expected


@pytest.mark.parametrize("figure", ["val_loss", "val_accuracy"])
def test_a_figure_that_was_not_measured_is_not_said(ended, figure):
    known = {"val_loss": 1.25, "val_accuracy": 0.5} | {figure: float("nan")}
    judged = ValidationRecord(epoch=1, step=40, **known)
    said = end_of_fit(ended(best_epoch=1, best_step=40, validations=(judged,))).splitlines()[1]
    assert figure not in said
    assert "nan" not in said
    assert said.count("val_") == 1


def test_a_fit_that_kept_nothing_says_so(ended):
    said = end_of_fit(ended(best_epoch=-1, stop_kind="epochs")).splitlines()
    assert said[1] == "nothing was validated, so no weights were kept"


def figures(stage, limit, **more):
    values = {"loss": 1.23456, "accuracy": 0.5, **more}
    metrics = {f"{stage}_{name}": torch.tensor(value) for name, value in values.items()}
    return SimpleNamespace(callback_metrics=metrics, **{f"limit_{stage}_batches": limit})


@pytest.mark.parametrize("stage", ["val", "test"])
def test_figures_are_said_with_what_limits_them(stage):
    line = f"{stage}_loss 1.2346  {stage}_accuracy 50.00%"
    assert metrics_line(figures(stage, 1.0), stage) == line
    limited = "  (limited: trainer.limit_{}_batches {})"
    for limit in (1, 0.5, 3):
        assert metrics_line(figures(stage, limit), stage) == line + limited.format(stage, limit)
    more = figures(stage, 1.0, balanced_accuracy=0.25, top5_accuracy=0.75)
    assert metrics_line(more, stage) == (
        f"{line}  {stage}_balanced_accuracy 25.00%  {stage}_top5_accuracy 75.00%"
    )
