"""Ways to predict with the networks of a condition, and their measures, group by group of seeds.

Networks 0, 1, 2, … are cut into disjoint ensembles, so that figures of one size are of different
networks. A way is a size, with or without Monte Carlo dropout, with or without a temperature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.networks import CLASSES, hidden_sizes
from lightning_cifar.uncertainty.comparison import monte_carlo_averages
from lightning_cifar.uncertainty.ensemble_scores import averaged
from lightning_cifar.uncertainty.evaluation import logits_of, of_raw_images
from lightning_cifar.uncertainty.scores import scores_of
from lightning_cifar.uncertainty.temperature import fit_temperature, scaled_log_probabilities

PLAIN, SAMPLED = "plain", "sampled"
SIZES = (1, 2, 3, 5, 10)
JUDGED = ("accuracy", "nll", "brier", "calibration_error", "area_under_risk_coverage")
DIGITS = 5  # of a figure in a record, behind the point


@dataclass(frozen=True)
class Way:
    """One way to predict.

    Attributes:
        kind: "plain", one pass of each network; "sampled", several with dropout on; or the first
            of these alone, see ``first_samples``.
        size: networks whose probabilities are averaged.
        scaled: whether a temperature fitted on validation images follows.
    """

    kind: str
    size: int
    scaled: bool

    @property
    def key(self) -> str:
        """As records write it."""
        return f"{self.kind}-{self.size}" + ("-temperature" if self.scaled else "")

    def passes(self, samples: int) -> int:
        """Of a network, for one image, each in full."""
        return self.size * (samples if self.kind == SAMPLED else 1)

    def computed(self, options: Mapping[str, Any], samples: int) -> float:
        """The same by its multiplications, in full passes; see ``sampling_cost``."""
        return self.size * (sampling_cost(options, samples) if self.kind == SAMPLED else 1)


def sampling_cost(options: Mapping[str, Any], samples: int) -> float:
    """Multiplications of so many samples of one network, in full passes.

    What lies before the first dropout layer is the same in all samples and computed once.
    options: depth and width, and whether dropout follows every hidden layer or only the last.
    """
    hidden = hidden_sizes(options["depth"], options["width"])
    layers = [inputs * outputs for inputs, outputs in hidden] + [options["width"] * CLASSES]
    before = sum(layers[: 1 if options["dropout_everywhere"] else len(hidden)])
    return (before + samples * (sum(layers) - before)) / sum(layers)


def first_samples(count: int) -> str:
    """The kind of prediction that averages the first samples alone."""
    return f"{SAMPLED} {count}"


def ways_of(kinds: Sequence[str], networks: int) -> list[Way]:
    """All ways that so many networks allow."""
    sizes = [size for size in SIZES if size <= networks]
    return [Way(kind, size, scaled) for kind in kinds for size in sizes for scaled in (False, True)]


def predicted(
    classifiers: Sequence[DenseClassifier], images: Tensor, samples: int | None
) -> dict[str, Tensor]:
    """Log-probabilities (networks, images, classes) of raw images by kind.

    samples: of Monte Carlo dropout, of which the first 1, 2, 5, … are kinds too; None: of networks
    that have none.
    """
    found = {PLAIN: torch.stack([logits_of(each, images).log_softmax(-1) for each in classifiers])}
    if samples is not None:
        averages = [
            monte_carlo_averages(of_raw_images(each), images, samples=samples, seed=0)
            for each in classifiers
        ]
        for count in averages[0]:
            kind = SAMPLED if count == samples else first_samples(count)
            found[kind] = torch.stack([each[count] for each in averages])
    return found


def groups(networks: int, size: int) -> list[slice]:
    """Disjoint groups of so many networks; what is left over is in none."""
    return [slice(start, start + size) for start in range(0, networks - size + 1, size)]


def temperatures(
    predictions: Mapping[str, Tensor], labels: Tensor, ways: Sequence[Way]
) -> dict[str, list[float]]:
    """Way → the temperature of each of its groups, fitted on validation images.

    predictions: by kind (networks, images, classes), of the validation images.
    """
    return {
        way.key: [
            fit_temperature(averaged(list(predictions[way.kind][group])), labels)
            for group in groups(len(predictions[way.kind]), way.size)
        ]
        for way in ways
        if way.scaled
    }


def by_group(
    predictions: Mapping[str, Tensor], way: Way, fitted: Mapping[str, Sequence[float]]
) -> list[Tensor]:
    """Log-probabilities (images, classes) of each group of a way.

    fitted: way → temperatures, see ``temperatures``.
    """
    members = predictions[way.kind]
    together = [averaged(list(members[group])) for group in groups(len(members), way.size)]
    if not way.scaled:
        return together
    pairs = zip(together, fitted[way.key], strict=True)
    return [scaled_log_probabilities(each, temperature) for each, temperature in pairs]


def measures(
    predictions: Mapping[str, Tensor],
    labels: Tensor,
    ways: Sequence[Way],
    fitted: Mapping[str, Sequence[float]],
) -> dict[str, dict[str, list[float]]]:
    """Way → measure of ``JUDGED`` → the figure of each group."""
    found = {}
    for way in ways:
        scores = [scores_of(each, labels) for each in by_group(predictions, way, fitted)]
        found[way.key] = {key: [round(each[key], DIGITS) for each in scores] for key in JUDGED}
    return found
