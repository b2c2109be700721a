"""A fresh learning-rate search whenever anything that matters has changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import torch.distributed
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from lightning_cifar.classifiers import VARIANTS, DenseClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.notices import say
from lightning_cifar.data.sources import cache_folder
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.find import (
    CANDIDATES,
    find_rate,
    found_by,
    is_as_built,
    search_settings,
)
from lightning_cifar.rate_search.fit_options import FitOptions, options_of
from lightning_cifar.rate_search.results import (
    SEARCH_FILE,
    hash_of,
    keep,
    read_result,
    source_in,
    write_result,
)
from lightning_cifar.rate_search.search import SearchResult, winner_of
from lightning_cifar.rate_search.short_fits import ShortFits, give_rate, lent

SEARCHING = "searching a learning rate: a range test first, then short fits ..."
UNLEARNED = (
    "no rate that was tried has learned: the lowest validation loss is {:.3f}, little below a "
    "guess; the rate found means nothing, give one with --model.learning_rate"
)


@final
class LearningRateSearch(Callback):
    """Finds the rate before the optimiser exists, so that schedules are built from it.

    Runs in ``setup`` on copies of the module, when it has no rate of its own and the fit is not a
    resumed one. The copies train as the fit will: with its precision, accumulated batches, clipped
    gradients, limits, and the batch that its processes make together. The result is kept under a
    hash of everything that decides it: variant, sizes, schedule, optimiser, weights other than
    those of the seed, batches, images, standardisation, those options, these settings.

    Any other LightningModule is served if it has a ``learning_rate``, None until it is found, that
    its ``configure_optimizers`` reads, and logs "val_loss"; and any module with loaders or a data
    module of the user's own. The fits of its copies follow each other, and nothing is kept for the
    next run, because what decides the rate is not known.

    Args:
        candidates: rates in the race, a factor 2 apart; two more while an outermost one wins, or
            none learns.
        epochs: length of the race; when left out half an epoch, but 150 to 300 steps.
        cache: folder of the results; by default beside the images'.
    """

    def __init__(
        self, candidates: int = CANDIDATES, epochs: int | None = None, cache: str | None = None
    ) -> None:
        if candidates < 2 or (epochs is not None and epochs < 1):
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
        datamodule: Any = getattr(trainer, "datamodule", None)
        given: Any = getattr(pl_module, "learning_rate", self)
        if given is self:
            name = type(pl_module).__name__
            raise InputError(
                f"LearningRateSearch sets the learning_rate of a module, and {name} has none; add "
                "`self.learning_rate = None` to it and read it in configure_optimizers"
            )
        # Of subclasses nobody knows what they change.
        known = type(pl_module) in VARIANTS.values() and type(datamodule) is CIFAR10DataModule
        known = known and is_as_built(pl_module)
        if given is not None:
            # A resumed run's configuration holds what its own search had found.
            self.source = source_in(Path(trainer.default_root_dir)) if known else "given"
            return
        options = options_of(trainer)
        if known:
            found = self._find(trainer, pl_module, datamodule, options)
            rate, self.source = trainer.strategy.broadcast(found)
        else:
            rate, self.source = self._serve(trainer, pl_module, options), "search"
        give_rate(pl_module, rate)

    def _serve(self, trainer: Trainer, module: LightningModule, options: FitOptions) -> float:
        """The rate of a module or of data that are not ours."""
        if trainer.world_size > 1:
            raise InputError(
                f"the search for {type(module).__name__} with these data runs in one process, got "
                f"{trainer.world_size}; search once with devices=1, then give it its learning_rate"
            )
        fits = ShortFits(module, data_of(trainer), trainer.strategy.root_device, options)
        say(SEARCHING)
        result = found_by(fits, fits.race, self.candidates, self.epochs or 1, say)
        classes = len(module.class_names) if isinstance(module, DenseClassifier) else None
        tell(result, "search", classes)
        return result.rate

    def _find(
        self, trainer: Trainer, classifier: Any, datamodule: CIFAR10DataModule, options: FitOptions
    ) -> tuple[float, str]:
        """The rate of a classifier, and how it was come by; in the first process alone."""
        if not trainer.is_global_zero:
            return 0.0, ""
        settings = search_settings(classifier, datamodule, options, self.candidates, self.epochs)
        file = self.cache / f"{hash_of(settings)}.json"
        folder = Path(trainer.default_root_dir)
        result, source = read_result(folder / SEARCH_FILE, settings), source_in(folder)
        if result is None:
            result, source = read_result(file, settings), "cache"
        if result is None:
            source = "search"
            say(SEARCHING)
            device = trainer.strategy.root_device
            with as_if_alone():
                result = find_rate(
                    classifier, datamodule, device, self.candidates, self.epochs, options, say
                )
        # First into the run: if it is killed between, the resumed one still says where from.
        keep(result, settings, source, folder)
        if source == "search":
            file.parent.mkdir(parents=True, exist_ok=True)
            write_result(result, settings, source, file)
        tell(result, source, len(datamodule.classes))
        return result.rate, source


@contextmanager
def as_if_alone() -> Iterator[None]:
    """Let Lightning and torchmetrics take this process for the only one while the others wait.

    Each would wait for the others at once: Lightning before it prepares data, torchmetrics before
    it computes a figure.
    """
    given = torch.distributed.is_initialized
    torch.distributed.is_initialized = lambda: False
    try:
        yield
    finally:
        torch.distributed.is_initialized = given


def tell(result: SearchResult, source: str, classes: int | None) -> None:
    """Say what was found, and whether it means anything where that is known."""
    say(f"learning rate {result.rate:.3g} (from the {source})")
    if classes is not None and not result.has_learned(classes):
        say(UNLEARNED.format(winner_of(result.race).best))


def data_of(trainer: Trainer) -> dict[str, Any]:
    """The data of the fit to come, as arguments for others; InputError without validation."""
    # Lightning has no public name for them before the fit has begun.
    training = trainer.fit_loop._data_source
    validation = trainer.fit_loop.epoch_loop.val_loop._data_source
    if not validation.is_defined() or not trainer.limit_val_batches:
        raise InputError("a search compares validation losses; give the fit validation batches")
    datamodule = getattr(trainer, "datamodule", None)
    if datamodule is not None:
        return {"datamodule": lent(datamodule)}
    sources = {"train_dataloaders": training, "val_dataloaders": validation}
    return {name: each.instance for name, each in sources.items() if not each.is_module()}
