"""The record of a condition in the benchmark of uncertainty: evaluated part by part, resumable."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.uncertainty_ways import (
    DIGITS,
    PLAIN,
    SAMPLED,
    Way,
    by_group,
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
from lightning_cifar.uncertainty.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from lightning_cifar.uncertainty.detection import UNCERTAINTIES, detection_auroc
from lightning_cifar.uncertainty.evaluation import load_classifier
from lightning_cifar.uncertainty.foreign_images import FOREIGN, foreign_images
from lightning_cifar.uncertainty.report import without_nan

SHIFT_MEASURES = ("accuracy", "nll", "brier", "calibration_error")
NOT_SHIFTED = "none 0"
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
    """The trained networks of a condition, in the order of their seeds."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        finished = [each.parent for each in folder.glob(f"*/{RECORD_FILE}")]
        self.runs = sorted(finished, key=lambda run: int(run.name))
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

        def make(name: str) -> dict[str, dict[str, list[float]]]:
            return measures(self.predictions(data)[name], labels[name], self.ways, fitted)

        for name in labels:
            self.part(name, partial(make, name))

    def temperatures(self, data: CIFAR10DataModule) -> dict[str, list[float]]:
        """Way → temperature of each group, fitted on validation images."""
        found: dict[str, list[float]] = self.part(
            "temperatures",
            lambda: temperatures(
                self.predictions(data)["validation"], data.validation_images.labels, self.ways
            ),
        )
        return found

    def shift(self, data: CIFAR10DataModule) -> None:
        """Four measures under each corruption and strength; 0 is none."""
        fitted = self.temperatures(data)
        test = test_part(data, self.sizes.shift_images)

        def make(kind: str, strength: int, seed: int) -> dict[str, dict[str, list[float]]]:
            generator = torch.Generator().manual_seed(seed)
            images = corrupt(test.images, kind, strength, generator) if strength else test.images
            found = predicted(self.networks.classifiers, images, self.samples)
            figures = measures(found, test.labels, self.ways, fitted)
            return {way: only(each, SHIFT_MEASURES) for way, each in figures.items()}

        self.part(NOT_SHIFTED, partial(make, "", 0, 0))
        for place, kind in enumerate(CORRUPTIONS):
            for strength in STRENGTHS:
                seed = DRAWN + 10 * place + strength
                self.part(f"{kind} {strength}", partial(make, kind, strength, seed))

    def foreign(self, data: CIFAR10DataModule) -> None:
        """AUROC of telling foreign images from test images, by way and kind of uncertainty."""
        fitted = self.temperatures(data)
        known = test_part(data, self.sizes.shift_images).images
        seen: dict[str, dict[str, Tensor]] = {}  # the known images are predicted once

        def make(kind: str, generator: torch.Generator) -> dict[str, dict[str, list[float]]]:
            for name, images in (("known", known), (kind, foreign_images(known, kind, generator))):
                if name not in seen:
                    seen[name] = predicted(self.networks.classifiers, images, self.samples)
            return {way.key: detected(seen["known"], seen[kind], way, fitted) for way in self.ways}

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


def only(figures: dict[str, list[float]], keys: Sequence[str]) -> dict[str, list[float]]:
    """Some of the measures."""
    return {key: figures[key] for key in keys}
