"""Is one prediction better than another? A paired bootstrap over the images gives the verdict."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from lightning_cifar.uncertainty.scores import MEASURES, require_labels, weighted_measures
from lightning_cifar.uncertainty.weighted import graded

RESAMPLES = 2000
RESAMPLES_AT_ONCE = 50
COVERAGE = 0.95


@dataclass(frozen=True)
class Difference:
    """A measure's difference from the baseline, its 95 % interval, and what that means."""

    value: float
    low: float
    high: float
    verdict: str


def paired_differences(
    baseline: Mapping[str, Tensor], other: Mapping[str, Tensor], *, images: int
) -> dict[str, Difference]:
    """Differences (other - baseline) of every measure, by its key.

    Both come from ``resampled_measures`` for the same images and seed: the 2,000 resamples are
    shared, so what is hard for both does not blur the difference. The interval is over images
    only; it says nothing about another training run.
    """
    return {
        measure.key: difference_of(
            other[measure.key] - baseline[measure.key],
            higher_is_better=measure.higher_is_better,
            images=images,
        )
        for measure in MEASURES
    }


def resampled_measures(log_probabilities: Tensor, labels: Tensor, seed: int) -> dict[str, Tensor]:
    """Each measure of the set itself and then of its resamples, (1 + resamples,), by its key.

    log_probabilities: (images, classes). labels: (images,).

    Raises:
        InputError: no images, or labels that do not match.
    """
    require_labels(log_probabilities, labels)
    measures = weighted_measures(graded(log_probabilities, labels))
    itself = torch.ones(1, len(labels), dtype=torch.float64)
    values: dict[str, list[Tensor]] = {key: [] for key in measures}
    for weights in chain([itself], resample_weights(len(labels), RESAMPLES, seed)):
        for key, measure in measures.items():
            values[key].append(measure(weights))
    return {key: torch.cat(parts) for key, parts in values.items()}


def resample_weights(images: int, resamples: int, seed: int) -> Iterator[Tensor]:
    """How often each image is drawn, (resamples, images), in chunks that fit a cache."""
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, resamples, RESAMPLES_AT_ONCE):
        rows = min(RESAMPLES_AT_ONCE, resamples - start)
        drawn = torch.randint(images, (rows, images), generator=generator)
        weights = torch.zeros(rows, images, dtype=torch.float64)
        yield weights.scatter_add_(1, drawn, torch.ones_like(weights))


def difference_of(values: Tensor, *, higher_is_better: bool, images: int) -> Difference:
    """The difference ``values[0]`` with the interval of the resampled ones that follow it."""
    value = float(values[0])
    # A resample without any error has no AUROC; it says nothing and is left out.
    defined = values[1:][~values[1:].isnan()]
    # Nor do the resamples of a lone image, which are all alike.
    shows = images > 1 and len(defined) > 0
    low, high = widened_interval(value, defined) if shows else (math.nan, math.nan)
    verdict = verdict_of(low, high, higher_is_better=higher_is_better, images=images)
    return Difference(value, low, high, verdict)


def widened_interval(value: float, resampled: Tensor) -> tuple[float, float]:
    """The basic 95 % interval (Davison and Hinkley 1997, section 5.2), widened by the bias.

    The basic interval mirrors the resampled values at the value. A calibration error is a sum of
    absolute values: noise makes it larger, resampling more so, and plain percentiles can all lie
    beside the truth. Mirroring takes this bias back, but at its estimate, which is of the bias's
    own size: hence the same amount on both sides. For the other measures the bias is next to 0.
    """
    tail = (1 - COVERAGE) / 2
    below, above = float(resampled.quantile(tail)), float(resampled.quantile(1 - tail))
    bias = abs(float(resampled.mean()) - value)
    return 2 * value - above - bias, 2 * value - below + bias


def verdict_of(low: float, high: float, *, higher_is_better: bool, images: int) -> str:
    """Better, worse, or no difference that this many images can show, from the interval."""
    if low > 0:
        return "better" if higher_is_better else "worse"
    if high < 0:
        return "worse" if higher_is_better else "better"
    return f"no difference that {images:,} images can show"
