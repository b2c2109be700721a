"""The learning rate of a condition: given in its configuration, or searched for all its seeds."""

from pathlib import Path

import torch

from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.files import exclusive
from lightning_cifar.rate_search.find import find_rate, search_settings
from lightning_cifar.rate_search.fit_options import PLAIN
from lightning_cifar.rate_search.results import read_result, write_result
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.folder import RATES_FOLDER


def rate_of(
    condition: Condition, datamodule: CIFAR10DataModule, study: Path, device: torch.device
) -> tuple[float, str]:
    """The rate and where it comes from: "given" or "search".

    A search is that of a single fit with seed 0. Of several processes that need it one searches
    and the others wait.

    datamodule: set up for fitting.
    """
    given = condition.settings["model"]["init_args"]["learning_rate"]
    if given is not None:
        return float(given), "given"
    options = condition.settings["learning_rate_search"]
    candidates, epochs = options["candidates"], options["epochs"]
    classifier = condition.classifier(0, None, datamodule)
    settings = search_settings(classifier, datamodule, PLAIN, candidates, epochs)
    file = study / RATES_FOLDER / f"{condition.set_up}-{condition.variant}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(file.with_name(f".{file.name}.lock")):
        result = read_result(file, settings)
        if result is None:
            result = find_rate(classifier, datamodule, device, candidates, epochs)
            write_result(result, settings, "search", file)
    return result.rate, "search"
