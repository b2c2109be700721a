"""The README and the page of benchmarks say what the repository's results and files say."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import mutation_page
from benchmarks.readme_results import ROOT, benchmarks_page, study_records, with_results
from lightning_cifar.__main__ import COMMANDS
from lightning_cifar.runs.configuration import shipped_configs

README = (ROOT / "README.md").read_text()


def code_lines(text: str) -> list[str]:
    """The lines that are typed into a shell: of blocks, and of tables "I want to | command"."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(block for language, block in blocks if language == "").splitlines()
    for row in re.findall(r"^\| [a-z].* \|$", text, flags=re.MULTILINE):
        lines += re.findall(r"`((?:lightning-cifar|theory|make) [^`]+)`", row)
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def unknown_parts(text: str) -> list[str]:
    """Commands, make targets and config files that the text names and the repository lacks."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    shown = re.findall(
        r"^```yaml\n# (\S+)$", text, flags=re.MULTILINE
    )  # files the page gives whole
    missing = []
    for line in code_lines(text):
        words = shlex.split(line)
        if words[0] == "make" and words[1] not in targets:
            missing.append(line)
        if words[0] == "lightning-cifar" and words[1] not in COMMANDS:
            missing.append(line)
        names = [value for option, value in pairwise(words) if option == "--config"]
        missing += [
            name
            for name in names
            if name not in (*shipped_configs(), *shown) and not (ROOT / name).is_file()
        ]
    return missing


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/index.md", "docs/how-to.md"]
)
def test_pages_name_nothing_that_is_missing(page):
    assert unknown_parts((ROOT / page).read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "make dmeo",
        "lightning-cifar train",
        "lightning-cifar fit --config sleu",
        "lightning-cifar study --config mine.yaml",
        "```\n| train | `lightning-cifar fit --config sleu` |\n```",
    ],
)
def test_a_wrong_command_in_the_readme_is_noticed(line):
    assert unknown_parts(f"```\n{line}\n```\n") != []


def test_readme_maps_every_folder():
    folders = {each.name for each in ROOT.iterdir() if each.is_dir() and each.name[0] != "."}
    named = {"lightning_cifar", "theory", "configs", "notebooks", "benchmarks", "tests", "docs"}
    ours = folders & named
    assert len(ours) == 7
    assert [name for name in ours if f"{name}/" not in README] == []


def test_every_config_is_in_the_readme():
    names = {path.stem for path in (ROOT / "configs").glob("*.yaml")} - {"common"}
    assert [name for name in names if f"`{name}`" not in README] == []


def test_results_in_the_readme_are_those_of_the_records():
    assert with_results(README, study_records()) == README


def test_changed_results_in_the_readme_are_noticed():
    changed = re.sub(r"\d\d\.\d %|\d\d\.\d%", "99.9%", README, count=1)
    assert changed != README
    assert with_results(changed, study_records()) != changed


def test_page_of_benchmarks_is_that_of_the_results():
    assert Path(ROOT / "docs" / "benchmarks.md").read_text() == benchmarks_page()


def test_page_of_mutants_is_that_of_the_verdicts():
    assert mutation_page.PAGE.read_text() == mutation_page.page(mutation_page.read_results())
    for wing in mutation_page.REASONS:
        with pytest.raises(ValueError, match="write a test that notices it, or a reason"):
            mutation_page.reason_of(wing, "demo.unheard_of | -a || +b")
