"""Output that cannot be written: one line and a code, and a fit that can go on."""

import errno
import os
import subprocess
import sys

import pytest
import torch
from commands import environment, smoke

from lightning_cifar.__main__ import UNREAD, main
from lightning_cifar.runs.checkpoints import load_checkpoint

CALL = [sys.executable, "-m", "lightning_cifar"]
# Standard streams that a process is started without, as by `2>&-` in a shell.
WITHOUT = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}


def outcome(output, *arguments):
    """Exit code and errors of a call in its own process, which keeps lines as users' do."""
    variables = environment()
    variables.pop("PYTHONUNBUFFERED", None)
    done = subprocess.run(
        [*CALL, *arguments], stdout=output, stderr=subprocess.PIPE, text=True, env=variables
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", ["--version", "--help", "fit --help", "completion"])
def test_a_full_disk_is_one_line(arguments):
    with open("/dev/full", "w") as full:
        assert outcome(full, *arguments.split()) == (
            2,
            f"lightning-cifar: {os.strerror(errno.ENOSPC)}\n",
        )


@pytest.mark.parametrize("arguments", ["--version", "fit --help"])
def test_a_reader_that_has_gone_is_no_mistake(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        assert outcome(pipe, *arguments.split()) == (UNREAD, "")


@pytest.mark.parametrize("stream", WITHOUT)
def test_a_missing_stream_leaves_its_number_to_no_file(stream):
    script = (
        "import os, sys; from lightning_cifar.__main__ import main; code = main(['--version']);"
        "file = os.open('/dev/null', os.O_RDONLY); os._exit(100 + file if file < 3 else code)"
    )
    command = ["sh", "-c", f'"$0" -c "$1" {WITHOUT[stream]}', sys.executable, script]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, env=environment()).returncode == 0


class Unread:
    """An output whose reader goes after the first line."""

    def __init__(self):
        self.lines = 0

    def write(self, text):
        self.lines += text.count("\n")
        if self.lines > 1:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return len(text)

    def flush(self):
        pass


def test_a_fit_that_nobody_reads_says_how_to_go_on_and_goes_on(cwd, capsys, monkeypatch):
    arguments = [*smoke(), "--trainer.max_epochs=3", "--early_stopping.patience=99"]
    assert main([*arguments, "--run", "read"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Unread())
        capsys.readouterr()
        assert main([*arguments, "--run", "unread"]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line == (
        "lightning-cifar: Broken pipe; to continue: lightning-cifar fit --run unread --resume"
    )
    assert main(["fit", "--run", "unread", "--resume"]) == 0
    read, unread = (load_checkpoint(cwd / name / "last.ckpt") for name in ("read", "unread"))
    assert unread["global_step"] == read["global_step"] > 0
    for name, weight in read["state_dict"].items():
        assert torch.equal(unread["state_dict"][name], weight), name
