import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from image_examples import random_images

from lightning_cifar.data.statistics import Standardisation, measure

ROUNDING = 2e-7  # relative, of a float32


def reference(images, kind):
    """The textbook's definition, in float64."""
    dims = (0,) if kind == "per_pixel" else (0, 2, 3)
    pixels = images.double()
    mean, variance = pixels.mean(dims, keepdim=True), pixels.var(dims, correction=0, keepdim=True)
    return mean.expand(1, 3, 32, 32)[0], variance.sqrt().clamp(min=1).expand(1, 3, 32, 32)[0]


def agrees_with_the_definition(implementation):
    @given(
        st.integers(1, 300),
        st.integers(0, 2**32 - 1),
        st.sampled_from(["per_pixel", "per_channel"]),
    )
    def check(count, seed, kind):
        images = random_images(count, seed).images // torch.arange(1, 4)[:, None, None].byte()
        mean, deviation = reference(images, kind)
        result = implementation(images, kind)
        torch.testing.assert_close(result.mean.double(), mean, rtol=ROUNDING, atol=0)
        torch.testing.assert_close(result.deviation.double(), deviation, rtol=ROUNDING, atol=0)

    return check


def divides_by_one_less(images, kind):
    right = measure(images, kind)
    return Standardisation(
        right.mean, right.deviation * (len(images) / (len(images) - 0.999)) ** 0.5
    )


def mean_of_images_deviations(images, kind):
    deviations = images.double().std((2, 3), correction=0).mean(0)[:, None, None]
    return Standardisation(measure(images, kind).mean, deviations.expand(3, 32, 32).float())


def test_statistics_are_those_of_the_definition():
    agrees_with_the_definition(measure)()


@pytest.mark.parametrize("mutant", [divides_by_one_less, mean_of_images_deviations])
def test_check_of_the_definition_can_fail(mutant):
    assert_rejects(agrees_with_the_definition(mutant))


def test_standardised_images_have_mean_zero_and_deviation_one():
    images = random_images(500).images
    result = measure(images, "per_pixel")
    standardised = (images.double() - result.mean) / result.deviation
    assert standardised.mean(0).abs().max() < 1e-6
    assert (standardised.std(0, correction=0) - 1).abs().max() < 1e-6


def test_per_channel_is_one_number_per_channel():
    result = measure(random_images(20).images, "per_channel")
    assert result.mean.flatten(1).unique(dim=1).shape == (3, 1)
    assert result.deviation.flatten(1).unique(dim=1).shape == (3, 1)


def test_none_changes_nothing():
    result = measure(random_images(20).images, "none")
    assert result.mean.equal(torch.zeros(3, 32, 32))
    assert result.deviation.equal(torch.ones(3, 32, 32))


def test_constant_pixels_have_deviation_one():
    images = random_images(20).images
    images[:, 1] = 77
    result = measure(images, "per_pixel")
    assert result.mean[1].equal(torch.full((32, 32), 77.0))
    assert result.deviation[1].equal(torch.ones(32, 32))


def test_sums_are_exact_at_their_largest():
    # All white: in float32 without small chunks, sums of squares beyond 2**24 would be rounded.
    images = torch.full((1000, 3, 32, 32), 255, dtype=torch.uint8)
    images[0] = 0
    expected = 255 * (999 / 1_000_000) ** 0.5
    assert measure(images, "per_pixel").deviation[0, 0, 0].item() == pytest.approx(
        expected, rel=1e-6
    )
