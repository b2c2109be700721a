"""Deterministic against Monte Carlo against temperature scaling: the figures of one comparison."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.bootstrap import (
    Difference,
    paired_differences,
    resampled_measures,
)
from lightning_cifar.uncertainty.dropout_modes import evaluation_mode
from lightning_cifar.uncertainty.measures import log_probabilities_by_count
from lightning_cifar.uncertainty.monte_carlo import (
    IMAGES_PER_PASS,
    MaskKind,
    logit_blocks,
)
from lightning_cifar.uncertainty.scores import (
    ReliabilityBin,
    RiskCoverage,
    reliability,
    require_labels,
    risk_coverage,
    scores_of,
)
from lightning_cifar.uncertainty.temperature import scaled_log_probabilities

SAMPLE_COUNTS = (1, 2, 5, 10, 20, 50, 100)
DETERMINISTIC, MONTE_CARLO, TEMPERATURE = "deterministic", "monte_carlo", "temperature"


@dataclass(frozen=True)
class CountScores:
    """Accuracy and NLL of the first ``samples`` Monte Carlo samples."""

    samples: int
    accuracy: float
    nll: float


@dataclass(frozen=True)
class Comparison:
    """All that a report or a figure needs; dictionaries go by the three names above.

    ``differences`` are from the deterministic prediction, ``beyond_temperature`` is what Monte
    Carlo dropout adds to the cheaper rival; ``by_count`` is one nested draw.
    """

    images: int
    samples: int
    seed: int
    masks: MaskKind
    temperature: float
    scores: dict[str, dict[str, float]]
    differences: dict[str, dict[str, Difference]]
    beyond_temperature: dict[str, Difference]
    by_count: tuple[CountScores, ...]
    reliability: dict[str, tuple[ReliabilityBin, ...]]
    risk_coverage: dict[str, tuple[RiskCoverage, ...]]


def compare(
    network: nn.Sequential,
    images: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    samples: int,
    seed: int,
) -> Comparison:
    """Predict the images in three ways and judge the differences.

    temperature: fitted on other images by ``fit_temperature``. Further arguments as in
    ``sample_logits``; the bootstrap draws from the same seed.

    Raises:
        InputError: as ``sample_logits``, and for labels that do not match the images.
    """
    require_labels(images, labels)
    if not temperature > 0:
        raise InputError(f"the temperature must be above 0, got {temperature}")
    averaged = monte_carlo_averages(network, images, samples=samples, seed=seed)
    logits = deterministic_logits(network, images)
    predictions = {
        DETERMINISTIC: logits.log_softmax(-1),
        MONTE_CARLO: averaged[samples],
        TEMPERATURE: scaled_log_probabilities(logits, temperature),
    }
    resampled = {
        name: resampled_measures(values, labels, seed) for name, values in predictions.items()
    }
    by_count = {count: scores_of(values, labels) for count, values in averaged.items()}
    return Comparison(
        images=len(images),
        samples=samples,
        seed=seed,
        masks="shared",
        temperature=temperature,
        scores={name: scores_of(values, labels) for name, values in predictions.items()},
        differences={
            other: paired_differences(
                resampled[DETERMINISTIC], resampled[other], images=len(images)
            )
            for other in (MONTE_CARLO, TEMPERATURE)
        },
        beyond_temperature=paired_differences(
            resampled[TEMPERATURE], resampled[MONTE_CARLO], images=len(images)
        ),
        by_count=tuple(
            CountScores(count, scores["accuracy"], scores["nll"])
            for count, scores in by_count.items()
        ),
        reliability={name: reliability(values, labels) for name, values in predictions.items()},
        risk_coverage={name: risk_coverage(values, labels) for name, values in predictions.items()},
    )


def monte_carlo_averages(
    network: nn.Sequential, images: Tensor, *, samples: int, seed: int
) -> dict[int, Tensor]:
    """Averaged log-probabilities (images, classes) of the first 1, 2, 5, … and of all samples."""
    blocks = logit_blocks(network, images, samples=samples, seed=seed)
    counts = [*(count for count in SAMPLE_COUNTS if count < samples), samples]
    averaged = [log_probabilities_by_count(block, counts) for block in blocks]
    whole = [torch.cat(parts) for parts in zip(*averaged, strict=True)]
    return dict(zip(counts, whole, strict=True))


def deterministic_logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (images, classes) of one pass in evaluation mode; modes are restored."""
    with evaluation_mode(model), torch.no_grad():
        return torch.cat([model(block) for block in torch.split(images, IMAGES_PER_PASS)])
