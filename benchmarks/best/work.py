"""Training and testing with a memory: what has a record already is not made again."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.best.runs import write_run
from benchmarks.best.student import Recipe, accuracy, logits_of, trained_student
from benchmarks.best.teacher import answers, trained_teacher
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.checkpoints import load_checkpoint, save_checkpoint
from lightning_cifar.runs.provenance import commit, device_name, versions
from lightning_cifar.runs.records import RECORD_FILE, read_record
from lightning_cifar.standardise import Standardise
from lightning_cifar.uncertainty.evaluation import load_classifier

# The runs of the recipe itself, short ones that only the ensemble has, and the package's own fits;
# the others are rows of the table of ingredients.
RECIPE, MEMBER, PACKAGE = "recipe", "member", "package"


@dataclass(frozen=True)
class Work:
    """Images, and where networks and records are.

    Attributes:
        data: set up for fitting.
        runs: folder of the run folders and of the teacher's answers.
        records: folder of the figures.
        teacher: width and epochs.
    """

    data: CIFAR10DataModule
    runs: Path
    records: Path
    teacher: Mapping[str, int]

    @cached_property
    def standardise(self) -> Standardise:
        """With the statistics of the training images."""
        layer = Standardise((3, self.data.image_size, self.data.image_size))
        layer.adopt(self.data.standardisation.mean, self.data.standardisation.deviation)
        return layer

    @cached_property
    def answers(self) -> Tensor:
        """The teacher's probabilities (images, classes) for the training images."""
        kept = self.runs / "teacher.ckpt"
        if kept.exists():
            content = load_checkpoint(kept)
            if content["teacher"] == dict(self.teacher):
                found: Tensor = content["answers"]
                return found
        self.runs.mkdir(parents=True, exist_ok=True)
        teacher = trained_teacher(self.data, self.standardise, **self.teacher, seed=0)
        found = answers(teacher, self.data.train_images)
        held_out = self.data.validation_images
        figures = {
            "settings": dict(self.teacher),
            "parameters": sum(each.numel() for each in teacher.network.parameters()),
            "train_accuracy": accuracy(found, self.data.train_images.labels),
            "val_accuracy": accuracy(answers(teacher, held_out), held_out.labels),
        }
        save_checkpoint({"teacher": dict(self.teacher), "answers": found}, kept)
        self.write("teacher", figures)
        return found

    def train(self, name: str, recipe: Recipe, seed: int) -> None:
        """A network, its run folder and its record, unless the record is there."""
        key = f"{slug(name)}-{seed}"
        settings = asdict(recipe) | {"seed": seed}
        if self.known(key, settings):
            print(f"{key}: the record is there", flush=True)
            return
        taught = self.answers if recipe.taught else torch.empty(0)
        trained = trained_student(recipe, seed, self.data, self.standardise, taught)
        write_run(trained, recipe, seed, self.data, self.runs / slug(name) / str(seed))
        held_out = self.data.validation_images
        logits = logits_of(trained.network, self.standardise, held_out)
        figures = {
            "name": name,
            "settings": settings,
            "val_accuracy": accuracy(logits, held_out.labels),
            "val_loss": float(functional.cross_entropy(logits, held_out.labels)),
            "fold_error": trained.fold_error,
            "losses": [round(each, 4) for each in trained.train_losses],
            "seconds": round(trained.seconds),
        }
        self.write(key, figures)

    def test(self, members: int) -> None:
        """Test accuracy of all networks, of the ensemble, and of the package's own fits.

        And the networks' accuracy on the training images as they are, not augmented.
        members: of the ensemble.
        """
        self.data.setup("test")
        images = self.data.test_images
        seen = self.data.train_images
        found: dict[str, dict[str, float]] = {}
        training: dict[str, dict[str, float]] = {}
        every: list[Answer] = []
        for key in sorted(path.stem for path in self.records.glob("*-*.json")):
            record = json.loads((self.records / f"{key}.json").read_text(encoding="utf-8"))
            name, seed = record["name"], str(record["settings"]["seed"])
            folder = self.runs / slug(name) / seed
            logits = self.logits(folder, images)
            found.setdefault(name, {})[seed] = accuracy(logits, images.labels)
            known = accuracy(self.logits(folder, seen), seen.labels)
            training.setdefault(name, {})[seed] = known
            if name in (RECIPE, MEMBER):
                every.append(Answer(name, record["val_accuracy"], logits.softmax(-1)))
        package = []
        for folder in sorted(self.runs.glob(f"{PACKAGE}/*")):
            answer = self.logits(folder, images).softmax(-1)
            about = fitted(folder) | {"test_accuracy": accuracy(answer, images.labels)}
            every.append(Answer(PACKAGE, about["val_accuracy"], answer))
            package.append(about)
        figures = {
            "images": len(images),
            "networks": found,
            "training": training,
            "ensembles": {
                name: ensemble_of(chosen, images.labels)
                for name, chosen in ensembles(every, members).items()
            },
            "package": package,
        }
        self.write("test", figures)

    def logits(self, folder: Path, images: LabelledImages) -> Tensor:
        """Logits (images, classes) of a run folder's network."""
        classifier = load_classifier(folder)
        return logits_of(classifier.network.eval(), classifier.standardise, images)

    def known(self, key: str, settings: Mapping[str, Any]) -> bool:
        """Whether there is a record that was made with these settings, from these images."""
        path = self.records / f"{key}.json"
        if not path.exists():
            return False
        record = json.loads(path.read_text(encoding="utf-8"))
        same_data: bool = record["data"] == self.data.fingerprint
        return same_data and record["settings"] == json.loads(json.dumps(settings))

    def write(self, key: str, figures: Mapping[str, Any]) -> None:
        """Write a record, with what it was made from and by."""
        about = {
            "data": self.data.fingerprint,
            "device": device_name(torch.device("cpu")),
            "versions": versions(),
            "commit": commit(),
        }
        self.records.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dict(figures) | about, separators=(",", ":")) + "\n"
        write_text_atomically(self.records / f"{key}.json", text)
        shown = {k: v for k, v in figures.items() if k in ("val_accuracy", "ensemble", "seconds")}
        print(f"{key}: {shown}", flush=True)


