"""``theory run``: the demos with their options, figures and pictures."""

import dataclasses
import json
from importlib import import_module
from typing import get_type_hints

import pytest

from theory.__main__ import main
from theory.ledger import QUESTIONS


def test_run_takes_the_demos_options(capsys):
    small = ["run", "biases", "--width", "8", "--draws", "2", "--json"]
    assert main([*small, "--depth", "3"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["options"]["depth"] == 3
    assert len(first["result"]["log10_gradient_zero_biases"]) == 3
    assert main([*small, "--depth", "4"]) == 0
    assert len(json.loads(capsys.readouterr().out)["result"]["log10_gradient_zero_biases"]) == 4


def test_run_prints_long_lists_in_short(capsys):
    assert main(["run", "2", "--depth", "30", "--width", "4", "--draws", "1"]) == 0
    printed = capsys.readouterr().out
    assert "log10 gradient zero biases: " in printed
    assert "(30 in all)" in printed


@pytest.mark.parametrize("name", ["selu", "activations"])
def test_as_many_names_are_printed_as_figures(name, capsys):
    assert main(["run", name]) == 0
    lines = dict(
        line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line
    )
    names, figures = {
        "selu": ("  starts", "  last mean square predicted"),
        "activations": ("  functions", "  mean output"),  # names with commas
    }[name]
    separator = "; " if "; " in lines[names] else ", "
    assert len(lines[names].split(separator)) == len(lines[figures].split(", "))
    if name == "activations":  # control: as they would stand with commas alone
        assert len(lines[names].replace("; ", ", ").split(", ")) > len(lines[figures].split(", "))


def test_what_is_a_little_below_1_does_not_read_1(capsys):
    for momentum, factor in (("0.9999999", "0.99999995"), ("1", "1")):  # the second: control
        assert main(["run", "momentum", "--momentum", momentum, "--steps", "2"]) == 0
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert f"momentum: {momentum}" in lines
        (shown,) = (line for line in lines if line.startswith("factor per step: "))
        assert shown == f"factor per step: {factor}"
    assert main(["run", "momentum", "--momentum", "1.0000001"]) == 2
    assert "from 0 to 1, got 1.0000001; above" in capsys.readouterr().err


def test_run_draws(tmp_path, capsys):
    image = tmp_path / "biases.png"
    small = ["--depth", "3", "--width", "4", "--draws", "1"]
    assert main(["run", "biases", *small, "--plot", str(image)]) == 0
    assert image.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("ending", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")]
)
def test_a_demo_is_drawn_for_a_slide_in_every_format(ending, start, tmp_path):
    image = tmp_path / f"slide.{ending}"
    assert main(["run", "momentum", "--steps", "5", "--plot", str(image)]) == 0
    assert image.read_bytes().startswith(start)


@pytest.mark.slow
def test_run_all_runs_every_demo(capsys):
    assert main(["run", "--all", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {question.name for question in QUESTIONS}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_help_of_a_demo_explains_its_options(question, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", question.name, "--help"])
    assert stopped.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "--" in printed
    assert " (default:" in printed
    assert ": (default:" not in printed
    module, _, function = question.demo.partition(":")
    result = get_type_hints(getattr(import_module(module), function))["return"]
    for field in dataclasses.fields(result):
        assert f" {field.name.replace('_', ' ')}: " in printed


def test_the_help_of_run_needs_no_demo(capsys):
    assert main(["run", "--help"]) == 0
    assert "--plot FILE" in capsys.readouterr().out
