"""Command lines of ``fit``, ``validate`` and ``test``: files and options as one configuration.

Names that nothing reads are refused here, before torch and Lightning are imported; values are
checked by Lightning's parser.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lightning_cifar.cli.hints import hint, problem_of_class
from lightning_cifar.cli.options import CLASSIFIERS, PLAIN_KEYS, accepted_keys, variants
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import (
    CONFIG_FILE,
    Config,
    as_yaml,
    compose,
    config_path,
    empty,
    nearest,
    read_settings,
    unknown_key,
    variant_in,
)
from lightning_cifar.runs.folders import existing_run

Option = tuple[str, str | None]  # name with its dashes, value

NO_VARIANT = (
    "no variant chosen: add --config selu (or elu, batch_norm, alpha_dropout), or --run FOLDER of "
    "an earlier fit"
)
HELP = "'lightning-cifar fit --help' lists the options"
SEEDS = 2**32
WITHOUT_VALUE = ("--resume", "--print_config", "--help", "-h")
ALSO_OPTIONS = ("print_config", "help", "model.class_path", "model.help")
# Settings of the trainer that take classes, which have their own options.
TAKES_CLASSES = {"callbacks", "logger", "plugins", "profiler", "strategy", "accelerator"}
# The packages of those classes that go by their names alone.
PACKAGES = {"callbacks": "lightning.pytorch.callbacks", "logger": "lightning.pytorch.loggers"}


def with_configs_composed(arguments: list[str]) -> list[str]:
    """The arguments with their configurations, and that of ``--run``, as one before the options.

    Options come after it and override every file, in whatever order they were given.

    Raises:
        InputError: a file cannot be read, or a setting or option is not known.
    """
    command, *rest = arguments
    options = list(options_in(rest))
    configs = [config_path(str(value)) for name, value in options if name == "--config"]
    options = [with_file_read(*each) for each in options if each[0] != "--config"]
    runs = [str(value) for name, value in options if name == "--run"]
    if len(runs) > 1:
        raise InputError(
            f"{command} takes one --run, got {len(runs)}: {', '.join(runs)}; test, predict and "
            "export take several, as an ensemble"
        )
    chosen = ""
    for name, value in options:
        check_option(name)
        check_text(name, value)
        if name == "--run":
            if not value:
                raise InputError("--run needs the name of a folder")
            if command != "fit" or ("--resume", None) in options:
                configs.insert(0, existing_run(Path(value)) / CONFIG_FILE)
        check_value(name.removeprefix("--").rstrip("+"), yaml_value(value))
        if name in ("--model", "--model.class_path"):
            chosen = str(value)
            check_variant({"model": {"class_path": chosen}})
    flags = [name if value is None else f"{name}={value}" for name, value in options]
    if not configs:
        return [command, *flags]
    config = compose(configs, chosen)
    check_keys(config)
    check_variant(config)
    if variant_in(config) is None:
        raise InputError(NO_VARIANT)
    return [command, "--config", as_yaml(config), *flags]


def with_file_read(name: str, value: str | None) -> Option:
    """An option; if it names a file with the settings of a section, with these in its place.

    So a section's file is read as every other file is.
    """
    section, text = name.removeprefix("--"), yaml_value(value)
    if section == "model" or section not in accepted_keys() or not isinstance(text, str):
        return name, value
    if not Path(text).is_file():
        return name, value
    settings = read_settings(Path(text))
    check_keys({section: settings})
    return name, as_yaml(settings)


def names_several_runs(arguments: list[str]) -> bool:
    """Whether ``--run`` is given more than once, as for an ensemble."""
    return sum(each.partition("=")[0] == "--run" for each in arguments) > 1


def options_in(arguments: list[str]) -> Iterator[Option]:
    """Every option with its value, however it is given; InputError if one of the two is lacking."""
    remaining = list(reversed(arguments))
    while remaining:
        name, equals, value = remaining.pop().partition("=")
        name = "--config" if name == "-c" else name
        if equals and name == "--resume":
            raise InputError(f"{name} takes no value; leave out {equals + value!r}")
        if not name.startswith("-"):
            raise InputError(
                f"{name!r} is not the value of an option; every option takes one value"
            )
        alone = not remaining or remaining[-1].startswith("--")
        if equals:
            yield name, value
        elif name in WITHOUT_VALUE or (alone and name.endswith(".help")):
            yield name, None
        elif alone:
            check_option(name)
            raise InputError(f"{name} needs a value")
        else:
            yield name, remaining.pop()


def yaml_value(text: str | None) -> Any:
    """What a value on the command line means; text that is not YAML is taken as it is."""
    try:
        return yaml.safe_load(text or "")
    except yaml.YAMLError:
        return text


def check_option(option: str) -> None:
    """Refuse options such as ``--data.sourc`` whose section or setting is not known."""
    name = option.removeprefix("--").replace(".init_args.", ".").rstrip("+")
    section, key = [*name.split("."), ""][:2]
    if section != "trainer" or key not in TAKES_CLASSES:
        check_name(name.lstrip("-"), option, dashes="--")


def check_name(name: str, shown: str, dashes: str = "") -> None:
    """Refuse what is neither a section, nor a setting of one, nor a key by itself."""
    accepted = accepted_keys()
    known = [*accepted, *PLAIN_KEYS, *(ALSO_OPTIONS if dashes else ())]
    known += [f"{section}.{key}" for section, keys in accepted.items() for key in keys]
    if name in known and shown.startswith(dashes):
        return
    section, key = [*name.split("."), ""][:2]
    listed = f"{section} has {', '.join(sorted(accepted.get(section, ())))}"
    if section not in accepted or section == "trainer":  # it has forty
        listed = HELP
    advice = hint(f"{section}.{key}".rstrip("."), known, dashes) or f"; {listed}"
    raise InputError(f"unknown {'option' if dashes else 'setting'} {shown!r}{advice}")


def check_value(name: str, value: Any) -> None:
    """Refuse those values of an option that can be judged without importing anything."""
    if name == "seed_everything":
        check_seed(value)
    elif name in accepted_keys() and isinstance(value, dict):
        check_keys({name: value})
    elif name.startswith("trainer."):
        check_classes(name.removeprefix("trainer."), value)


def check_keys(config: Config) -> None:
    """Refuse settings of composed files that nothing reads."""
    for section, settings in config.items():
        check_text(section, settings)
        check_name(section, section)
        if section in PLAIN_KEYS:
            check_value(section, settings)
            continue
        if settings is None:
            raise InputError(empty(section))
        if not isinstance(settings, dict):
            raise InputError(f"{section} holds {settings!r}, not settings of the form 'key: value'")
        for key, value in (model_settings(settings) if section == "model" else settings).items():
            check_name(f"{section}.{key}", f"{section}.{key}")
            check_value(f"{section}.{key}", value)


def model_settings(model: Config) -> Config:
    """The arguments of the model's class, without the keys that choose it."""
    for key in model:
        if key not in ("class_path", "init_args"):
            raise unknown_key(f"model.{key}", key, ["class_path", "init_args"])
    value = model.get("init_args", {})
    if value is None:
        raise InputError(empty("model.init_args"))
    if not isinstance(value, dict):
        raise InputError(f"model.init_args holds {value!r}, not settings of the form 'key: value'")
    return value