@dataclass(frozen=True)
class Answer:
    """A network's probabilities (images, classes) for the test images, and what it is known by."""

    name: str
    val_accuracy: float
    probabilities: Tensor


def ensembles(every: Sequence[Answer], members: int) -> dict[str, list[Answer]]:
    """Name -> members: the best by validation accuracy, and of some kinds of training all."""
    by_validation = sorted(every, key=lambda each: each.val_accuracy, reverse=True)
    kinds = {"recipe": (RECIPE,), "package": (PACKAGE,), "recipe and short": (RECIPE, MEMBER)}
    chosen = {name: [each for each in every if each.name in kind] for name, kind in kinds.items()}
    return {"best": by_validation[:members]} | {k: v for k, v in chosen.items() if v}


def ensemble_of(chosen: Sequence[Answer], labels: Tensor) -> dict[str, Any]:
    """How many members of which kind, and the accuracy of their mean probabilities."""
    mean = torch.stack([each.probabilities for each in chosen]).mean(0)
    kinds = dict(Counter(each.name for each in chosen))
    return {"members": len(chosen), "kinds": kinds, "accuracy": accuracy(mean, labels)}


def fitted(folder: Path) -> dict[str, Any]:
    """What the record of a run of ``lightning-cifar fit --config best`` says."""
    record = read_record(folder / RECORD_FILE)
    best = record.best
    assert best is not None
    return {
        "seed": record.seed,
        "epochs": len(record.epochs),
        "val_accuracy": best.val_accuracy,
    }


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return name.replace(" ", "_")
