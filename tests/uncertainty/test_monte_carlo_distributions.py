"""The samples have the right distribution, whichever way the masks are shared."""

import math

import pytest
import torch
from controls import assert_rejects
from dropout_networks import (
    FALSE_ALARM,
    SAMPLERS,
    STANDARD_ERRORS,
    cached_per_image,
    cached_shared,
    images_from,
    network_with,
    one_mask_for_all_samples,
    passes_in,
    whole_model_in_training,
)
from torch import nn

from lightning_cifar.uncertainty import masks
from lightning_cifar.uncertainty.monte_carlo import (
    naive_logits,
)


def mean_and_variance_of_a_linear_layer(sample):
    """Dropout then Linear: mean w·x, variance p/(1-p) sum (w x)^2, per image.

    Every assertion has the false-alarm rate 1e-9; a rate of 0.7 in place of 0.3 moves the
    variance by a factor of 5, a missing scale the mean by 30 %.
    """

    def check():
        generator = torch.Generator().manual_seed(5)
        linear = nn.Linear(12, 1, bias=False, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.normal_(generator=generator)
        network, images = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), linear), images_from(6, 4)
        draws = sample(network, images, samples=10_000, seed=0)[..., 0]
        terms = images.flatten(1) * linear.weight
        mean, variance = terms.sum(1), 0.3 / 0.7 * terms.square().sum(1)
        error = (variance / 10_000).sqrt()
        assert ((draws.mean(1) - mean).abs() < STANDARD_ERRORS * error).all()
        # Kept or dropped at 0.3 has a kurtosis below 3, hence so has a sum of such terms.
        error = variance * math.sqrt(2 / 10_000)
        assert ((draws.var(1) - variance).abs() < STANDARD_ERRORS * error).all()

    return check


@pytest.mark.parametrize("sample", SAMPLERS)
def test_samples_have_the_mean_and_variance_of_the_theory(sample):
    mean_and_variance_of_a_linear_layer(sample)()


@pytest.mark.parametrize(
    "mutant",
    [
        lambda rate: masks.UnitRule(1 - rate, 1 / rate, 0.0, 0.0),
        lambda rate: masks.UnitRule(rate, 1.0, 0.0, 0.0),
    ],
    ids=["other rate", "no scale"],
)
def test_a_wrong_mean_or_variance_is_caught(mutant, monkeypatch):
    monkeypatch.setattr(masks, "plain_rule", mutant)
    assert_rejects(mean_and_variance_of_a_linear_layer(cached_shared))


DRAWS = 2000
# Dvoretzky, Kiefer, Wolfowitz and Massart, each sample half the bound: 40 comparisons (2 kinds,
# 5 images, 4 logits) of 2 samples err with 2 exp(-2 n (bound / 2)^2) each.
# Detects a Kolmogorov distance of 0.33 with the same certainty.
KOLMOGOROV_BOUND = 2 * math.sqrt(math.log(160 / FALSE_ALARM) / (2 * DRAWS))


def kolmogorov_distance(first, second):
    """The largest gap between two empirical distribution functions, along the first axis."""
    both = torch.cat([first, second]).sort(dim=0)
    steps = torch.where(both.indices < len(first), 1 / len(first), -1 / len(second))
    return steps.cumsum(0).abs().amax(0)


def distributed_as(sample, reference):
    def check():
        for dropout in (nn.Dropout, nn.AlphaDropout):
            images = images_from(0)
            first = sample(network_with(dropout), images, samples=DRAWS, seed=1)
            second = reference(network_with(dropout), images, samples=DRAWS, seed=2)
            distances = kolmogorov_distance(first.transpose(0, 1), second.transpose(0, 1))
            assert distances.max() < KOLMOGOROV_BOUND

    return check


@pytest.mark.parametrize("reference", [cached_per_image, naive_logits])
def test_shared_masks_give_each_image_the_same_distribution(reference):
    distributed_as(cached_shared, reference)()


@pytest.mark.parametrize(
    "mutant",
    [one_mask_for_all_samples, passes_in(whole_model_in_training)],
    ids=["one mask", "training"],
)
def test_another_distribution_is_caught(mutant):
    assert_rejects(distributed_as(mutant, naive_logits))
