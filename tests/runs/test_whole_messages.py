"""What the modules of runs refuse, and what they say aloud, with their whole messages."""

import errno
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_cifar.errors import InputError
from lightning_cifar.runs import checkpoints, configuration, export, folders, records, resuming
from lightning_cifar.runs.same_network import check_same_network

NAMES = "alpha_dropout, batch_norm"
SETTINGS = {"depth": 3, "width": 4}
WEIGHTS = {"bias": torch.zeros(3)}
CHECKPOINT = {
    "class_names": ("a",),
    "hyper_parameters": SETTINGS,
    "state_dict": WEIGHTS,
    "variant": "elu",
}


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A working folder with a file, a run and files of settings."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("not a folder")
    Path("run").mkdir()
    Path("run/config.yaml").write_text("data: {}\n")
    Path("empty").mkdir()
    texts = {
        "first": "base: second.yaml\n",
        "second": "base: first.yaml\n",
        "cut": "a: 1\ndata: [1, 2\n",
        "text": "only words\n",
        "list": "- a\n",
        "number": "3\n",
        "keys": "1: 2\n",
    }
    for name, text in texts.items():
        Path(f"{name}.yaml").write_text(text)
    Path("bytes.yaml").write_bytes(b"\xff\xfe\x00\x81")
    for name, content in (("empty", {}), ("list", []), ("part", {"epochs": 3})):
        Path(f"{name}.json").write_text(str(content).replace("'", '"'))


def sealed(content):
    """A checkpoint that holds anything, and is what was written."""
    checkpoints.save_checkpoint(content, Path("a.ckpt"))
    return checkpoints.load_checkpoint(Path("a.ckpt"))


def damaged():
    """A file with a byte too many."""
    checkpoints.save_checkpoint({}, Path("a.ckpt"))
    Path("a.ckpt").write_bytes(Path("a.ckpt").read_bytes() + b"\0")
    return checkpoints.load_checkpoint(Path("a.ckpt"))


def resumed(*names):
    """A run whose checkpoints are damaged."""
    for name in names:
        Path("run", name).write_bytes(b"no checkpoint")
    return resuming.resume_point(Path("run"), {})


def trained_twice_at_once():
    with folders.locked(Path("run")), folders.locked(Path("run")):
        pass


def same(variant="elu", settings=SETTINGS, weights=WEIGHTS, **changes):
    check_same_network(CHECKPOINT | changes, variant, settings, weights)


def exported(format="onnx", batch=None):
    batch = torch.zeros(2, 3, 4, 4) if batch is None else batch
    export.export(nn.Identity(), Path("x"), format=format, batch=batch, description={})


