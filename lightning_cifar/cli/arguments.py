"""What the command line accepts, known and checked before torch and Lightning are imported."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lightning_cifar.cli.argument_errors import (
    NO_VARIANT,
    check_flags,
    check_keys,
    check_variant,
    chosen_classes,
)
from lightning_cifar.cli.signatures import Parameter, parameters_of, source_of, subclasses_in
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import CONFIG_FILE, compose, config_path, variant_in
from lightning_cifar.runs.folders import existing_run

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

# The class whose parameters are the settings of each section; the model's are in `variants`.
CLASSES = {
    "data": ("lightning_cifar.data.datamodule", "CIFAR10DataModule"),
    "learning_rate_search": (
        "lightning_cifar.rate_search.callback",
        "LearningRateSearch",
    ),
    "early_stopping": ("lightning_cifar.training.best_weights", "BestWeights"),
    "trainer": ("lightning.pytorch.trainer.trainer", "Trainer"),
}
CLASSIFIERS = "lightning_cifar.classifiers"


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
    """The names of the settings under each section."""
    return {section: {each.name for each in found} for section, found in settings().items()}


@cache
def variants() -> tuple[str, ...]:
    """The names of the classes of the variants."""
    return tuple(subclasses_in(source_of(CLASSIFIERS), "DenseClassifier"))


def with_configs_composed(arguments: list[str]) -> list[str]:
    """The arguments with their configurations, and that of ``--run``, as one before the flags.

    Flags come after it and so win over every file, wherever they stand.

    Raises:
        InputError: a file cannot be read, or a setting or option is not known.
    """
    flags: list[str] = []
    configs: list[Path] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name in ("--config", "-c"):
            configs.append(config_path(value if equals else next(remaining, "")))
            continue
        flags.append(argument)
        if name == "--run":
            value = value if equals else next(remaining, "")
            flags += [] if equals else [value]
            if arguments[0] != "fit" or "--resume" in arguments:
                configs.insert(0, existing_run(Path(value)) / CONFIG_FILE)
    check_flags(flags[1:], accepted_keys(), PLAIN_KEYS)
    chosen = ""
    for chosen in chosen_classes(flags):
        check_variant({"model": {"class_path": chosen}}, variants())
    if not configs:
        return flags
    config = compose(configs, chosen)
    check_keys(config, accepted_keys(), PLAIN_KEYS)
    check_variant(config, variants())
    if variant_in(config) is None:
        raise InputError(NO_VARIANT)
    return [*flags[:1], "--config", yaml.safe_dump(config, sort_keys=False), *flags[1:]]
