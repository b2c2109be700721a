"""What is read from a class's source is what the imported class accepts."""

import importlib
import inspect
import re

import pytest

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.cli.help import NOT_OFFERED, OPTIONS, help_text
from lightning_cifar.cli.options import (
    CLASSES,
    CLASSIFIERS,
    PLAIN_KEYS,
    accepted_keys,
    parameters_of,
    public_names,
    settings,
    source_of,
    subclasses_in,
    variants,
)

SOURCE = '''
"""A module."""
SIZE = 7
SIZES = [1]
OTHER: int = 3

class Trunk:
    """A trunk.

    Args:
        width: units; at
            least one.
        colour: not among the parameters.
        rate: what a colon: here is part of.

    Raises:
        ValueError: never.
    """

    def step(self, wrong=1):
        pass

    def __init__(self, width: int, depth: "int" = SIZE, *, rate: float | None = None, name="x"):
        pass

class Leaf(Trunk):
    """A leaf."""

class Other(Leaf, Elsewhere):
    pass
'''


def imported(module, name):
    return inspect.signature(getattr(importlib.import_module(module), name)).parameters


def test_parameters_with_defaults_and_texts():
    width, depth, rate, name = parameters_of(SOURCE, "Trunk")
    assert (width.name, width.default, width.text) == ("width", None, "units; at least one.")
    assert (depth.name, depth.default, depth.text) == ("depth", "7", "")
    assert (rate.default, rate.text) == ("None", "what a colon: here is part of.")
    assert (name.name, name.default) == ("name", "'x'")


def test_leaf_takes_the_parameters_of_its_trunk():
    assert parameters_of(SOURCE, "Leaf") == parameters_of(SOURCE, "Trunk")
    assert parameters_of(SOURCE, "Other") == parameters_of(SOURCE, "Trunk")
    assert subclasses_in(SOURCE, "Trunk") == ["Leaf"]
    assert subclasses_in(SOURCE, "Elsewhere") == ["Other"]


@pytest.mark.parametrize(
    "source", ["", "class Missing:\n    pass", "class Missing(Far):\n    pass"]
)
def test_class_without_parameters_to_read_is_an_error(source):
    with pytest.raises(LookupError, match="Missing"):
        parameters_of(source, "Missing")


@pytest.mark.parametrize("module", ["no_such_package.part", "lightning_cifar.no_such_part", "math"])
def test_missing_module_is_an_import_error(module):
    with pytest.raises(ModuleNotFoundError, match=module):
        source_of(module)


@pytest.mark.parametrize("section", CLASSES)
def test_settings_of_a_section_are_what_its_class_accepts(section):
    module, name = CLASSES[section]
    expected = imported(module, name)
    found = {each.name: each for each in settings()[section]}
    assert list(found) == list(expected)
    for key, parameter in expected.items():
        default = parameter.default
        given = found[key].default
        assert (given is None) == (default is inspect.Parameter.empty)
        assert given in (None, repr(default)), key


def test_settings_of_the_model_are_what_some_variant_accepts():
    assert sorted(variants()) == sorted(each.__name__ for each in VARIANTS.values())
    expected = {name for each in variants() for name in imported(CLASSIFIERS, each)}
    assert {each.name for each in settings()["model"]} == expected
    assert accepted_keys()["model"] == expected - {"seed", "classes", "image_size"}


@pytest.mark.parametrize("module", ["lightning.pytorch.callbacks", "lightning.pytorch.loggers"])
def test_public_names_of_a_package_are_those_it_exports(module):
    assert public_names(module) == importlib.import_module(module).__all__


def offered(text):
    return set(re.findall(r"^  (?:-h, )?--([\w.]+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_help_lists_every_setting_and_option(command):
    keys = {
        f"{section}.{key}"
        for section, names in accepted_keys().items()
        for key in names
        if (section, key) not in NOT_OFFERED
    }
    options = {
        name.split()[0].removeprefix("--") for name, (of, _) in OPTIONS.items() if command in of
    }
    assert offered(help_text(command)) == keys | options | {"help"}


def test_every_option_has_a_line_of_help_and_every_command_its_own():
    documented = {name.split()[0].removeprefix("--") for name in OPTIONS}
    assert documented == PLAIN_KEYS | {"print_config"}
    commands = {command for of, _ in OPTIONS.values() for command in of}
    assert commands == {"fit", "validate", "test"}


def test_help_gives_the_defaults_that_a_run_has(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")  # a narrower terminal would break the lines elsewhere
    lines = help_text("fit").splitlines()
    assert any("--trainer.max_epochs" in line and line.endswith("[100]") for line in lines)
    assert any("--data.batch_size" in line and line.endswith("[128]") for line in lines)
    assert max(map(len, lines)) <= 100
