"""What an ensemble is worth: its measures beside those of its members, and paired differences."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.uncertainty.bootstrap import (
    Difference,
    paired_differences,
    resampled_measures,
)
from lightning_cifar.uncertainty.evaluation import logits_of, monte_carlo_mean
from lightning_cifar.uncertainty.measures import log_mean
from lightning_cifar.uncertainty.scores import scores_of
from lightning_cifar.uncertainty.temperature import fit_temperature, scaled_log_probabilities

ENSEMBLE, TEMPERATURE, MONTE_CARLO = "ensemble", "ensemble_temperature", "ensemble_monte_carlo"


@dataclass(frozen=True)
class EnsembleTest:
    """The figures of one test of an ensemble.

    Attributes:
        images: how many test images, and in ``validation`` how many the temperature was fitted on.
        temperature: of the ensemble; None where its members share no validation images.
        samples: of Monte Carlo dropout from each member; None without.
        members: the measures of each member alone, in their order.
        scores: the measures of the ensemble, by the names above.
        differences: the same less the mean of the members, measure by measure.
        log_probabilities: of the ensemble, (images, classes).
    """

    images: int
    validation: int
    temperature: float | None
    samples: int | None
    seed: int
    members: tuple[dict[str, float], ...]
    scores: dict[str, dict[str, float]]
    differences: dict[str, dict[str, Difference]]
    log_probabilities: Tensor


def judge(
    classifiers: Sequence[DenseClassifier],
    test: LabelledImages,
    validation: LabelledImages | None,
    *,
    samples: int | None,
    seed: int,
) -> EnsembleTest:
    """Predict the test images with every member and with all of them together.

    validation: images that trained no member, on which the temperature is fitted.
    samples: of Monte Carlo dropout from each member, in addition; its masks and the bootstrap draw
    from ``seed``.

    Raises:
        InputError: samples of a member without active dropout, or fewer than one.
    """
    alone = [logits_of(each, test.images).log_softmax(-1) for each in classifiers]
    ways = {ENSEMBLE: averaged(alone)}
    temperature = None
    if validation is not None:
        held_out = averaged(
            [logits_of(each, validation.images).log_softmax(-1) for each in classifiers]
        )
        # Of averaged probabilities the logarithm takes the place of logits (Guo et al. 2017).
        temperature = fit_temperature(held_out, validation.labels)
        ways[TEMPERATURE] = scaled_log_probabilities(ways[ENSEMBLE], temperature)
    if samples is not None:
        ways[MONTE_CARLO] = averaged(
            [
                monte_carlo_mean(each, test.images, samples=samples, seed=seed)
                for each in classifiers
            ]
        )
    by_member = [resampled_measures(each, test.labels, seed) for each in alone]
    mean = {key: torch.stack([each[key] for each in by_member]).mean(0) for key in by_member[0]}
    return EnsembleTest(
        images=len(test),
        validation=0 if validation is None else len(validation),
        temperature=temperature,
        samples=samples,
        seed=seed,
        members=tuple(scores_of(each, test.labels) for each in alone),
        scores={name: scores_of(each, test.labels) for name, each in ways.items()},
        differences={
            name: paired_differences(
                mean, resampled_measures(each, test.labels, seed), images=len(test)
            )
            for name, each in ways.items()
        },
        log_probabilities=ways[ENSEMBLE],
    )


def averaged(members: Sequence[Tensor]) -> Tensor:
    """Log of the mean of the members' probabilities, each (images, classes)."""
    return log_mean(torch.stack(list(members), dim=-1))
