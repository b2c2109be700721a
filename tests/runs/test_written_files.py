"""The files of a run to the last character, and where its figures come from."""

import json
import math
import platform
import subprocess
from dataclasses import asdict, replace
from types import SimpleNamespace

import lightning
import pytest
import torch
import torchmetrics
import torchvision
from record_samples import run_record

from lightning_cifar.native import library
from lightning_cifar.runs import confusion_record, provenance, records
from lightning_cifar.runs.configuration import compose, variant_in, write_config
from lightning_cifar.runs.records import EpochRecord, ValidationRecord, record_from, write_record

EPOCH = EpochRecord(0, 2.5, 0.25, math.nan, math.nan, 1e-3, 1.25)
NO_VALIDATION = {"val_loss": None, "val_accuracy": None}


def test_a_record_and_its_curves_are_written_as_they_are(tmp_path):
    record = replace(run_record(), epochs=(EPOCH,), best_epoch=-1, best_score=math.nan)
    write_record(record, tmp_path)
    fields = asdict(record) | {
        "epochs": [asdict(EPOCH) | NO_VALIDATION],
        "best_score": None,
        "validations": [],
        "best": None,
        "seconds_per_epoch": 1.25,
    }
    assert (tmp_path / "record.json").read_text() == json.dumps(fields, indent=1) + "\n"
    assert (tmp_path / "metrics.csv").read_text() == (
        "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
        "0,2.5,0.25,,,0.001,1.25\n"
    )


@pytest.mark.parametrize(
    ("seconds", "mean"), [((1.0, 2.0), 1.5), ((0.0002, 0.002), 0.001), ((), 0)]
)
def test_seconds_are_the_mean_in_thousandths(tmp_path, seconds, mean):
    epochs = tuple(
        replace(EPOCH, epoch=number, seconds=each) for number, each in enumerate(seconds)
    )
    write_record(replace(run_record(), epochs=epochs), tmp_path)
    assert json.loads((tmp_path / "record.json").read_text())["seconds_per_epoch"] == mean


def test_the_best_epoch_has_the_figures_of_the_weights_that_were_kept():
    early, late = ValidationRecord(1, 7, 1.0, 0.5), ValidationRecord(1, 8, 3.0, 0.25)
    record = replace(run_record(), validations=(early, late), best_step=7, best_epoch=1)
    expected = replace(record.epochs[1], val_loss=1.0, val_accuracy=0.5)
    assert record.best == expected
    assert replace(record, best_step=9).best == record.epochs[1]
    assert replace(record, best_epoch=2).best is None
    assert replace(record, validations=(early, replace(late, step=7))).best.val_loss == 3.0


STOPS = {
    "running": "running",
    "the training loss is not finite at step 3": "not_finite",
    "all 3 epochs done": "epochs",
    "val_loss had not fallen for 3 validations": "patience",
    "not all 3 epochs": "patience",
}


@pytest.mark.parametrize("reason", STOPS)
def test_a_record_of_an_earlier_version_is_filled_in(reason):
    fields = asdict(run_record()) | {"stop_reason": reason, "of_a_later_version": 1}
    kept = asdict(run_record()).keys() - {
        *("stop_kind", "monitor", "mode", "best_score", "best_step", "validations"),
        *("copies", "images", "class_weights"),
    }
    record = record_from({key: fields[key] for key in [*kept, "of_a_later_version"]})
    assert record.stop_kind == STOPS[reason]
    assert (record.monitor, record.mode, record.best_step) == ("val_loss", "min", -1)
    assert math.isnan(record.best_score)
    assert (record.validations, record.copies, record.images) == ((), {}, {})
    assert record.class_weights == {}
    assert record_from(fields | {"stop_kind": "time"}).stop_kind == "time"
    with pytest.raises(TypeError) as refusal:
        record_from(fields | {"stop_kind": "tired"})
    assert str(refusal.value) == "stop_kind is 'tired'"


def test_a_null_is_read_as_no_number():
    fields = asdict(replace(run_record(), best_score=0.5))
    epochs = [asdict(EPOCH) | NO_VALIDATION]
    validation = {"epoch": 0, "step": 1, **NO_VALIDATION}
    record = record_from(fields | {"epochs": epochs, "validations": [validation]})
    assert math.isnan(record.epochs[0].val_loss)
    assert math.isnan(record.validations[0].val_accuracy)
    assert (record.epochs[0].train_loss, record.validations[0].step) == (2.5, 1)
    assert record.best_score == 0.5


