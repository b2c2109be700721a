"""Every option that a command offers explains itself, and has the type that it says."""

import argparse
import re
from pathlib import Path

import pytest

from lightning_cifar.cli import commands, data_command
from lightning_cifar.cli.help import Parser
from lightning_cifar.errors import InputError
from lightning_cifar.study.command import study
from lightning_cifar.study.report.command import report_command

COMMANDS = {
    "predict": commands.predict,
    "export": commands.export_run,
    "data": data_command.show_data,
    "report": report_command,
    "study": study,
}
TYPES = {"FILE": Path, "N": int, "SHARE": float}
TEXT = {"NAME", "VALUE", "I/N", "PATH", "FOLDER", "STUDY", None}
NAMES = {"GPU", "JSON", "CIFAR", "N", "I"}  # words that are written in capitals


class Offered(Exception):
    """A parser, in place of what it would have parsed."""


@pytest.fixture
def offered(monkeypatch):
    """Gives the parser of a command."""

    def parse_args(self, arguments):
        raise Offered(self)

    monkeypatch.setattr(Parser, "parse_args", parse_args)

    def of(command):
        with pytest.raises(Offered) as raised:
            COMMANDS[command]([])
        return raised.value.args[0]

    return of


def explains_itself(option):
    assert re.match(r"[a-z0-9]|Markdown ", option.help or ""), option
    assert set(re.findall(r"\b[A-Z]+\b|[A-Z]{2,}", option.help)) <= NAMES, option
    assert option.metavar in {*TYPES, *TEXT}, option
    if option.metavar in TYPES:
        assert option.type is TYPES[option.metavar], option
    if option.default not in (None, False) and option.default != []:
        assert option.help.endswith(f"[{option.default}]"), option
        assert option.choices is None or option.default in option.choices


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_explains_itself(offered, command):
    parser = offered(command)
    assert parser.prog == f"lightning-cifar {command}"
    assert re.fullmatch(r"[A-Z][a-z].*\.", " ".join(parser.description.split()))
    options = [each for each in parser._actions if each.dest != "help"]
    assert options
    for option in options:
        explains_itself(option)


WRONG = {
    "silent": {"help": None},
    "shouting": {"help": "THE TABLE TO WRITE"},
    "marked": {"help": "XXthe table to writeXX"},
    "another type": {"type": str},
    "another default": {"default": Path("runs")},
    "another metavar": {"metavar": "file"},
}


@pytest.mark.parametrize("case", WRONG)
def test_control_other_options_are_rejected(case):
    right = {"metavar": "FILE", "type": Path, "help": "the table to write"}
    parser = argparse.ArgumentParser()
    explains_itself(parser.add_argument("--out", **right))
    with pytest.raises((AssertionError, TypeError)):
        explains_itself(parser.add_argument("--other", **(right | WRONG[case])))


WORKERS = "--workers must be at least 1 and goes with --engine local, got"
SHARE = "--gpus_per_run must be 0 or more and goes with --engine ray, got"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "0"], f"{WORKERS} 0"),
        (["--workers", "2", "--engine", "ray"], f"{WORKERS} 2"),
        (["--gpus_per_run=-0.5", "--engine", "ray"], f"{SHARE} -0.5"),
        (["--gpus_per_run", "1000", "--engine", "ray"], f"{SHARE} 1000.0"),
        (["--gpus_per_run", "0.5"], f"{SHARE} 0.5"),
    ],
)
def test_options_of_the_other_engine_are_refused(options, message):
    with pytest.raises(InputError) as refusal:
        study(["--config", "study", "--out", "out", *options])
    assert str(refusal.value) == message
