"""The conditions of a study: a variant in a set-up, with its whole configuration.

Runs of one condition differ by nothing but their seed. Its settings are those that
``lightning-cifar fit`` would resolve from the same files, checked by the same parser.
"""

import copy
from argparse import ArgumentError
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from jsonargparse import ArgumentParser

from lightning_cifar.classifiers import VARIANTS, DenseClassifier
from lightning_cifar.cli.arguments import check_keys, check_variant
from lightning_cifar.cli.messages import plain_message
from lightning_cifar.cli.options import LINKED, TRAINER_DEFAULTS
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.sources import resolved_source
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.rate_search.results import hash_of
from lightning_cifar.runs.configuration import Config, compose, nearest, overlaid, shipped_configs
from lightning_cifar.runs.resuming import ADDED_SINCE
from lightning_cifar.study.plan import Plan
from lightning_cifar.training.best_weights import BestWeights

# Where a run computes and finds its files; not part of what it computes.
PLACES = {
    "trainer": ("accelerator",),
    "data": ("path", "cache"),
    "learning_rate_search": ("cache",),
}
TRAINER_KEYS = ("max_epochs", "accelerator")


@dataclass(frozen=True)
class Condition:
    """One variant in one set-up.

    Attributes:
        seeds: how many of them, from 0.
        settings: resolved, for seed 0, with places.
    """

    set_up: str
    variant: str
    seeds: int
    settings: Config

    @property
    def name(self) -> str:
        """The set-up and the variant, with a slash between."""
        return f"{self.set_up}/{self.variant}"

    def config(self, seed: int) -> Config:
        """The configuration of the run of a seed, without places; the linked seeds follow it.

        Nor are settings in it that earlier versions did not have, at the value that does what they
        did, so that the name of a run stays what it was.
        """
        settings = copy.deepcopy(self.settings) | {"seed_everything": seed}
        for section, keys in PLACES.items():
            for key in keys:
                settings[section].pop(key, None)
        options = {"data": settings["data"], "model": settings["model"]["init_args"]}
        for section, name in LINKED:
            options[section].pop(name, None)
        for key, value in ADDED_SINCE:
            section, *_, name = key.split(".")
            if options[section].get(name) == value:
                del options[section][name]
        return settings

    def record_name(self, seed: int) -> str:
        """16 hex digits, the hash of a run's configuration."""
        return hash_of(self.config(seed))

    def classifier(
        self, seed: int, learning_rate: float | None, datamodule: CIFAR10DataModule
    ) -> DenseClassifier:
        """The untrained network of a seed, for the images of ``datamodule``."""
        own = {"seed": seed, "learning_rate": learning_rate}
        images = {"classes": datamodule.class_count, "image_size": datamodule.image_size}
        return VARIANTS[self.variant](**(self.settings["model"]["init_args"] | own | images))

    def datamodule(self) -> CIFAR10DataModule:
        """The images, for seed 0."""
        return CIFAR10DataModule(**self.settings["data"])


def conditions_of(plan: Plan, folder: Path, places: Config) -> list[Condition]:
    """The conditions of a plan in its order.

    folder: of the study file, in which files are looked for before the shipped ones.
    places: settings laid over all the files, such as where the images are.

    Raises:
        InputError: an overlay is not known, or a setting cannot be used.
    """
    conditions = []
    for name, set_up in plan.set_ups.items():
        overlays = [config_file(overlay, folder, f"set_ups.{name}") for overlay in set_up.overlays]
        for variant in set_up.variants:
            config = compose([config_file(variant, folder, "variants"), *overlays])
            settings = resolved(overlaid(config, places), f"{name}/{variant}")
            conditions.append(Condition(name, variant, set_up.seeds, settings))
    return conditions


def config_file(name: str, folder: Path, where: str) -> Path:
    """The file of a variant or an overlay, by name; InputError if there is none."""
    known = shipped_configs() | {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise InputError(f"unknown overlay {name!r} in {where}{hint}")
    return known[name]


def resolved(config: Config, condition: str) -> Config:
    """Composed settings with every default filled in, as plain values for seed 0.

    Raises:
        InputError: a setting is not known, has a value that cannot be used, or is one that
            networks trained in a stack do not have.
    """
    check_keys(config)
    check_variant(config)
    trainer = config.get("trainer") or {}
    foreign = set(trainer) - set(TRAINER_KEYS)
    if foreign:
        raise InputError(
            f"{condition}: a study has no setting 'trainer.{min(foreign)}'; its networks are "
            f"trained in stacks, which take {' and '.join(TRAINER_KEYS)}"
        )
    trainer = {"max_epochs": TRAINER_DEFAULTS["max_epochs"], "accelerator": "auto"} | trainer
    try:
        parser = settings_parser()
        parsed = parser.parse_object({**config, "trainer": trainer})
        parser.instantiate_classes(parsed)  # what a fit would refuse, a study refuses at its start
        settings: Config = yaml.safe_load(parser.dump(parsed, skip_unset=False, format="yaml"))
    except InputError as error:
        raise InputError(f"{condition}: {error}") from error
    except (ArgumentError, ValueError) as error:
        raise InputError(f"{condition}: {plain_message(error)}") from error
    check_for_stacks(settings, condition)
    data = settings["data"]
    data["source"] = data["source"] or resolved_source(data["path"])
    settings["seed_everything"] = data["seed"] = settings["model"]["init_args"]["seed"] = 0
    return settings


def check_for_stacks(settings: Config, condition: str) -> None:
    """Raise InputError for values that networks trained in a stack cannot have."""
    stopping, model = settings["early_stopping"], settings["model"]["init_args"]
    if stopping["monitor"] != "val_loss":
        raise InputError(f"{condition}: a study stops early by val_loss only; leave out 'monitor'")
    if stopping["mode"] == "max":
        raise InputError(f"{condition}: a study stops early by the lowest loss; leave out 'mode'")
    if model["optimiser"] != "nadam":
        raise InputError(
            f"{condition}: the networks of a study are trained in stacks, with nadam; leave out "
            "model.optimiser"
        )
    if settings["data"]["loader"] != "memory":
        raise InputError(
            f"{condition}: the networks of a study are trained in stacks, with batches from "
            "memory; leave out data.loader"
        )
    if settings["seed_everything"] != 0:
        raise InputError(
            f"{condition}: a study trains the seeds from 0 on; leave out seed_everything, and "
            "give 'seeds' their number"
        )
    if settings["trainer"]["max_epochs"] < 1:
        raise InputError(f"{condition}: max_epochs must be at least 1")


def settings_parser() -> ArgumentParser:
    """The part of the parser of ``fit`` that concerns a run of a study."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--seed_everything", type=int, default=0)
    parser.add_argument("--trainer.max_epochs", type=int)
    parser.add_argument("--trainer.accelerator", type=str)
    parser.add_subclass_arguments(DenseClassifier, "model", required=True)
    parser.add_class_arguments(CIFAR10DataModule, "data")
    parser.add_class_arguments(LearningRateSearch, "learning_rate_search")
    parser.add_class_arguments(BestWeights, "early_stopping")
    return parser


def settle_images(conditions: Iterable[Condition]) -> dict[str, str]:
    """Make the images ready, and write into the settings which validation images are used.

    Returns: condition -> hash of its images.
    """
    known: dict[str, CIFAR10DataModule] = {}
    found = {}
    for condition in conditions:
        data = condition.settings["data"]
        images = known.setdefault(hash_of(data), condition.datamodule())
        data["validation"] = images.settings["validation"]
        found[condition.name] = images.fingerprint
    return found
