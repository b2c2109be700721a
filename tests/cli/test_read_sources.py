"""Settings as they are read from a source: every form in which one is written."""

from pathlib import Path

import pytest

from lightning_cifar.cli import options
from lightning_cifar.cli.options import (
    Parameter,
    parameters_of,
    public_names,
    source_of,
    subclasses_in,
)

SOURCE = '''
import os
from elsewhere import SIZES
from lightning_cifar.theirs import NAMES, RATE, lower
SIZE = COUNT = 7
a.b = 3

class Trunk:
    """A trunk.

    Args:
        width: units: many
            of them.

        rate: how fast.
        no text here
        not-a-name: odd.

    Attributes:
        name: of the trunk.
    """

class Middle(Trunk, Elsewhere):
    """In the middle.

    Args:
        width: of the middle.
    """

    def before(self, other): ...

    def __init__(self, first, width=SIZE, /, depth=COUNT, *, rate=RATE, name, last=lower):
        """Make it.

        Args:
            depth: layers.
        """

class Leaf(Elsewhere, Middle):
    def __call__(self, wrong): ...

class Final(a.Leaf):
    def __init__(self):
        pass
'''
THEIRS = "RATE = 0.5\nlower = 3\nOTHER = 4\n"
EXPECTED = (
    Parameter("first", None, ""),
    Parameter("width", "7", "of the middle."),
    Parameter("depth", "7", "layers."),
    Parameter("rate", "0.5", "how fast."),
    Parameter("name", None, ""),
    Parameter("last", "lower", ""),
)


@pytest.fixture
def theirs(monkeypatch):
    """A module of ours from which the source imports."""
    asked = []
    monkeypatch.setattr(options, "source_of", lambda name: asked.append(name) or THEIRS)
    return asked


def test_parameters_are_read_in_every_form(theirs):
    assert parameters_of(SOURCE, "Middle") == EXPECTED
    assert theirs == ["lightning_cifar.theirs"]
    assert parameters_of(SOURCE, "Leaf") == EXPECTED
    assert parameters_of(SOURCE, "Final") == ()


@pytest.mark.parametrize("name", ["Trunk", "Nobody"])
def test_a_class_without_parameters_is_named(theirs, name):
    with pytest.raises(LookupError) as raised:
        parameters_of(SOURCE, name)
    assert str(raised.value) == f"no parameters of {name} found in its source"


def test_names_that_are_not_constants_are_not_looked_up(theirs):
    source = (
        "from lightning_cifar.theirs import lower\nclass A:\n  def __init__(self, a=lower): ..."
    )
    assert parameters_of(source, "A") == (Parameter("a", "lower", ""),)
    assert theirs == []


def test_classes_are_found_by_their_base():
    assert subclasses_in(SOURCE, "Elsewhere") == ["Middle", "Leaf"]
    assert subclasses_in(SOURCE, "Leaf") == []


def test_a_source_is_found_without_importing_it(tmp_path, monkeypatch):
    package = tmp_path / "some_package_of_ours"
    (package / "inner").mkdir(parents=True)
    files = {"__init__.py": "raise SystemExit\n", "part.py": "é = 1\n", "inner/__init__.py": "2\n"}
    for name, text in files.items():
        (package / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert source_of("some_package_of_ours") == "raise SystemExit\n"
    assert source_of("some_package_of_ours.part") == "é = 1\n"
    assert source_of("some_package_of_ours.inner") == "2\n"
    for name in ("some_package_of_ours.none", "no_package_of_ours", "math"):
        with pytest.raises(ModuleNotFoundError) as raised:
            source_of(name)
        assert str(raised.value) == f"No module named {name!r}"
        assert raised.value.name == name


def test_public_names_are_those_of_all(monkeypatch):
    monkeypatch.setattr(options, "source_of", lambda name: f"x = 1\n__all__ = [{name!r}, 'b']\n")
    assert public_names("a") == ["a", "b"]


def test_settings_are_those_of_each_section(monkeypatch):
    def read(source, name):
        return (Parameter(f"{name} of {Path(source).name}", None, ""), Parameter("seed", "0", name))

    monkeypatch.setattr(options, "parameters_of", read)
    monkeypatch.setattr(options, "source_of", lambda module: module)
    monkeypatch.setattr(options, "variants", lambda: ("A", "B"))
    found = options.settings.__wrapped__()
    assert list(found) == ["model", *options.CLASSES]
    here = options.CLASSIFIERS
    assert [each.name for each in found["model"]] == [f"A of {here}", "seed", f"B of {here}"]
    for section, (module, name) in options.CLASSES.items():
        assert found[section] == read(module, name)
    monkeypatch.setattr(options, "settings", lambda: found)
    keys = options.accepted_keys()
    assert keys["model"] == {f"A of {here}", f"B of {here}"}
    assert "seed" in keys["trainer"]
    assert "seed" not in keys["data"]
