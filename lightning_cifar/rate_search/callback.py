"""A fresh learning-rate search whenever anything that matters has changed."""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.sources import cache_folder
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.optim.schedules import SCHEDULES
from lightning_cifar.rate_search.module_race import find_rate_of_module
from lightning_cifar.rate_search.race import train_many
from lightning_cifar.rate_search.search import (
    Candidate,
    RangeTest,
    SearchResult,
    range_test,
    search,
    winner_of,
)

SEARCH_FILE = "learning_rate.json"
PICTURE_FILE = "learning_rate.png"
CANDIDATES = 6
EPOCHS = 8  # the ranking after few epochs favours rates that are too low
SEED = 0  # of the race's batches and masks
UNLEARNED = (
    "no rate of the race has learned: the lowest validation loss is {:.3f}, little below a guess; "
    "the rate found means nothing, give one with --model.learning_rate"
)
VERSION = 5  # of the method; a change makes every cached rate void


@final
class LearningRateSearch(Callback):
    """Finds the rate before the optimiser exists, so that schedules are built from it.

    Runs in ``setup`` on copies of the network, when the module has no rate of its own and the fit
    is not a resumed one. The result is kept under a hash of everything that decides it: variant,
    sizes, schedule, optimiser, batch size, images, standardisation, precision, these settings.

    Any other LightningModule is served if it has a ``learning_rate``, None until it is found, that
    its ``configure_optimizers`` reads, and logs "val_loss"; the fits of its copies follow each
    other, and nothing is kept for the next run, because what decides the rate is not known.

    Args:
        candidates: rates in the race, a factor 2 apart; two more while an outermost one wins.
        epochs: length of the race.
        cache: folder of the results; by default beside the images'.
    """

    def __init__(
        self,
        candidates: int = CANDIDATES,
        epochs: int = EPOCHS,
        cache: str | None = None,
    ) -> None:
        if candidates < 2 or epochs < 1:
            raise InputError(
                f"a race needs candidates >= 2 and epochs >= 1, got {candidates} and {epochs}"
            )
        self.candidates = candidates
        self.epochs = epochs
        self.cache = cache_folder(cache) / "learning_rate"
        self.source = "given"

    def state_dict(self) -> dict[str, Any]:
        """How the rate was come by: a resumed run does not search."""
        return {"source": self.source}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep what the interrupted run knew."""
        self.source = state_dict["source"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set the module's rate, from the cache or from a search."""
        if stage != "fit":
            return
        if not isinstance(pl_module, DenseClassifier):
            self._serve(trainer, pl_module)
            return
        if pl_module.learning_rate is not None:
            # A resumed run's configuration holds what its own search had found.
            self.source = source_in(Path(trainer.default_root_dir))
            return
        found = self._find(trainer, pl_module) if trainer.is_global_zero else (0.0, "")
        rate, self.source = trainer.strategy.broadcast(found)
        pl_module.learning_rate = pl_module.hparams["learning_rate"] = rate

    def _serve(self, trainer: Trainer, module: LightningModule) -> None:
        """Set the rate of a module that is not ours."""
        name = type(module).__name__
        given: Any = getattr(module, "learning_rate", self)
        if given is self:
            raise InputError(
                f"LearningRateSearch sets the learning_rate of a module, and {name} has none; add "
                "`self.learning_rate = None` to it and read it in configure_optimizers"
            )
        if given is not None:
            return
        if trainer.world_size > 1:
            raise InputError(
                f"the search for {name} runs in one process, got {trainer.world_size}; search once "
                "with devices=1, then give the module its learning_rate"
            )
        print("searching a learning rate ...", file=sys.stderr, flush=True)
        train, validation = loaders_of(trainer)
        result = find_rate_of_module(
            module,
            train,
            validation,
            accelerator=trainer.strategy.root_device.type,
            candidates=self.candidates,
            epochs=self.epochs,
        )
        self.source = "search"
        print(f"learning rate {result.rate:.3g} (from the search)", file=sys.stderr, flush=True)
        module.learning_rate = result.rate  # type: ignore[assignment]
        if "learning_rate" in module.hparams:
            module.hparams["learning_rate"] = result.rate

    def _find(self, trainer: Trainer, classifier: DenseClassifier) -> tuple[float, str]:
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        settings = search_settings(
            classifier, datamodule, str(trainer.precision), self.candidates, self.epochs
        )
        file = self.cache / f"{hash_of(settings)}.json"
        folder = Path(trainer.default_root_dir)
        result, source = read_result(folder / SEARCH_FILE, settings), source_in(folder)
        if result is None:
            result, source = read_result(file, settings), "cache"
        if result is None:
            source = "search"
            print("searching a learning rate ...", file=sys.stderr, flush=True)
            device = trainer.strategy.root_device
            result = find_rate(classifier, datamodule, device, self.candidates, self.epochs)
        # First into the run: if it is killed between, the resumed one still says where from.
        keep(result, settings, source, folder)
        if source == "search":
            file.parent.mkdir(parents=True, exist_ok=True)
            write_result(result, settings, source, file)
        print(f"learning rate {result.rate:.3g} (from the {source})", file=sys.stderr, flush=True)
        if not result.has_learned(len(datamodule.classes)):
            print(UNLEARNED.format(winner_of(result.race).best), file=sys.stderr, flush=True)
        return result.rate, source


