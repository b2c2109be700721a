"""``from lightning_cifar import …``: everything promised is there, and nothing comes unasked."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import environment

import lightning_cifar

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("import lightning_cifar, theory", 0),
        ("from lightning_cifar import SeluClassifier", 70),  # control
    ],
)
def test_importing_the_packages_loads_nothing_heavy(tmp_path, code, outcome):
    (tmp_path / "torch.py").write_text("raise SystemExit(70)")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment())
    assert done.returncode == outcome


@pytest.mark.parametrize("name", lightning_cifar.__all__)
def test_every_public_name_is_what_its_module_defines(name):
    found = getattr(lightning_cifar, name)
    if name == "__version__":
        return
    assert found.__name__ == name
    assert getattr(importlib.import_module(found.__module__), name) is found


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(lightning_cifar.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: node.module.removeprefix("lightning_cifar.")
        for node in block.body
        for alias in node.names
    }
    assert typed == lightning_cifar._MODULES
    assert sorted([*typed, "__version__"]) == sorted(lightning_cifar.__all__)
    assert set(lightning_cifar.__all__) <= set(dir(lightning_cifar))


def test_other_names_are_missing():
    with pytest.raises(AttributeError, match="no attribute 'SwishClassifier'"):
        lightning_cifar.SwishClassifier  # noqa: B018


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("CITATION.cff", r"^version: (.+)$"),
        ("CHANGELOG.md", r"^## (\d\S*)"),
    ],
)
def test_version_is_the_same_everywhere(file, pattern):
    found = re.search(pattern, (ROOT / file).read_text(), flags=re.MULTILINE)
    assert found is not None
    assert found[1] == lightning_cifar.__version__
