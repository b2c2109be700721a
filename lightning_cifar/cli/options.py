"""The options of ``fit``, ``validate`` and ``test``, read from the sources of the classes they set.

Importing those classes takes seconds; reading their sources takes milliseconds.
"""

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Lightning's own progress bar, summary and logger cost a third of the time of so small a network.
TRAINER_DEFAULTS: dict[str, Any] = {
    "max_epochs": 100,
    "devices": 1,
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}
# What belongs to one call and not to the run.
CALL_KEYS = {"config", "run", "resume", "mc_samples", "ckpt_path"}
PLAIN_KEYS = {*CALL_KEYS, "seed_everything"}
# Settings that follow --seed_everything or the images, and are not given by themselves.
LINKED = {
    *(("model", "seed"), ("data", "seed")),
    *(("model", "classes"), ("model", "image_size")),  # follow the images
}
CLASSIFIERS = "lightning_cifar.classifiers"
# The class whose parameters are the settings of each section; the model's are in `variants`.
CLASSES = {
    "data": ("lightning_cifar.data.datamodule", "CIFAR10DataModule"),
    "learning_rate_search": ("lightning_cifar.rate_search.callback", "LearningRateSearch"),
    "early_stopping": ("lightning_cifar.training.best_weights", "BestWeights"),
    "trainer": ("lightning.pytorch.trainer.trainer", "Trainer"),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a class."""

    name: str
    default: str | None  # as the source writes it; None: it must be given
    text: str  # from the "Args" of the docstring; empty if it says nothing


@cache
def settings() -> dict[str, tuple[Parameter, ...]]:
    """The settings under each section; of ``model`` those of all variants."""
    source = source_of(CLASSIFIERS)
    of_models = {each.name: each for name in variants() for each in parameters_of(source, name)}
    rest = {
        section: parameters_of(source_of(module), name)
        for section, (module, name) in CLASSES.items()
    }
    return {"model": tuple(of_models.values()), **rest}


def accepted_keys() -> dict[str, set[str]]:
    """The names of the settings under each section that may be given."""
    return {
        section: {each.name for each in found if (section, each.name) not in LINKED}
        for section, found in settings().items()
    }


@cache
def variants() -> tuple[str, ...]:
    """The names of the classes of the variants."""
    return tuple(subclasses_in(source_of(CLASSIFIERS), "DenseClassifier"))


def source_of(module: str) -> str:
    """The source of a module, found without running any; ModuleNotFoundError if there is none."""
    package, *parts = module.split(".")
    spec = find_spec(package)  # of a package without parents: nothing is imported
    locations = spec.submodule_search_locations if spec is not None else None
    for location in locations or ():
        path = Path(location, *parts)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file.read_text(encoding="utf-8")
    raise ModuleNotFoundError(f"No module named {module!r}", name=module)


@cache
def parameters_of(source: str, class_name: str) -> tuple[Parameter, ...]:
    """Those of a class in ``source`` or of its base there; LookupError if neither has any."""
    tree = ast.parse(source)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    node: ast.ClassDef | None = classes.get(class_name)
    arguments: ast.arguments | None = None
    texts: dict[str, str] = {}
    while node is not None:
        functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        own = [each for each in functions if each.name == "__init__"]
        texts = _texts(node, *own) | texts  # a parameter may be explained at a base alone
        if arguments is None and own:
            arguments = own[0].args
        node = next((classes[name] for name in _bases(node) if name in classes), None)
    if arguments is None:
        raise LookupError(f"no parameters of {class_name} found in its source")
    return tuple(_parameters(arguments, texts, _assigned(tree)))


def subclasses_in(source: str, base: str) -> list[str]:
    """Names of the classes in ``source`` that derive from ``base``, in their order."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return [node.name for node in classes if base in _bases(node)]


def public_names(module: str) -> list[str]:
    """The names in a module's ``__all__``."""
    names: list[str] = ast.literal_eval(_assigned(ast.parse(source_of(module)))["__all__"])
    return names


def _bases(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def _parameters(
    given: ast.arguments, texts: dict[str, str], constants: dict[str, str]
) -> list[Parameter]:
    positional = [*given.posonlyargs, *given.args]
    missing = [None] * (len(positional) - len(given.defaults))
    pairs = [*zip(positional, [*missing, *given.defaults], strict=True)][1:]  # without self
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    written = {each.arg: ast.unparse(value) for each, value in pairs if value is not None}
    defaults = {name: constants.get(value, value) for name, value in written.items()}
    names = [each.arg for each, _ in pairs]
    return [Parameter(name, defaults.get(name), texts.get(name, "")) for name in names]


def _assigned(tree: ast.Module) -> dict[str, str]:
    """Name → value, as the source writes it, of what a module sets, or imports from ours."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("lightning_cifar."):
            names = {alias.name for alias in node.names if alias.name.isupper()}
            theirs = _assigned(ast.parse(source_of(str(node.module)))) if names else {}
            found |= {name: theirs[name] for name in names & theirs.keys()}
        elif isinstance(node, ast.Assign):
            targets = [each.id for each in node.targets if isinstance(each, ast.Name)]
            found |= dict.fromkeys(targets, ast.unparse(node.value))
    return found


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
