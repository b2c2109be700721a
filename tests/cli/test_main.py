"""The program's entry: what is started for a command, and what is said of an error."""

import errno
import os
import sys

import pytest

from lightning_cifar import __main__ as entry
from lightning_cifar import __version__
from lightning_cifar.__main__ import COMMANDS, main
from lightning_cifar.cli import command, commands, data_command, launchers
from lightning_cifar.cli import help as offered
from lightning_cifar.errors import InputError, Interrupted
from lightning_cifar.study import command as study_command
from lightning_cifar.study.report import command as report_command
from lightning_cifar.training.finite_guard import NonFiniteLoss
from lightning_cifar.training.processes import LostProcess


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["-h"], 0), (["--help", "fit"], 0)])
def test_the_commands_are_listed(capsys, arguments, code):
    assert main(arguments) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "usage: lightning-cifar COMMAND [options]; COMMAND --help lists its options",
        "",
        *(f"  {name:12}{text}" for name, text in COMMANDS.items()),
    ]


def test_the_version_is_said(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lightning-cifar", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"lightning-cifar {__version__}\n"


def exit_after(cause):
    """What Lightning makes of an interruption: an exit, of which it is the context."""
    try:
        try:
            raise cause
        except type(cause):
            raise SystemExit(1)  # noqa: B904
    except SystemExit as error:
        return error


ERRORS = {
    "input": (InputError("it is wrong"), 2, "it is wrong"),
    "end": (Interrupted("ended", 143), 143, "ended"),
    "Ctrl-C": (KeyboardInterrupt(), 130, "interrupted"),
    "Ctrl-C in Lightning": (exit_after(KeyboardInterrupt()), 130, "interrupted"),
    "library": (
        ImportError("no torch"),
        2,
        "cannot load a library: no torch; install the pinned requirements again",
    ),
    "file": (
        OSError(errno.ENOENT, os.strerror(errno.ENOENT), "x.png"),
        2,
        "x.png: No such file or directory",
    ),
    "no file": (OSError("it is gone"), 2, "it is gone"),
    "letters": (
        UnicodeEncodeError("ascii", "der Bär", 5, 6, "ordinal not in range(128)"),
        2,
        "'\\xe4' cannot be written in ascii; set PYTHONUTF8=1",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_one_line_and_a_code(case, capsys, monkeypatch):
    error, code, line = ERRORS[case]

    def fail(name, arguments):
        assert (name, arguments) == ("fit", ["fit", "-c", "x"])
        raise error

    monkeypatch.setattr(entry, "run", fail)
    assert main(["fit", "-c", "x"]) == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"lightning-cifar: {line}\n")


@pytest.mark.parametrize("error", [SystemExit(3), exit_after(ValueError())])
def test_another_exit_is_let_through(error, monkeypatch):
    def fail(name, arguments):
        raise error

    monkeypatch.setattr(entry, "run", fail)
    with pytest.raises(SystemExit) as raised:
        main(["fit"])
    assert raised.value is error


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fti", "did you mean 'fit'?"),
        (
            "zzz",
            "there are fit, validate, test, report, data, predict, export, study, completion",
        ),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest_or_all(name, hint, capsys):
    assert main([name]) == 2
    assert capsys.readouterr().err == f"lightning-cifar: unknown command {name!r}; {hint}\n"


@pytest.fixture
def started(monkeypatch):
    """Notes what is started, and with which arguments, in place of starting it."""
    seen = []
    targets = (
        *((report_command, "report_command"), (data_command, "show_data")),
        *((commands, "predict"), (commands, "export_run"), (commands, "evaluate_ensemble")),
        *((study_command, "study"), (command, "run_command")),
        (launchers, "refuse_outside_launch"),
    )
    for module, name in targets:
        monkeypatch.setattr(module, name, lambda given, name=name: seen.append((name, given)) or 7)
    return seen


LAUNCH = ("refuse_outside_launch", os.environ)
STARTED = {
    "report x": [("report_command", ["x"])],
    "data x": [("show_data", ["x"])],
    "predict x": [("predict", ["x"])],
    "export x": [("export_run", ["x"])],
    "study x": [LAUNCH, ("study", ["x"])],
    "study -h": [LAUNCH, ("study", ["-h"])],
    "test --run a --run=b": [LAUNCH, ("evaluate_ensemble", ["--run", "a", "--run=b"])],
}


@pytest.mark.parametrize("line", STARTED)
def test_a_command_starts_what_it_names(line, started):
    assert main(line.split()) == 7
    assert started == STARTED[line]


@pytest.mark.parametrize("name", ["fit", "validate", "test"])
def test_a_command_of_the_trainer_is_composed_first(name, started):
    assert main([name, "--data.flip", "true"]) == 0
    assert started == [LAUNCH, ("run_command", [name, "--data.flip=true"])]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_given_wherever_it_is_asked_for(option, started, capsys, monkeypatch):
    monkeypatch.setattr(offered, "help_text", lambda name: f"help of {name}")
    assert main(["validate", "--run", "a", option]) == 0
    assert capsys.readouterr().out == "help of validate\n"
    assert started == [LAUNCH]


def test_several_runs_are_an_ensemble_of_a_test_alone(started, capsys):
    assert main(["fit", "--run=a", "--run=b"]) == 2
    assert started == [LAUNCH]
    assert capsys.readouterr().err == (
        "lightning-cifar: fit takes one --run, got 2: a, b; test, predict and export take "
        "several, as an ensemble\n"
    )


@pytest.mark.parametrize("kind", [NonFiniteLoss, LostProcess])
def test_a_fit_that_cannot_go_on_ends_with_1(kind, started, capsys, monkeypatch):
    def fail(arguments):
        raise kind("it is over")

    monkeypatch.setattr(command, "run_command", fail)
    assert main(["fit", "--data.flip=true"]) == 1
    assert capsys.readouterr().err == "lightning-cifar: it is over\n"


def test_completion_prints_the_script_alone(capsys):
    assert main(["completion"]) == 0
    said = capsys.readouterr().out
    assert said == offered.completion_script(COMMANDS)
    assert said.endswith("lightning-cifar\n")
    assert not said.endswith("\n\n")
    assert f'compgen -W "{" ".join(COMMANDS)}"' in said
    assert '--model) COMPREPLY=($(compgen -W "EluClassifier BatchNormClassifier Selu' in said
    assert '--config) COMPREPLY=($(compgen -W "alpha_dropout ' in said
