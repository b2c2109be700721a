"""The learning rates of a condition's runs: given in its configuration, or searched for each seed.

One search per seed makes a run the whole recipe: what the search adds to the spread
over seeds is in every interval, and pairs of runs stay independent of each other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.data.batches import batch_bounds
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.rate_search.find import lent_images, search_settings
from lightning_cifar.rate_search.fit_options import PLAIN, race_length
from lightning_cifar.rate_search.race import candidate_at, candidates, share_of, train_many
from lightning_cifar.rate_search.results import read_result, write_result
from lightning_cifar.rate_search.search import Candidate, SearchResult, search
from lightning_cifar.rate_search.search import candidates as first_rates
from lightning_cifar.rate_search.short_fits import ShortFits
from lightning_cifar.stack.fit import prepared
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.folder import RATES_FOLDER

Rates = tuple[float, ...]


def rates_of(
    condition: Condition,
    seeds: Sequence[int],
    datamodule: CIFAR10DataModule,
    study: Path,
    device: torch.device,
) -> tuple[list[float], str]:
    """The rate of each seed, and where they come from: "given" or "search".

    The search of a seed is that of a single fit with the weights and the order of images of this
    seed. Those found are kept in the study's folder; the others are searched together.

    datamodule: set up for fitting.
    """
    given = condition.settings["model"]["init_args"]["learning_rate"]
    if given is not None:
        return [float(given)] * len(seeds), "given"
    options = condition.settings["learning_rate_search"]
    count, epochs = options["candidates"], options["epochs"]
    classifiers = {seed: condition.classifier(seed, None, datamodule) for seed in seeds}
    settings = search_settings(classifiers[seeds[0]], datamodule, PLAIN, count, epochs)
    stem = f"{condition.set_up}-{condition.variant}"
    files = {seed: study / RATES_FOLDER / f"{stem}-{seed}.json" for seed in seeds}
    found = {seed: read_result(file, settings) for seed, file in files.items()}
    missing = {seed: classifiers[seed] for seed in seeds if found[seed] is None}
    if missing:
        (study / RATES_FOLDER).mkdir(exist_ok=True)
        for seed, result in searched(missing, datamodule, device, count, epochs).items():
            write_result(result, settings, "search", files[seed])
            found[seed] = result
    return [result.rate for result in found.values() if result is not None], "search"


def searched(
    classifiers: Mapping[int, DenseClassifier],
    datamodule: CIFAR10DataModule,
    device: torch.device,
    count: int,
    epochs: int | None,
) -> dict[int, SearchResult]:
    """Search a rate for each seed; the first races of all are run as one stack."""
    images = lent_images(datamodule, device, processes=1)
    members = {seed: prepared(each, images) for seed, each in classifiers.items()}
    tests = {}
    for seed, member in members.items():
        images.seed = seed  # its order of images
        tests[seed] = ShortFits(member, {"datamodule": images}, device, PLAIN).range_test()
    share = share_of(next(iter(members.values())).schedule)
    first = {seed: first_rates(test, count, share) for seed, test in tests.items() if test.rates}
    run = raced(members, first, images, device, epochs)

    def race(seed: int, rates: Rates) -> tuple[Candidate, ...]:
        if rates == first[seed]:
            return run[seed]
        return raced(members, {seed: rates}, images, device, epochs)[seed]

    return {
        seed: search(test, lambda rates, seed=seed: race(seed, rates), count, share)  # type: ignore[misc]
        for seed, test in tests.items()
    }


def raced(
    members: Mapping[int, DenseClassifier],
    rates: Mapping[int, Rates],
    images: CIFAR10DataModule,
    device: torch.device,
    epochs: int | None,
) -> dict[int, tuple[Candidate, ...]]:
    """Train each seed's classifier at each of its rates; seed -> what became of them."""
    batches = len(batch_bounds(len(images.train_images), images.batch_size))
    epochs, options = race_length(batches, epochs, PLAIN)
    runners = [(seed, rate) for seed, each in rates.items() for rate in each]
    ended = train_many(
        [candidate_at(members[seed], rate) for seed, rate in runners],
        images,
        device=device,
        epochs=epochs,
        options=options,
        seeds=[seed for seed, _ in runners],
        # A GPU has the room for all, and a step takes it no longer.
        at_once=None if device.type == "cpu" else len(runners),
    )
    found = candidates([rate for _, rate in runners], ended, epochs)
    return {
        seed: tuple(each for (its, _), each in zip(runners, found, strict=True) if its == seed)
        for seed in rates
    }
