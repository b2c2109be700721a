"""Run folders that were damaged, filled up or made by somebody else: refused, nothing lost."""

import os
import pickle
import re
import resource
import shutil

import pytest
import torch
from commands import files_in, refused, run, smoke, working_in
from image_examples import random_images, write_image

from lightning_cifar.__main__ import main
from lightning_cifar.runs.checkpoints import load_checkpoint, save_checkpoint
from lightning_cifar.runs.records import read_record

READERS = ["test", "validate", "predict", "export", "resume"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a finished smoke run of ``alpha_dropout``; tests only read it."""
    folder = tmp_path_factory.mktemp("trained") / "work"
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        assert main([*smoke("alpha_dropout"), "--trainer.max_epochs=2", "--run", "run"]) == 0
    return folder / "run"


@pytest.fixture(autouse=True)
def cwd(trained, tmp_path, monkeypatch):
    """A working folder with a copy of the run, its cache, and a picture."""
    shutil.copytree(trained.parent.parent / "cache", tmp_path / "cache")
    with working_in(tmp_path / "work", monkeypatch) as folder:
        shutil.copytree(trained, folder / "run")
        write_image(folder / "picture.png", random_images(1).images[0])
        yield folder


def reading(command):
    """A command line that reads the run."""
    return {
        "predict": ["predict", "--run=run", "picture.png"],
        "export": ["export", "--run=run", "--format=safetensors"],
        "resume": ["fit", "--run=run", "--resume", "--trainer.max_epochs=3"],
    }.get(command, [command, "--run=run"])


def checkpoints_of(command, folder):
    """The files that a command reads."""
    names = ["last.ckpt", "previous.ckpt"] if command == "resume" else ["best.ckpt"]
    return [folder / "run" / name for name in names]


@pytest.mark.parametrize("command", READERS)
def test_undamaged_run_is_read(capsys, command):
    """The control of all refusals below."""
    assert run(capsys, *reading(command))[0] == 0


def flipped(content):
    return content[:999] + bytes([content[999] ^ 8]) + content[1000:]


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    "damage", [flipped, lambda content: content[:-1], lambda content: b""], ids=["flip", "cut", "0"]
)
def test_damaged_checkpoints_are_refused(cwd, capsys, command, damage):
    for path in checkpoints_of(command, cwd):
        path.write_bytes(damage(path.read_bytes()))
    before = files_in(cwd)
    code, out, error = run(capsys, *reading(command))
    assert (code, out) == (2, "")
    assert re.search(r"lightning-cifar: .*(best|last)\.ckpt .*damaged", error)
    assert "Traceback" not in error
    assert files_in(cwd) == before


class Payload:
    """A pickle that makes a folder when it is read."""

    def __reduce__(self):
        return os.mkdir, ("was_here",)


def raw_pickle(path):
    path.write_bytes(pickle.dumps(Payload()))


def torch_file(path):
    torch.save({"state_dict": Payload()}, path)


def sealed_file(path):
    save_checkpoint({**load_checkpoint(path), "state_dict": Payload()}, path)


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("write", [raw_pickle, torch_file, sealed_file])
def test_code_in_a_checkpoint_does_not_run(cwd, capsys, command, write):
    for path in checkpoints_of(command, cwd):
        write(path)
    code, _, error = run(capsys, *reading(command))
    assert code == 2
    assert "Traceback" not in error
    assert not (cwd / "was_here").exists()


def test_control_the_code_would_run(cwd):
    sealed_file(cwd / "run" / "best.ckpt")
    torch.load(cwd / "run" / "best.ckpt", weights_only=False)
    assert (cwd / "was_here").exists()


def no_checkpoint_of_ours(content):
    return {"state_dict": content["state_dict"], "pytorch-lightning_version": "2.6.0"}


def other_weights(content):
    weights = {name: weight[:1] for name, weight in content["state_dict"].items()}
    return {**content, "state_dict": weights}


def other_size(content):
    return {**content, "hyper_parameters": {**content["hyper_parameters"], "width": 17}}


def other_variant(content):
    return {**content, "variant": "swish"}


@pytest.mark.parametrize("command", ["test", "validate", "predict", "export"])
@pytest.mark.parametrize(
    "change", [no_checkpoint_of_ours, other_weights, other_size, other_variant]
)
def test_checkpoint_of_another_network_is_refused(cwd, capsys, command, change):
    path = cwd / "run" / "best.ckpt"
    save_checkpoint(change(load_checkpoint(path)), path)
    refused(capsys, *reading(command))


def test_checkpoint_with_dropout_elsewhere_is_refused(capsys):
    error = refused(capsys, "test", "--run=run", "--model.dropout_everywhere=true")
    assert "asks for alpha_dropout 3x16, dropout after every layer" in error


def test_run_without_checkpoints_starts_again_or_is_refused(cwd, capsys):
    for path in (cwd / "run").glob("*.ckpt"):
        path.unlink()
    for command in ("test", "validate", "predict", "export"):
        assert "run has no best.ckpt" in refused(capsys, *reading(command))
    assert run(capsys, *reading("resume"))[0] == 0
    assert len(read_record(cwd / "run" / "record.json").epochs) == 3


def test_refused_resume_keeps_even_a_run_of_which_there_is_only_the_configuration(cwd, capsys):
    for path in (cwd / "run").iterdir():
        if path.name != "config.yaml":
            path.unlink()
    for flag in ("--trainer.accelerator=abacus", "--data.validation_size=3"):
        assert run(capsys, *reading("resume"), flag)[0] == 2
        assert [path.name for path in (cwd / "run").iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("text", ["", "{", '{"epochs": 3}', "\0\1\2"])
def test_damaged_record_is_made_again_from_the_checkpoint(cwd, capsys, text):
    expected = read_record(cwd / "run" / "record.json")
    (cwd / "run" / "record.json").write_text(text)
    assert run(capsys, "test", "--run=run")[0] == 0
    assert run(capsys, "fit", "--run=run", "--resume")[0] == 0
    found = read_record(cwd / "run" / "record.json")
    assert (found.epochs, found.stop_reason) == (expected.epochs, expected.stop_reason)


@pytest.mark.parametrize("text", ["data: [", "words", "data: {batchsize: 3}\n", "\0"])
def test_damaged_configuration_is_refused(cwd, capsys, text):
    (cwd / "run" / "config.yaml").write_text(text)
    for command in ("test", "validate", "resume"):
        refused(capsys, *reading(command))


def test_damaged_cache_is_made_again(cwd, capsys, tmp_path):
    figures = run(capsys, "test", "--run=run")[1]
    (array,) = (tmp_path / "cache").rglob("test_images.npy")
    good = array.read_bytes()
    array.write_bytes(flipped(good))
    assert run(capsys, "test", "--run=run")[:2] == (0, figures)
    assert array.read_bytes() == good


def test_full_disk_while_saving_leaves_the_checkpoint_to_go_on_from(cwd, capsys):
    """No file may grow beyond 20,000 bytes, as if the disk were full after so many."""
    expected = (cwd / "run" / "last.ckpt").read_bytes()
    best = (cwd / "run" / "best.ckpt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        code, _, error = run(capsys, *reading("resume"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    line = r"lightning-cifar: .*\.ckpt: File too large; free some space on the disk .*"
    assert re.fullmatch(line, error.splitlines()[-1])
    assert "Traceback" not in error
    kept = [path for path in (cwd / "run").glob("*.ckpt") if path.read_bytes() == expected]
    assert kept, "the checkpoint before is lost"
    assert (cwd / "run" / "best.ckpt").read_bytes() == best
    assert run(capsys, *reading("resume"))[0] == 0
    assert len(read_record(cwd / "run" / "record.json").epochs) == 3
