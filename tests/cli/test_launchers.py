"""Several processes started from outside, and variables left over from them, are refused."""

import os
import subprocess
import sys

import pytest
from commands import environment, refused, run, smoke

from lightning_cifar.cli.launchers import OURS, RANKS, refuse_outside_launch
from lightning_cifar.errors import InputError

TORCHRUN = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
SRUN = {"SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "7"}


@pytest.mark.parametrize("left_over", [{each: "1"} for each in RANKS] + [{"LOCAL_RANK": "x"}])
def test_a_rank_that_is_left_over_is_named(cwd, capsys, monkeypatch, left_over):
    for name, value in left_over.items():
        monkeypatch.setenv(name, value)
    error = refused(capsys, *smoke())
    assert all(
        f"{name}={value}" in error and f"unset {name}" in error for name, value in left_over.items()
    )


@pytest.mark.parametrize("variables", [TORCHRUN, TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0"}, SRUN])
@pytest.mark.parametrize("command", ["fit", "validate", "test", "study"])
def test_one_of_several_processes_is_refused(cwd, capsys, monkeypatch, variables, command):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    error = refused(capsys, command, "--config", "selu")
    assert "--trainer.devices N --trainer.strategy ddp" in error


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WORLD_SIZE": "1", "RANK": "0"},
        {"SLURM_NTASKS": "1", "SLURM_PROCID": "0"},
        {"LOCAL_RANK": ""},
    ],
)
def test_control_one_process_is_let_through(variables):
    refuse_outside_launch(variables)


def test_processes_that_we_start_are_let_through_and_no_others():
    ours = {"LOCAL_RANK": "1", OURS: str(os.getppid())}
    refuse_outside_launch(ours)
    with pytest.raises(InputError, match="LOCAL_RANK=1"):
        refuse_outside_launch(ours | {OURS: "1"})


def test_a_left_over_rank_gives_no_traceback_in_a_fresh_process(tmp_path):
    """Lightning reads these variables when it is imported."""
    command = [sys.executable, "-m", "lightning_cifar", *smoke()]
    variables = environment() | {"LOCAL_RANK": "abc", OURS: ""}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=variables, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("lightning-cifar: LOCAL_RANK=abc is set")
    assert list(tmp_path.iterdir()) == []


def test_other_commands_do_not_mind(cwd, capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    for arguments in (["completion"], ["predict", "--help"], ["report", "--help"]):
        try:
            code = run(capsys, *arguments)[0]
        except SystemExit as end:
            code = end.code
        assert code == 0
