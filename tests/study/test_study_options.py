"""The options of ``study``: what they give, what is refused, and how they are explained."""

from argparse import Namespace

import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.study import command, run_study


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "--workers must be at least 1 and goes with --engine local, got 0"),
        (
            ["--workers", "2", "--engine", "ray"],
            "--workers must be at least 1 and goes with --engine local, got 2",
        ),
        (
            ["--gpus_per_run", "0.5"],
            "--gpus_per_run must be 0 or more and goes with --engine ray, got 0.5",
        ),
        (
            ["--gpus_per_run", "-1", "--engine", "ray"],
            "--gpus_per_run must be 0 or more and goes with --engine ray, got -1.0",
        ),
        (
            ["--gpus_per_run", "1000", "--engine", "ray"],
            "--gpus_per_run must be 0 or more and goes with --engine ray, got 1000.0",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(InputError) as refusal:
        command.study(["--config", "c", "--out", "o", *arguments])
    assert str(refusal.value) == message


DEFAULTS = {
    "config": "c",
    "set_ups": [],
    "seeds": None,
    "shard": "1/1",
    "redo_damaged": False,
    "engine": "local",
    "workers": None,
    "gpus_per_run": None,
    "trainer.accelerator": None,
    "data.source": None,
    "data.path": None,
    "data.cache": None,
}


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ([], {}),
        (["--workers", "1", "--seeds", "3"], {"workers": 1, "seeds": 3}),
        (["--set_ups", "a", "b", "--shard", "2/3"], {"set_ups": ["a", "b"], "shard": "2/3"}),
        (
            ["--engine", "ray", "--gpus_per_run", "0"],
            {"engine": "ray", "gpus_per_run": 0.0},
        ),
        (
            ["--redo_damaged", "--trainer.accelerator", "cpu", "--data.source", "synthetic"],
            {"redo_damaged": True, "trainer.accelerator": "cpu", "data.source": "synthetic"},
        ),
        (["--data.path", "p", "--data.cache", "q"], {"data.path": "p", "data.cache": "q"}),
    ],
)
def test_options_reach_the_study(monkeypatch, arguments, changes):
    asked = []
    monkeypatch.setattr(run_study, "run_study", lambda options: asked.append(vars(options)) or 7)
    assert command.study(["--config", "c", "--out", "o", *arguments]) == 7
    (options,) = asked
    assert str(options.pop("out")) == "o"
    assert options == DEFAULTS | changes


@pytest.mark.parametrize("missing", ["--config", "--out"])
def test_a_study_needs_a_file_and_a_folder(missing):
    given = {"--config": "c", "--out": "o"}
    del given[missing]
    with pytest.raises(InputError, match=missing):
        command.study([part for pair in given.items() for part in pair])


def test_the_help_says_what_each_option_is(capsys):
    with pytest.raises(SystemExit):
        command.study(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("usage: lightning-cifar study")
    for words in (
        "Train variants over many seeds. The same command continues a study that was interrupted.",
        "--config NAME study file, or the name of a shipped one",
        "--out FOLDER folder of the study's records",
        "only these; by default all",
        "--seeds N seeds 0 to N-1, instead of the number in the file",
        "--shard I/N train only share I of N of the jobs [1/1]",
        "--redo_damaged train again where a record is damaged",
        "what runs the jobs [local]",
        "--workers N local: jobs at once; by default one per core",
        "--gpus_per_run SHARE ray: share of a GPU for each job",
        "--trainer.accelerator VALUE as for fit",
        "--data.source VALUE as for fit",
        "--data.path VALUE as for fit",
        "--data.cache VALUE as for fit",
    ):
        assert words in told


def test_places_are_the_dotted_options_that_were_given():
    options = Namespace(
        **{"seeds": 3, "data.path": "p", "data.cache": None, "trainer.accelerator": "cpu"}
    )
    assert run_study.places(options) == {"data": {"path": "p"}, "trainer": {"accelerator": "cpu"}}
