"""Shell completion, asked of a real bash."""

import shutil
import subprocess
import sys

import pytest
from commands import environment

from lightning_cifar.__main__ import COMMANDS, main

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def completed(script, folder, *words):
    """What bash offers for the last of ``words``."""
    ask = f"""
        lightning-cifar() {{ {sys.executable} -m lightning_cifar "$@"; }}
        COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
        _lightning_cifar; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-uc", script + ask],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.fixture
def complete(tmp_path, capsys):
    assert main(["completion"]) == 0
    script = capsys.readouterr().out
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "runs").mkdir()

    return lambda *words: completed(script, tmp_path, "lightning-cifar", *words)


def test_commands_options_and_names_are_completed(complete):
    assert complete("") == list(COMMANDS)
    assert complete("va") == ["validate"]
    assert complete("fit", "--data.ba") == ["--data.batch_size"]
    assert complete("fit", "--trainer.max_e") == ["--trainer.max_epochs"]
    assert complete("fit", "--config", "sel") == ["selu"]
    assert complete("fit", "--config", "mi") == ["mine.yaml"]
    assert complete("fit", "--model", "Se") == ["SeluClassifier"]
    assert complete("test", "--run", "r") == ["runs"]
    assert complete("predict", "--con") == ["--contact_sheet"]
    assert complete("study", "--set") == ["--set_ups"]
    assert complete("predict", "--data.ba") == []
    assert complete("predict", "mi") == ["mine.yaml"]
    assert complete("fit", "--no_such") == []
