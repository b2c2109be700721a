"""Configuration files: read, laid over one another, checked before anything heavy is imported.

A configuration is a file, or the name of one that comes with the package: ``selu``.

Two keys serve composition and never reach a class: ``base`` names a file to start from (relative to
the file that says so) or one of the package's, ``per_variant`` holds settings for one variant each,
so that an overlay can say different things to different networks.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically

Config = dict[str, Any]

CONFIG_FILE = "config.yaml"
SHIPPED = Path(__file__).parent.parent / "configs"


class RepeatedKey(yaml.MarkedYAMLError):
    """A mapping has a key twice, of which YAML's parser would keep the last without a word."""


class Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number, and neither 010 (for 8) nor 1:30 (for 90) is one."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """A mapping, if it has no key twice."""
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise RepeatedKey(problem=key.value, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class Dumper(yaml.SafeDumper):
    """Safe YAML in which text that ``Loader`` would take for a number is quoted."""


NUMBERS = {  # as YAML 1.1 and the parser of the command line take them, but for those two
    "tag:yaml.org,2002:int": r"[-+]?(0|[1-9][0-9_]*|0b[01_]+|0x[0-9a-fA-F_]+)",
    "tag:yaml.org,2002:float": (
        r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+|[-+]?[0-9][0-9_]*\.[0-9_]*"
        r"|\.[0-9][0-9_]*([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
}
Loader.yaml_implicit_resolvers = {
    letter: [(tag, form) for tag, form in resolvers if tag not in NUMBERS]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for kind, numbers in NUMBERS.items():
    for each in (Loader, Dumper):
        each.add_implicit_resolver(kind, re.compile(f"^(?:{numbers})$"), list("-+.0123456789"))


def config_path(name: str, folder: Path = Path()) -> Path:
    """A path from ``folder``, or that of a shipped configuration; InputError for other names."""
    path = folder / name
    if path.is_file() or Path(name).suffix or "/" in name:
        return path
    shipped = shipped_configs()
    if name not in shipped:
        hint = nearest(name, shipped) or f"; there are {', '.join(shipped)}, or give a file"
        raise InputError(f"there is no configuration {name!r}{hint}")
    return shipped[name]


def shipped_configs() -> dict[str, Path]:
    """Name → path of every configuration that comes with the package."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def compose(paths: Iterable[Path], model: str = "") -> Config:
    """The files of ``paths`` laid over one another in order; later ones win, key by key.

    model: the class that was chosen in addition to the files; its variant's settings apply.

    Raises:
        InputError: a file is missing, is not YAML, or holds something other than settings.
    """
    layers = [layer for path in paths for layer in layers_of(path, seen=())]
    variant = variant_in(laid(layers, None, model))
    return laid(layers, variant, model)


def laid(layers: Iterable[Config], variant: str | None, model: str) -> Config:
    """Layers over one another, each with what it holds for the variant; ``model`` as its class."""
    merged: Config = {}
    for layer in layers:
        own = {key: value for key, value in layer.items() if key != "per_variant"}
        for above in (own, (layer.get("per_variant") or {}).get(variant) or {}):
            check_not_emptied(merged, above)
            merged = overlaid(merged, above)
    if model and isinstance(merged.get("model", {}), dict):
        merged = overlaid(merged, {"model": {"class_path": model}})
    return merged


def check_not_emptied(below: Config, above: Config, section: str = "") -> None:
    """Refuse an empty section over one with settings, which would all be lost."""
    for key, value in above.items():
        lower = below.get(key)
        if value is None and isinstance(lower, dict):
            raise InputError(empty(section + key))
        if key == "model" and isinstance(value, dict) and isinstance(lower, dict):
            check_not_emptied(lower, value, "model.")


def empty(section: str) -> str:
    """The message about a section without settings."""
    return f"{section} is empty; give settings below it, or remove the line"


def layers_of(path: Path, seen: tuple[Path, ...]) -> list[Config]:
    """The settings of one file, after those of its ``base``."""
    if path.resolve() in seen:
        raise InputError(f"{path} is its own base; remove the 'base' line of one of the two files")
    settings = read_settings(path)
    check_for_variants(settings.get("per_variant"), path)
    base = settings.pop("base", None)
    if base is None:
        return [settings]
    below = config_path(str(base), path.parent)
    return [*layers_of(below, (*seen, path.resolve())), settings]


def check_for_variants(settings: Any, path: Path) -> None:
    """Refuse settings for a variant that there is not: nothing would ever read them."""
    if settings is None:
        return
    if not isinstance(settings, dict):
        raise InputError(f"{path}: per_variant holds {settings!r}, not 'variant: settings'")
    known = [
        name for name, file in shipped_configs().items() if variant_in(read_settings(file)) == name
    ]
    for name, value in settings.items():
        if name not in known:
            raise unknown_key(f"per_variant.{name}", str(name), known)
        if not isinstance(value, dict | None):
            raise InputError(
                f"{path}: per_variant.{name} holds {value!r}, not settings of the form 'key: value'"
            )


def read_settings(path: Path) -> Config:
    """The mapping in a YAML file."""
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except OSError as error:
        hint = (
            f"; the shipped one is --config {path.stem}" if path.stem in shipped_configs() else ""
        )
        raise InputError(f"cannot read the config file {path}: {error.strerror}{hint}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        if isinstance(error, RepeatedKey):
            raise InputError(
                f"{path} has {error.problem!r} twice{line}, of which one would be lost; put the "
                "two together"
            ) from error
        raise InputError(f"{path} is not a YAML file{line}; see {SHIPPED} for examples") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        kinds: dict[type, str] = {str: "text", list: "a list", dict: "keys that are not text"}
        found = kinds.get(type(settings), "a single value")
        raise InputError(f"{path} contains {found}, not settings of the form 'key: value'")
    return without_compiled(settings) if path.name == CONFIG_FILE else settings


def without_compiled(config: Config) -> Config:
    """A run's configuration without an option of earlier versions that changed speed alone."""
    model = config.get("model")
    options = model.get("init_args") if isinstance(model, dict) else None
    if isinstance(options, dict):
        options.pop("compiled", None)
    return config


def overlaid(below: Config, above: Config) -> Config:
    """``above`` over ``below``: mappings are merged, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = overlaid(merged[key], value)
        else:
            merged[key] = value
    return merged


def variant_in(config: Config) -> str | None:
    """The variant that a configuration trains, from the class it names: SeluClassifier → selu."""
    model = config.get("model")
    if not isinstance(model, dict):
        return None
    name = str(model.get("class_path", "")).rpartition(".")[2].removesuffix("Classifier")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() or None


def write_config(config: Config, folder: Path) -> None:
    """Write ``config.yaml`` into a run folder."""
    write_text_atomically(folder / CONFIG_FILE, as_yaml(config))


def as_yaml(config: Config) -> str:
    """A configuration as the text of a file."""
    return yaml.dump(config, Dumper=Dumper, sort_keys=False)


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """A hint at the known word most like ``word``, whatever its case; or nothing."""
    lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=likeness)
    return f"; did you mean {lower[close[0]]!r}?" if close else ""


def unknown_key(path: str, key: str, known: list[str]) -> InputError:
    """The error for a key that is not known."""
    hint = nearest(key, known) or f"; known are {', '.join(known)}"
    return InputError(f"unknown setting {path!r}{hint}")
