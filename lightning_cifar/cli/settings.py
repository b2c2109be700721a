"""The settings of one call: refused where they leave nothing to do, and as plain values to keep."""

import inspect
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from lightning_cifar.classifiers import VARIANTS, check_optimiser
from lightning_cifar.cli.options import CALL_KEYS
from lightning_cifar.cli.trainer_options import check_trainer_options
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.resuming import PATHS
from lightning_cifar.training.best_weights import BestWeights

# Lightning's enumerations, as a configuration file writes them.
yaml.SafeDumper.add_multi_representer(
    Enum, lambda dumper, value: dumper.represent_str(str(value.value))
)
SECTIONS: dict[str, type] = {
    "data": CIFAR10DataModule,
    "learning_rate_search": LearningRateSearch,
    "early_stopping": BestWeights,
}


def check_settings(command: str, options: Namespace) -> None:
    """Refuse options of another command, and values that leave nothing to do."""
    fits = command == "fit"
    if fits and options.mc_samples is not None:
        raise InputError("fit does not take --mc_samples; test, validate and predict do")
    if fits and options.ckpt_path is not None:
        raise InputError(
            f"fit does not take --ckpt_path ({options.ckpt_path}): it would train from scratch; to "
            "continue a run: fit --run FOLDER --resume"
        )
    if options.resume and not options.run:
        raise InputError("--resume needs a run: add --run FOLDER")
    if not fits and options.resume:
        raise InputError(f"{command} does not take --resume, which continues a fit")
    if options.resume and options.trainer.fast_dev_run:
        raise InputError("trainer.fast_dev_run leaves no run to resume; leave out one of the two")
    check_trainer_options(command, options.trainer.as_dict())
    endless = options.trainer.max_epochs in (None, -1) and options.trainer.max_steps == -1
    if fits and endless and options.model.init_args.get("schedule") == "one_cycle":
        raise InputError(
            "model.schedule one_cycle is stretched over all steps, so the fit needs an end; give "
            "--trainer.max_epochs or --trainer.max_steps"
        )
    if fits:
        chosen = options.model.init_args
        check_optimiser(chosen.optimiser, chosen.learning_rate)
    name = options.model.class_path.rpartition(".")[2]
    variant = next(each for each in VARIANTS.values() if each.__name__ == name)
    check_nulls("model.init_args", options.model.init_args.as_dict(), variant)
    for section, kind in SECTIONS.items():
        check_nulls(section, options[section].as_dict(), kind)


def check_nulls(section: str, settings: dict[str, Any], kind: type) -> None:
    """Refuse a null where the class's parameter allows none; the parser takes it for no value."""
    for name, parameter in inspect.signature(kind).parameters.items():
        if settings.get(name, "") is None and "None" not in str(parameter.annotation):
            raise InputError(f"{section}.{name} cannot be null; leave it out for the default")


def plain_settings(parser: LightningArgumentParser, options: Namespace) -> dict[str, Any]:
    """The resolved configuration as plain values, without what belongs to this call alone.

    Paths are absolute, so that they can be found again from any working directory.
    """
    settings = yaml.safe_load(parser.dump(options, skip_unset=False, format="yaml"))
    for key in PATHS:
        section, _, name = key.partition(".")
        if (settings.get(section) or {}).get(name):
            settings[section][name] = str(Path(settings[section][name]).expanduser().absolute())
    return {key: value for key, value in settings.items() if key not in CALL_KEYS}
