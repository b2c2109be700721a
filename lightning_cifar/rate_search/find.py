"""The rate of a classifier of ours on images of ours, and all that decides it."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from lightning_cifar.backprop.fitting import why_no_layers
from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.data.batches import batch_bounds
from lightning_cifar.data.datamodule import EVALUATION_BATCH, CIFAR10DataModule
from lightning_cifar.data.placement import placed_on
from lightning_cifar.rate_search.fit_options import PLAIN, FitOptions, race_length
from lightning_cifar.rate_search.race import race_in_stacks
from lightning_cifar.rate_search.search import Candidate, Note, SearchResult, search
from lightning_cifar.rate_search.short_fits import SEED, ShortFits, lent
from lightning_cifar.rate_search.telling import Say, Telling
from lightning_cifar.stack.fit import prepared

CANDIDATES = 4
VERSION = 8  # of the method; a change makes every cached rate void


def search_settings(
    classifier: DenseClassifier,
    datamodule: CIFAR10DataModule,
    options: FitOptions,
    candidates: int,
    epochs: int | None,
) -> dict[str, Any]:
    """Everything that decides the result of a search, and nothing else.

    datamodule: set up for fitting.
    Raises: InputError for limits that leave no batch.
    """
    # The seed of a run does not decide the rate; the images, which do, stand below.
    # A classifier with another optimiser than NAdam has a rate.
    left_out = {"seed", "classes", "image_size", "optimiser"}
    if not classifier.weighs_classes:
        left_out.add("class_weights")  # rates that were found before there were any stay found
    network = {key: value for key, value in classifier.hparams.items() if key not in left_out}
    batches = [
        len(batch_bounds(len(images), size, world_size=options.processes))
        for images, size in (
            (datamodule.train_images, datamodule.batch_size),
            (datamodule.validation_images, EVALUATION_BATCH),
        )
    ]
    return {
        "variant": variant_of(classifier),
        "network": network,
        "weights": start_of(classifier),
        "optimiser": "NAdam",
        "images": datamodule.fingerprint,
        "batches": datamodule.settings,
        "fit": options.settings(*batches),
        "search": {"candidates": candidates, "epochs": epochs, "version": VERSION},
        "torch": torch.__version__,
    }


def is_as_built(classifier: Any) -> bool:
    """Whether a classifier's network is the one that its arguments describe, all of it trained.

    Only such a one can be raced as a stack, and found again under the hash of its arguments.
    """
    drawn = type(classifier)(**classifier.hparams).network
    as_drawn = repr(classifier.network) == repr(drawn)  # which shows layers and their constants
    return as_drawn and why_no_layers(classifier.network) is None


def start_of(classifier: DenseClassifier) -> str:
    """The type of a classifier's weights, with a hash of them unless they are those of its seed."""
    weights = classifier.network.state_dict()
    drawn = type(classifier)(**classifier.hparams).network.state_dict()
    kind = str(next(classifier.network.parameters()).dtype)
    if all(torch.equal(each.cpu(), drawn[name].to(each.dtype)) for name, each in weights.items()):
        return kind
    digest = hashlib.sha256()
    for each in weights.values():
        digest.update(each.double().cpu().numpy().tobytes())
    return f"{kind} {digest.hexdigest()[:16]}"


def find_rate(
    classifier: DenseClassifier,
    datamodule: CIFAR10DataModule,
    device: torch.device,
    candidates: int = CANDIDATES,
    epochs: int | None = None,
    options: FitOptions = PLAIN,
    say: Say = lambda _: None,
) -> SearchResult:
    """Search a rate for a classifier on a data module's training images; neither is changed.

    datamodule: set up for fitting.
    epochs: length of the race; None: see ``race_length``.
    options: of the fit that the rate is for.
    say: given a line now and then.
    """
    images = lent_images(datamodule, device, options.processes)
    member = prepared(classifier, images)
    batches = len(batch_bounds(len(images.train_images), images.batch_size))
    epochs, options = race_length(batches, epochs, options)
    fits = ShortFits(member, {"datamodule": images}, device, options)
    in_stacks = partial(race_in_stacks, member, images, device, options)
    return found_by(fits, in_stacks if options.stacks else fits.race, candidates, epochs, say)


def lent_images(
    datamodule: CIFAR10DataModule, device: torch.device, processes: int
) -> CIFAR10DataModule:
    """The images with batches that all processes would train on together, in the search's order."""
    images: CIFAR10DataModule = lent(datamodule)
    images._train = placed_on(datamodule.train_images, device)
    images._validation = placed_on(datamodule.validation_images, device)
    images.loader, images.seed = "memory", SEED
    images.batch_size *= processes
    return images


def found_by(
    fits: ShortFits,
    race: Callable[[tuple[float, ...], int, Note], tuple[Candidate, ...]],
    candidates: int,
    epochs: int,
    say: Say,
) -> SearchResult:
    """The range test by ``fits``, then the race, with a line now and then."""
    test, telling = fits.range_test(), Telling(say)

    def told(rates: tuple[float, ...]) -> tuple[Candidate, ...]:
        return race(rates, epochs, telling.race(test, rates))

    return search(test, told, candidates, fits.share)