def check_variant(config: Config) -> None:
    """Refuse a model's class that is not a variant of this package."""
    model = config.get("model")
    path = str(model.get("class_path") or "") if isinstance(model, dict) else ""
    package, _, name = path.rpartition(".")
    if not path or (name in variants() and package in ("", "lightning_cifar", CLASSIFIERS)):
        return
    advice = nearest(name, variants(), 0.8) or f"; choose one of {', '.join(variants())}"
    if name.lower() in {variant_in({"model": {"class_path": each}}) for each in variants()}:
        advice = f"; use --config {name.lower()}"
    raise InputError(f"model.class_path: unknown variant {path!r}{advice}")


def check_seed(seed: Any, name: str = "seed_everything") -> None:
    """Refuse a seed that is no whole number, such as the ``true`` that Lightning takes for any."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEEDS:
        shown = yaml.safe_dump(seed).splitlines()[0]
        raise InputError(f"{name} is {shown}; it must be between 0 and {SEEDS - 1}, a whole number")


def check_text(name: str, value: Any) -> None:
    """Refuse text that the parser would take for nothing: of a path it would not find the folder.

    value: of a setting; text in lists and mappings counts as well.
    """
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            check_text(f"{name}.{key}", each)
    if isinstance(value, str) and value.lstrip().startswith("#"):
        raise InputError(
            f"{name} is {value!r}, which is read as a comment; of a file or folder give ./ before "
            "its name"
        )


def check_classes(key: str, value: Any) -> None:
    """Refuse callbacks and loggers that do not exist, or that need a package that is missing.

    key: of the trainer. value: a class's path, a mapping with ``class_path``, or a list of them.
    """
    for each in value if isinstance(value, list) else [value]:
        path = each.get("class_path") if isinstance(each, dict) else each
        if key in PACKAGES and isinstance(path, str) and not Path(path).is_file():
            problem = problem_of_class(path, PACKAGES[key])
            if problem:
                raise InputError(f"trainer.{key}: {problem}")
