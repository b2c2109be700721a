"""Several runs as one predictor: their probabilities are averaged.

Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep
ensembles": networks that differ by their seed alone, each with the same say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.errors import InputError
from lightning_cifar.files import sha256_of
from lightning_cifar.runs.folders import best_checkpoint
from lightning_cifar.uncertainty.evaluation import load_classifier, logits_of, of_raw_images
from lightning_cifar.uncertainty.measures import (
    Prediction,
    log_mean,
    prediction_of,
    sampled_log_probabilities,
)
from lightning_cifar.uncertainty.monte_carlo import sample_logits


@dataclass(frozen=True)
class Member:
    """A run with its best weights: the SHA-256 of their file, and the network."""

    run: Path
    sha256: str
    classifier: DenseClassifier

    @property
    def name(self) -> str:
        """The run's folder."""
        return str(self.run)

    @property
    def about(self) -> dict[str, str | int]:
        """Which weights these are, as plain values."""
        return {
            "run": self.name,
            "variant": variant_of(self.classifier),
            "seed": int(self.classifier.hparams["seed"]),
            "weights": str(best_checkpoint(self.run)),
            "sha256": self.sha256,
        }


def load_members(runs: Sequence[Path]) -> list[Member]:
    """The runs' networks with their best weights, which fit together; one run is always right.

    Raises:
        InputError: a run without usable weights, the same weights twice, or networks for images of
            different classes or sizes.
    """
    members = [Member(run, sha256_of(best_checkpoint(run)), load_classifier(run)) for run in runs]
    for first, second in combinations(members, 2):
        if first.sha256 == second.sha256:
            raise InputError(
                f"{first.name} and {second.name} hold the same weights, which would count double; "
                "give each network of an ensemble once"
            )
    for other in members[1:]:
        check_alike(members[0], other)
    return members


def check_alike(first: Member, other: Member) -> None:
    """Refuse two networks whose probabilities cannot be averaged.

    Raises:
        InputError: naming what differs.
    """
    one, two = first.classifier, other.classifier
    for what, left, right in (
        ("classes", one.classes, two.classes),
        ("pixels to a side of an image", one.image_shape[1], two.image_shape[1]),
    ):
        if left != right:
            raise InputError(
                f"{first.name} has {left} {what} and {other.name} {right}, so they are no "
                "ensemble; give runs that were trained on images of one kind"
            )
    if one.class_names != two.class_names:
        pairs = enumerate(zip(one.class_names, two.class_names, strict=True))
        place, (mine, yours) = next(each for each in pairs if each[1][0] != each[1][1])
        raise InputError(
            f"{first.name} calls class {place} {mine!r} and {other.name} {yours!r}, so they are no "
            "ensemble; give runs that were trained with the same classes in the same order"
        )


@final
class Ensemble(nn.Module):
    """Raw images (batch, 3, size, size) to the logarithms (batch, classes) of mean probabilities.

    These serve as logits: their softmax is the mean of the members' probabilities.
    """

    def __init__(self, classifiers: Sequence[DenseClassifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(classifiers)

    def forward(self, images: Tensor) -> Tensor:
        """Logarithms of the mean probabilities."""
        logits = torch.stack([member(images) for member in self.members], dim=1)
        return log_mean(sampled_log_probabilities(logits))


def described(classifiers: Sequence[DenseClassifier]) -> dict[str, object]:
    """What an exported file says of its networks: the settings of one, or a list of several."""
    each = [{"variant": variant_of(one), **one.hparams} for one in classifiers]
    return each[0] if len(each) == 1 else {"members": each}


def predict_images(
    classifiers: Sequence[DenseClassifier], images: Tensor, samples: int | None, seed: int
) -> Prediction:
    """The prediction for raw images (n, 3, size, size): every member, every sample has one say.

    samples: of Monte Carlo dropout from each member; None: one pass without dropout.
    """
    if samples is None:
        return prediction_of(torch.stack([logits_of(each, images) for each in classifiers], dim=1))
    networks = map(of_raw_images, classifiers)
    logits = [sample_logits(each, images, samples=samples, seed=seed) for each in networks]
    return prediction_of(torch.cat(logits, dim=1))
