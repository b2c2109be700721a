"""What a class accepts, read from its source: importing it may take seconds, this milliseconds."""

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Parameter:
    """One parameter of a class; ``kind`` and ``default`` as the source writes them."""

    name: str
    kind: str
    default: str | None  # None: it must be given
    text: str  # from the "Args" of the docstring; empty if it says nothing


def source_of(module: str) -> str:
    """The source of a module, found without running it or the packages around it.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    package, *parts = module.split(".")
    spec = find_spec(package)  # of a package without parents: nothing is imported
    locations = spec.submodule_search_locations if spec is not None else None
    for location in locations or ():
        path = Path(location, *parts).with_suffix(".py")
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ModuleNotFoundError(f"No module named {module!r}", name=module)


@cache
def parameters_of(source: str, class_name: str) -> tuple[Parameter, ...]:
    """The parameters of a class in ``source``, or those of its base there if it has none itself.

    Raises:
        LookupError: neither the class nor a base in ``source`` has an ``__init__``.
    """
    tree = ast.parse(source)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    node: ast.ClassDef | None = classes.get(class_name)
    while node is not None:
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                return tuple(_parameters(each, _texts(node, each), _constants(tree)))
        node = next((classes[name] for name in _bases(node) if name in classes), None)
    raise LookupError(f"no parameters of {class_name} found in its source")


def subclasses_in(source: str, base: str) -> list[str]:
    """Names of the classes in ``source`` that derive from ``base``, in their order."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return [node.name for node in classes if base in _bases(node)]


def _bases(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def _parameters(
    function: ast.FunctionDef, texts: dict[str, str], constants: dict[str, str]
) -> list[Parameter]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    missing = [None] * (len(positional) - len(given.defaults))
    pairs = [*zip(positional, [*missing, *given.defaults], strict=True)][1:]  # without self
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    found = []
    for argument, value in pairs:
        kind = ast.unparse(argument.annotation) if argument.annotation else ""
        default = ast.unparse(value) if value is not None else None
        default = constants.get(default, default) if default else default
        found.append(Parameter(argument.arg, kind, default, texts.get(argument.arg, "")))
    return found


def _constants(tree: ast.Module) -> dict[str, str]:
    """Name → value of what the module sets once to a literal."""
    return {
        target.id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _texts(*documented: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    """Name → explanation, from the ``Args`` sections of Google-style docstrings."""
    found: dict[str, str] = {}
    for node in documented:
        docstring = inspect.cleandoc(ast.get_docstring(node) or "")
        section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", docstring, flags=re.MULTILINE)
        for entry in re.split(r"^ {4}(?=\w)", section[1] if section else "", flags=re.MULTILINE):
            name, colon, text = entry.partition(":")
            if colon and name.isidentifier():
                found[name] = " ".join(text.split())
    return found