def loaders_of(trainer: Trainer) -> tuple[Any, Any]:
    """The loaders of the fit that is about to begin, wherever they come from."""
    # Lightning has no public name for them before the fit has begun.
    training = trainer.fit_loop._data_source
    validation = trainer.fit_loop.epoch_loop.val_loop._data_source
    if not validation.is_defined() or validation.instance is None:
        raise InputError("a search compares validation losses; give the fit validation batches")
    return training.dataloader(), validation.dataloader()


def search_settings(
    classifier: DenseClassifier,
    datamodule: CIFAR10DataModule,
    precision: str,
    candidates: int,
    epochs: int,
) -> dict[str, Any]:
    """Everything that decides the result of a search, and nothing else."""
    # Neither the seed of a run nor the code that trains it decides the rate.
    left_out = {"seed", "compiled"}
    network = {key: value for key, value in classifier.hparams.items() if key not in left_out}
    return {
        "variant": variant_of(classifier),
        "network": network,
        "optimiser": "NAdam",
        "images": datamodule.fingerprint,
        "batches": datamodule.settings,
        "precision": precision,
        "search": {"candidates": candidates, "epochs": epochs, "version": VERSION},
        "torch": torch.__version__,
    }


def find_rate(
    classifier: DenseClassifier,
    datamodule: CIFAR10DataModule,
    device: torch.device,
    candidates: int = CANDIDATES,
    epochs: int = EPOCHS,
) -> SearchResult:
    """Search a rate for a classifier on a data module's training images; neither is changed.

    classifier: its network is copied; its standardisation takes the images' statistics.
    """
    train, validation = (
        images.to(device) for images in (datamodule.train_images, datamodule.validation_images)
    )
    statistics = datamodule.standardisation
    classifier.standardise.adopt(statistics.mean, statistics.deviation)
    network, standardise = classifier.network.to(device), classifier.standardise.to(device)
    loader = TensorBatches(
        train,
        batch_size=datamodule.batch_size,
        shuffle=True,
        seed=SEED,
        augmentation=datamodule.augmentation,
    )

    def race(rates: tuple[float, ...]) -> tuple[Candidate, ...]:
        runs = train_many(
            [network] * len(rates),
            rates,
            train,
            validation,
            standardise,
            batch_size=datamodule.batch_size,
            epochs=epochs,
            seed=SEED,
            augmentation=datamodule.augmentation,
            schedule=SCHEDULES[classifier.schedule],
        )
        return tuple(Candidate(run.rate, tuple(run.val_losses)) for run in runs)

    batches = ((standardise(images), labels) for images, labels in endless(loader))
    return search(range_test(network, batches), race, candidates)


def endless(loader: TensorBatches) -> Iterator[tuple[Tensor, Tensor]]:
    """Epoch after epoch of a loader's batches."""
    for epoch in count():
        loader.set_epoch(epoch)
        yield from loader


def hash_of(settings: dict[str, Any]) -> str:
    """A short name for settings."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_result(result: SearchResult, settings: dict[str, Any], source: str, path: Path) -> None:
    """Write a result as JSON, with the settings it belongs to and how the run came by it."""
    data = dataclasses.asdict(result) | {"source": source, "settings": settings}
    write_text_atomically(path, json.dumps(data, indent=1, default=str) + "\n")


def read_result(path: Path, settings: dict[str, Any]) -> SearchResult | None:
    """Read a result for ``settings``; None when there is none, or only a damaged one."""
    try:
        data = json.loads(path.read_text())
        if hash_of(data["settings"]) != hash_of(settings):
            return None
        test = RangeTest(**{key: tuple(value) for key, value in data["test"].items()})
        race = tuple(Candidate(each["rate"], tuple(each["val_losses"])) for each in data["race"])
        winner = winner_of(race)
        return SearchResult(winner.rate, test, race) if data["rate"] == winner.rate else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def source_in(folder: Path) -> str:
    """How the run in ``folder`` came by its rate: "search", "cache", or else "given"."""
    try:
        return str(json.loads((folder / SEARCH_FILE).read_text())["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return "given"


def keep(result: SearchResult, settings: dict[str, Any], source: str, folder: Path) -> None:
    """Put the curve and the race into a run folder, as JSON and as a picture."""
    from lightning_cifar.rate_search.picture import draw_search  # matplotlib: only here

    folder.mkdir(parents=True, exist_ok=True)  # a stock trainer does not make its root folder
    write_result(result, settings, source, folder / SEARCH_FILE)
    draw_search(result).savefig(folder / PICTURE_FILE, dpi=120)