def test_reasons_are_said_whole():
    assert records.out_of_patience("x", 3) == "x had not fallen for 3 validations"
    assert records.out_of_patience("x", 3, "max") == "x had not risen for 3 validations"
    assert records.epochs_done(3) == "all 3 epochs done"
    assert records.steps_done(3) == "all 3 steps done (trainer.max_steps)"
    start = "the training loss is not finite at step 3 (epoch 2, learning rate 0.001); "
    assert records.diverged(3, 2, 1e-3) == start + "try a lower learning rate"
    assert records.diverged(3, 2, 1e-3, "rest") == start + "rest"


def test_a_test_is_written_with_what_is_added(tmp_path):
    record = confusion_record.ConfusionRecord({"a": 0.5}, ("x", "y"), ((1, 0), (2, 3)), "of x", "w")
    text = {
        "figures": {"a": 0.5},
        "classes": ["x", "y"],
        "confusion": [[1, 0], [2, 3]],
        "data_fingerprint": "of x",
        "weights": "w",
    }
    for more in (None, {"more": 1}):
        files = confusion_record.write_confusion(record, tmp_path, more)
        assert files == [tmp_path / "test.json", tmp_path / "confusion.png"]
        assert files[0].read_text() == json.dumps(text | (more or {}), indent=1) + "\n"


def test_a_configuration_is_written_in_its_order(tmp_path):
    write_config({"z": {"b": 1, "a": None}, "a": [True]}, tmp_path)
    text = "z:\n  b: 1\n  a: null\na:\n- true\n"
    assert (tmp_path / "config.yaml").read_text() == text


@pytest.mark.parametrize(
    ("path", "variant"),
    [
        ("SeluClassifier", "selu"),
        ("a.b.AlphaDropoutClassifier", "alpha_dropout"),
        ("x.Other", "other"),
        ("", None),
    ],
)
def test_a_variant_is_named_after_its_class(path, variant):
    assert variant_in({"model": {"class_path": path}}) == variant
    assert variant_in({"model": "SeluClassifier"}) is None
    assert variant_in({"model": {}}) is None


def test_a_class_that_was_chosen_decides_what_holds_for_its_variant(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(
        "model: {class_path: EluClassifier, init_args: {depth: 3}}\n"
        "per_variant: {elu: {a: 1}, selu: {model: {init_args: {width: 5}}}}\n"
    )
    assert compose([file])["a"] == 1
    assert compose([file], "x.SeluClassifier") == {
        "model": {"class_path": "x.SeluClassifier", "init_args": {"depth": 3, "width": 5}}
    }
    file.write_text("model: SeluClassifier\nper_variant: {selu: {a: 1}}\n")
    assert compose([file], "x.SeluClassifier") == {"model": "SeluClassifier"}
    file.write_text("per_variant:\n")
    assert compose([file], "x.SeluClassifier") == {"model": {"class_path": "x.SeluClassifier"}}


def test_versions_are_those_of_the_packages():
    assert provenance.versions() == {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": torchvision.__version__,
        "lightning": lightning.__version__,
        "torchmetrics": torchmetrics.__version__,
        "kernels": library.maker(),
    }


def test_a_device_is_named_with_what_decides_its_rounding(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    monkeypatch.setattr(provenance.os, "cpu_count", lambda: 7)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert provenance.device_name(torch.device("cpu")) == "cpu abacus, 3 of 7 cores"
    assert provenance.device_name(torch.device("cuda", 1)) == "card 1"


COMMITS = {
    "clean": (["abc\n", "\n"], "abc"),
    "changed": (["abc\n", " M file\n"], "abc+"),
    "outside": ([subprocess.CalledProcessError(128, "git")], "unknown"),
    "without git": ([FileNotFoundError("git")], "unknown"),
}


@pytest.mark.parametrize("case", COMMITS)
def test_the_commit_is_asked_of_git(case, monkeypatch):
    answers, expected = COMMITS[case]
    asked = []

    def answer(command, **options):
        assert options == {"capture_output": True, "text": True, "check": True}
        asked.append(command)
        found = answers[len(asked) - 1]
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(stdout=found)

    monkeypatch.setattr(subprocess, "run", answer)
    assert provenance.commit.__wrapped__() == expected
    here = ["git", "-C", str(provenance.Path(provenance.__file__).parent)]
    questions = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    assert asked == [[*here, *each] for each in questions[: len(asked)]]