OTHER = "use the configuration of the run that wrote it (--run FOLDER)"
YAML = f"not a YAML file{{}}; see {configuration.SHIPPED} for examples"
NO_SETTINGS = "not settings of the form 'key: value'"
BATCH = "the batch to check must be two or more uint8 images (images, 3, size, size), got"
CASES = {
    "checkpoint that is not there": (
        lambda: checkpoints.load_checkpoint(Path("no.ckpt")),
        "cannot read the checkpoint no.ckpt: No such file or directory",
    ),
    "checkpoint with a byte too many": (
        damaged,
        "a.ckpt is damaged or was not written by lightning-cifar (its checksum does not match); "
        "use another checkpoint or train again",
    ),
    "checkpoint of other things": (
        lambda: sealed({"x": Path("x")}),
        "a.ckpt contains more than weights and plain values, so it was not loaded",
    ),
    "checkpoint of a list": (
        lambda: sealed([1, 2]),
        "a.ckpt contains a list, not a checkpoint",
    ),
    "configuration like another": (
        lambda: configuration.config_path("slu"),
        "there is no configuration 'slu'; did you mean 'selu'?",
    ),
    "configuration like none": (
        lambda: configuration.config_path("zzz"),
        f"there is no configuration 'zzz'; there are {', '.join(configuration.shipped_configs())}, "
        "or give a file",
    ),
    "base of itself": (
        lambda: configuration.compose([Path("first.yaml")]),
        "first.yaml is its own base; remove the 'base' line of one of the two files",
    ),
    "file that is not there": (
        lambda: configuration.read_settings(Path("no.yaml")),
        "cannot read the config file no.yaml: No such file or directory",
    ),
    "file that is shipped": (
        lambda: configuration.read_settings(Path("selu.yaml")),
        "cannot read the config file selu.yaml: No such file or directory; the shipped one is "
        "--config selu",
    ),
    "file that is cut": (
        lambda: configuration.read_settings(Path("cut.yaml")),
        f"cut.yaml is {YAML.format(' (line 3)')}",
    ),
    "file of bytes": (
        lambda: configuration.read_settings(Path("bytes.yaml")),
        f"bytes.yaml is {YAML.format('')}",
    ),
    "file of text": (
        lambda: configuration.read_settings(Path("text.yaml")),
        f"text.yaml contains text, {NO_SETTINGS}",
    ),
    "file of a list": (
        lambda: configuration.read_settings(Path("list.yaml")),
        f"list.yaml contains a list, {NO_SETTINGS}",
    ),
    "file of a number": (
        lambda: configuration.read_settings(Path("number.yaml")),
        f"number.yaml contains a single value, {NO_SETTINGS}",
    ),
    "file of numbers": (
        lambda: configuration.read_settings(Path("keys.yaml")),
        f"keys.yaml contains keys that are not text, {NO_SETTINGS}",
    ),
    "folder that is there": (
        lambda: folders.new_run_folder(Path("run"), Path("runs"), "elu"),
        "the run folder run already exists, and runs are never overwritten; choose another --run, "
        "or add --resume to continue it",
    ),
    "folder below a file": (
        lambda: folders.new_run_folder(Path("file/run"), Path("runs"), "elu"),
        "cannot create the run folder file/run: Not a directory; choose another with --run FOLDER",
    ),
    "folder of runs below a file": (
        lambda: folders.new_run_folder(None, Path("file/runs"), "elu"),
        "cannot create the run folder file/runs: Not a directory; choose another with --run FOLDER",
    ),
    "folder in which another trains": (
        trained_twice_at_once,
        "another process is training in run; wait for it, or choose another --run",
    ),
    "folder that is not there": (
        lambda: folders.existing_run(Path("nowhere")),
        "there is no run folder nowhere; 'fit' prints the folder it writes",
    ),
    "folder of no run": (
        lambda: folders.existing_runs([Path("run"), Path("empty")]),
        "empty is not a run folder: it contains no config.yaml",
    ),
    "run given twice": (
        lambda: folders.existing_runs([Path("run"), Path("empty/../run")]),
        "the run empty/../run is given twice, which would count it double; give each run of an "
        "ensemble once",
    ),
    "run without weights": (
        lambda: folders.best_checkpoint(Path("run")),
        "run has no best.ckpt: its training ended before the first validation; train again, or "
        "continue it with 'fit --run FOLDER --resume'",
    ),
    "run whose checkpoint is damaged": (
        lambda: resumed("last.ckpt"),
        "run cannot be resumed because last.ckpt is damaged; start a new run (the best weights so "
        "far are in run/best.ckpt)",
    ),
    "run whose checkpoints are damaged": (
        lambda: resumed("last.ckpt", "previous.ckpt"),
        "run cannot be resumed because last.ckpt and previous.ckpt are damaged; start a new run "
        "(the best weights so far are in run/best.ckpt)",
    ),
    "record that is not there": (
        lambda: records.read_record(Path("no.json")),
        "cannot read the run record no.json: No such file or directory",
    ),
    "record of nothing": (
        lambda: records.read_record(Path("empty.json")),
        "empty.json is not a run record ('epochs'); run the training again",
    ),
    "record of a part": (
        lambda: records.read_record(Path("part.json")),
        "part.json is not a run record ('int' object is not iterable); run the training again",
    ),
    "weights of no classifier": (
        lambda: same(hyper_parameters=None),
        "the checkpoint holds no classifier; use one that 'fit' wrote",
    ),
    "weights of no classes": (
        lambda: check_same_network({"hyper_parameters": {}}, "elu", {}, {}),
        "the checkpoint holds no classifier; use one that 'fit' wrote",
    ),
    "weights of another variant": (
        lambda: same("selu"),
        f"the checkpoint holds elu 3x4, the configuration asks for selu 3x4; {OTHER}",
    ),
    "weights of another size": (
        lambda: same(settings={"depth": 5, "width": 4}),
        f"the checkpoint holds elu 3x4, the configuration asks for elu 5x4; {OTHER}",
    ),
    "weights with dropout elsewhere": (
        lambda: same(settings=SETTINGS | {"dropout_everywhere": True}),
        "the checkpoint holds elu 3x4, the configuration asks for elu 3x4, dropout after every "
        f"layer; {OTHER}",
    ),
    "weights for other images": (
        lambda: same(settings=SETTINGS | {"classes": 3, "image_size": 64}),
        "the checkpoint holds elu 3x4 for 10 classes of 32x32 pixels, the configuration asks for "
        f"elu 3x4 for 3 classes of 64x64 pixels; {OTHER}",
    ),
    "weights of another shape": (
        lambda: same(weights={"bias": torch.zeros(4)}),
        f"the checkpoint holds elu 3x4, the configuration asks for elu 3x4; {OTHER}",
    ),
    "weights of nobody": (
        lambda: check_same_network(
            {"class_names": (), "hyper_parameters": {}, "state_dict": {}}, "elu", SETTINGS, {}
        ),
        "the checkpoint holds unknown NonexNone, the configuration asks for elu 3x4; " + OTHER,
    ),
    "format of another program": (
        lambda: exported("pickle"),
        "format must be onnx, torch-export or safetensors, got 'pickle'",
    ),
    "batch of numbers": (
        exported,
        f"{BATCH} torch.float32 of shape (2, 3, 4, 4)",
    ),
    "batch of one": (
        lambda: exported(batch=torch.zeros(1, 3, 4, 4, dtype=torch.uint8)),
        f"{BATCH} torch.uint8 of shape (1, 3, 4, 4)",
    ),
    "batch without images": (
        lambda: exported(batch=torch.zeros(2, 3, 4, dtype=torch.uint8)),
        f"{BATCH} torch.uint8 of shape (2, 3, 4)",
    ),
    "package that is not there": (
        lambda: export.optional("no_such_package.part"),
        "this export needs the package no_such_package, which is not installed; install it with: "
        "pip install 'lightning-cifar[export]'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_is_said_whole(case):
    refused, message = CASES[case]
    with pytest.raises(InputError) as refusal:
        refused()
    assert str(refusal.value) == message


def test_the_same_network_passes():
    same()
    same(settings=SETTINGS | {"classes": 10, "image_size": 32, "dropout_everywhere": False})


@pytest.mark.parametrize(("shift", "said"), [(0.5, "5.0e-01"), (1.5e-4, "1.5e-04")])
def test_a_difference_is_said_whole(shift, said):
    images = torch.zeros(2, 3, dtype=torch.float64)
    with pytest.raises(RuntimeError) as refusal:
        export.largest_difference(lambda each: each, lambda each: each + shift, images)
    assert str(refusal.value) == (
        f"the exported network differs from the original by {said}, the limit is 1e-04; nothing "
        "was written"
    )


@pytest.mark.parametrize("size", [0.5, 1.0, 8.0])
def test_a_difference_is_relative_to_the_largest_logit_or_to_one(size):
    images = torch.tensor([[size, 0.0], [-size, 0.0]], dtype=torch.float64)
    found = export.largest_difference(lambda each: each, lambda each: each + 5e-5, images)
    assert found == pytest.approx(5e-5 / max(size, 1), rel=1e-6)


def test_the_key_that_is_not_known_is_named_with_the_nearest_or_all():
    def refusal(key):
        return str(configuration.unknown_key(f"a.{key}", key, ["class_path", "init_args"]))

    assert refusal("init_arg") == "unknown setting 'a.init_arg'; did you mean 'init_args'?"
    assert refusal("zzz") == "unknown setting 'a.zzz'; known are class_path, init_args"


def test_a_damaged_checkpoint_is_said_and_moved_aside(capsys):
    good = Path("run/previous.ckpt")
    checkpoints.save_checkpoint({"configuration": {}}, good)
    assert resumed("last.ckpt") == good
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "run/last.ckpt is damaged; trying the one before it\n")
    names = {"config.yaml", "last.damaged", "previous.ckpt"}
    assert {each.name for each in Path("run").iterdir()} == names


def test_a_run_without_checkpoints_starts_from_the_beginning(capsys):
    for name in ("best.ckpt", ".last.ckpt.abcd1234", ".other"):
        Path("run", name).touch()
    assert resuming.resume_point(Path("run"), {"a": 1}) is None
    said = capsys.readouterr()
    beginning = "run has no finished epoch yet; starting from the beginning\n"
    assert (said.out, said.err) == ("", beginning)
    assert {each.name for each in Path("run").iterdir()} == {"config.yaml", ".other"}


def test_a_checkpoint_of_other_settings_is_not_gone_on_from():
    checkpoints.save_checkpoint({"configuration": {"a": 1}}, Path("run/last.ckpt"))
    assert resuming.resume_point(Path("run"), {"a": 1}) == Path("run/last.ckpt")
    with pytest.raises(InputError, match="the run was started with a = 1 and cannot be"):
        resuming.resume_point(Path("run"), {"a": 2})


def test_a_folder_that_may_not_be_written_to_is_refused(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError) as refusal:
        folders.new_run_folder(None, Path("runs"), "elu")
    assert str(refusal.value) == (
        "cannot create the run folder runs: Permission denied; choose another with --run FOLDER"
    )
