"""The record of a condition in the benchmark of uncertainty: evaluated part by part, resumable."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from benchmarks.uncertainty_ways import (
    DIGITS,
    PLAIN,
    SAMPLED,
    Way,
    by_group,
    first_samples,
    measures,
    predicted,
    temperatures,
    ways_of,
)
from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.files import sha256_of, write_text_atomically
from lightning_cifar.runs.folders import BEST_FILE
from lightning_cifar.runs.records import RECORD_FILE, read_record
from lightning_cifar.uncertainty.comparison import SAMPLE_COUNTS
from lightning_cifar.uncertainty.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from lightning_cifar.uncertainty.detection import UNCERTAINTIES, detection_auroc
from lightning_cifar.uncertainty.evaluation import load_classifier
from lightning_cifar.uncertainty.foreign_images import FOREIGN, foreign_images
from lightning_cifar.uncertainty.report import without_nan

# What is kept of validation images, and of each kind of corruption; of all else, more.
FEW_MEASURES = ("accuracy", "nll")
KIND_MEASURES = ("accuracy", "calibration_error")
SHIFT_MEASURES = ("accuracy", "nll", "brier", "calibration_error")
NOT_SHIFTED = "strength 0"
KINDS_AT = 3  # the strength at which the kinds of corruption are told apart
Figures = dict[str, dict[str, list[float]]]  # way → measure → the figure of each group
DRAWN = 20_000  # seed of what is drawn of images: which ones, their noise, foreign ones


@dataclass(frozen=True)
class Sizes:
    """How much is evaluated.

    Attributes:
        images: of the test part at most.
        shift_images: of those, under each corruption and strength and against foreign ones.
        samples: of Monte Carlo dropout.
    """

    images: int
    shift_images: int
    samples: int


class Networks:
    """The trained networks of a condition, one for each of the seeds."""

    def __init__(self, folder: Path, seeds: Sequence[int]) -> None:
        self.name = folder.name
        self.runs = [folder / str(seed) for seed in seeds]
        self.classifiers: list[DenseClassifier] = [load_classifier(run) for run in self.runs]

    @property
    def about(self) -> dict[str, Any]:
        """Who they are: seeds, rate, hashes of the weights, how far they were trained."""
        records = [read_record(run / RECORD_FILE) for run in self.runs]
        return {
            "variant": records[0].variant,
            "options": {
                key: self.classifiers[0].hparams.get(key)
                for key in ("depth", "width", "dropout_rate", "dropout_everywhere")
            },
            "seeds": [record.seed for record in records],
            "learning_rate": records[0].learning_rate,
            "epochs": len(records[0].epochs),
            "seconds_per_epoch": [round(record.seconds_per_epoch, 2) for record in records],
            "commit": records[0].commit,
            "device": records[0].device,
            "data_fingerprint": records[0].data_fingerprint,
            "weights": [sha256_of(run / BEST_FILE) for run in self.runs],
        }


class ConditionRecord:
    """What is known of a condition, in one file; a part that stands there is not made again."""

    def __init__(self, networks: Networks, sizes: Sizes, out: Path, work: Path) -> None:
        self.networks, self.sizes = networks, sizes
        dropout = "dropout_rate" in networks.classifiers[0].hparams
        self.samples = sizes.samples if dropout else None
        kinds = [PLAIN, SAMPLED] if dropout else [PLAIN]
        self.ways = ways_of(kinds, len(networks.classifiers))
        self.file = out / f"{networks.name}.json"
        self.arrays = work / f"{networks.name}.pt"
        fresh = {"about": networks.about, "sizes": asdict(sizes), "parts": {}}
        found = json.loads(self.file.read_text()) if self.file.is_file() else {}
        same = all(found.get(key) == fresh[key] for key in ("about", "sizes"))
        self.fields: dict[str, Any] = found if same else fresh
        if not same:
            self.arrays.unlink(missing_ok=True)

    def part(self, name: str, make: Callable[[], Any]) -> Any:
        """The part of this name, made and written if it is not there."""
        parts = self.fields["parts"]
        if name not in parts:
            parts[name] = without_nan(make())
            text = json.dumps(self.fields, indent=None, separators=(",", ":"))
            write_text_atomically(self.file, text.replace('},"', '},\n"') + "\n")
            print(f"{self.networks.name}: {name}", flush=True)
        return parts[name]

    def predictions(self, data: CIFAR10DataModule) -> dict[str, dict[str, Tensor]]:
        """Part → kind → log-probabilities, of validation and test; kept for the comparisons."""
        if self.arrays.is_file():
            kept: dict[str, dict[str, Tensor]] = torch.load(self.arrays, weights_only=True)
            return kept
        found = {
            name: predicted(self.networks.classifiers, images.images, self.samples)
            for name, images in (
                ("validation", data.validation_images),
                ("test", test_part(data, self.sizes.images)),
            )
        }
        torch.save(found, self.arrays)
        return found

    def evaluate(self, data: CIFAR10DataModule) -> None:
        """Temperatures, and the measures on validation and test images."""
        fitted = self.temperatures(data)
        labels = {
            "validation": data.validation_images.labels,
            "test": test_part(data, self.sizes.images).labels,
        }

        def make(name: str) -> Figures:
            found = measures(self.predictions(data)[name], labels[name], self.ways, fitted)
            return found if name == "test" else only(found, FEW_MEASURES)

        for name in labels:
            self.part(name, partial(make, name))
        if self.samples is not None:
            self.part("samples", lambda: by_samples(self.predictions(data), labels))

    def temperatures(self, data: CIFAR10DataModule) -> dict[str, list[float]]:
        """Way → temperature of each group, fitted on validation images."""
        found: dict[str, list[float]] = self.part(
            "temperatures",
            lambda: temperatures(
                self.predictions(data)["validation"], data.validation_images.labels, self.ways
            ),
        )
        return found

    @property
    def shown(self) -> list[Way]:
        """The ways that are followed beyond the test images: one network, and the most at once."""
        most = max(way.size for way in self.ways)
        return [way for way in self.ways if way.size in (1, most)]

    def shift(self, data: CIFAR10DataModule) -> None:
        """Measures at each strength of corruption, mean over the kinds; of each kind at one."""
        fitted = self.temperatures(data)
        test = test_part(data, self.sizes.shift_images)

        def figures(images: Tensor) -> Figures:
            found = predicted(self.networks.classifiers, images, self.samples)
            return measures(found, test.labels, self.shown, fitted)

        def make(strength: int) -> dict[str, Any]:
            kinds = {}
            for place, kind in enumerate(CORRUPTIONS):
                generator = torch.Generator().manual_seed(DRAWN + 10 * place + strength)
                kinds[kind] = figures(corrupt(test.images, kind, strength, generator))
            found = {"mean": only(averaged_kinds(list(kinds.values())), SHIFT_MEASURES)}
            if strength != KINDS_AT:
                return found
            single = [way.key for way in self.shown if way.size == 1]
            return found | {"kinds": {kind: means(each, single) for kind, each in kinds.items()}}

        self.part(NOT_SHIFTED, lambda: {"mean": only(figures(test.images), SHIFT_MEASURES)})
        for strength in STRENGTHS:
            self.part(f"strength {strength}", partial(make, strength))

    def foreign(self, data: CIFAR10DataModule) -> None:
        """AUROC of telling foreign images from test images, by way and kind of uncertainty."""
        fitted = self.temperatures(data)
        known = test_part(data, self.sizes.shift_images).images
        seen: dict[str, dict[str, Tensor]] = {}  # the known images are predicted once

        def make(kind: str, generator: torch.Generator) -> Figures:
            for name, images in (("known", known), (kind, foreign_images(known, kind, generator))):
                if name not in seen:
                    seen[name] = predicted(self.networks.classifiers, images, self.samples)
            return {way.key: detected(seen["known"], seen[kind], way, fitted) for way in self.shown}

        for place, kind in enumerate(FOREIGN):
            generator = torch.Generator().manual_seed(DRAWN + 1000 + place)
            self.part(f"foreign {kind}", partial(make, kind, generator))


def detected(
    known: dict[str, Tensor], foreign: dict[str, Tensor], way: Way, fitted: dict[str, list[float]]
) -> dict[str, list[float]]:
    """Kind of uncertainty → AUROC of each group; predictions by kind of both sets."""
    pairs = list(zip(*(by_group(each, way, fitted) for each in (known, foreign)), strict=True))
    return {
        name: [
            round(detection_auroc(uncertainty(one), uncertainty(other)), DIGITS)
            for one, other in pairs
        ]
        for name, uncertainty in UNCERTAINTIES.items()
    }


def test_part(data: CIFAR10DataModule, count: int) -> LabelledImages:
    """At most so many of the test images, drawn once for all; the first of fewer are these."""
    test = data.test_images
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(DRAWN))
    return test.select(order[:count])


def only(figures: Figures, keys: Sequence[str]) -> Figures:
    """Some of the measures of every way."""
    return {way: {key: each[key] for key in keys} for way, each in figures.items()}


def averaged_kinds(kinds: Sequence[Figures]) -> Figures:
    """The mean over the kinds of corruption, group by group."""

    def column(way: str, key: str) -> list[float]:
        groups = zip(*(each[way][key] for each in kinds), strict=True)
        return [round(mean(group), DIGITS) for group in groups]

    return {way: {key: column(way, key) for key in each} for way, each in kinds[0].items()}


def means(figures: Figures, ways: Sequence[str]) -> dict[str, dict[str, float]]:
    """Measure → way → the mean over the groups."""
    return {
        key: {way: round(mean(figures[way][key]), DIGITS) for way in ways} for key in KIND_MEASURES
    }


def by_samples(
    predictions: Mapping[str, Mapping[str, Tensor]], labels: Mapping[str, Tensor]
) -> Figures:
    """Number of samples → measure → figure of each network: the first samples, scaled.

    predictions, labels: of "validation", on which each number has its own temperature, and "test".
    """
    found = {}
    for count in SAMPLE_COUNTS:
        way = Way(first_samples(count), 1, True)
        if way.kind in predictions["test"]:
            fitted = temperatures(predictions["validation"], labels["validation"], [way])
            figures = measures(predictions["test"], labels["test"], [way], fitted)
            found[str(count)] = figures[way.key]
    return found
