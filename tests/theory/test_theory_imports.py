"""A bug in the networks must not be able to prove a claim: theory knows no networks of ours."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported(source):
    """The top-level packages that ``source`` imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def users(package, of):
    """The files of ``package`` that import ``of``."""
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    return [path.as_posix() for path in files if of in imported(path.read_text(encoding="utf-8"))]


def test_theory_imports_nothing_of_the_training_wing():
    assert users("theory", "lightning_cifar") == []


def test_networks_and_training_import_nothing_of_theory():
    # What a report may take, and from where, is in tests/test_imports.py.
    assert [path for path in users("lightning_cifar", "theory") if "report" not in path] == []


@pytest.mark.parametrize(
    "source",
    [
        "import lightning_cifar",
        "from lightning_cifar.networks import selu",
        "def later():\n    import lightning_cifar.networks as networks",
    ],
    ids=["plain", "from", "inside a function"],
)
def test_a_stray_import_is_seen(source):
    assert "lightning_cifar" in imported(source)


def test_claims_import_no_more_than_what_a_claim_is():
    for path in sorted((ROOT / "theory").glob("*/claims.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        plain = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert modules == {"theory.claim"}, path
        assert plain == set(), path


def test_packages_import_nothing_by_themselves():
    for path in sorted((ROOT / "theory").rglob("__init__.py")):
        assert imported(path.read_text(encoding="utf-8")) == set(), path
