import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st

from lightning_cifar.standardise import Standardise


def statistics_and_images(seed):
    generator = torch.Generator().manual_seed(seed)
    mean = 255 * torch.rand(3, 32, 32, generator=generator)
    deviation = 1 + 80 * torch.rand(3, 32, 32, generator=generator)
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return mean, deviation, images


def standardises(make):
    """``make(mean, deviation)`` returns a function of images that is (pixel - mean) / deviation."""

    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed):
        mean, deviation, images = statistics_and_images(seed)
        expected = (images.double() - mean.double()) / deviation.double()
        result = make(mean, deviation)(images)
        assert result.dtype == torch.float32
        # Both terms are at most 255 in units of a deviation of at least 1: float32 is off by 1e-4.
        assert torch.allclose(result.double(), expected, rtol=0, atol=1e-4)

    return check


def adopted(mean, deviation):
    standardise = Standardise()
    standardise.adopt(mean, deviation)
    return standardise


def test_pixels_are_standardised_position_by_position():
    standardises(adopted)()


def test_control_other_formulas_are_rejected():
    def multiplied(mean, deviation):
        return lambda images: (images - mean) * deviation

    def unshifted(mean, deviation):
        return lambda images: images / deviation

    def per_image(mean, deviation):
        return lambda images: (images - images.float().mean()) / images.float().std()

    def twice(mean, deviation):
        once = adopted(mean, deviation)
        return lambda images: once(once(images))

    for mutant in (multiplied, unshifted, per_image, twice):
        assert_rejects(standardises(mutant))


def test_fresh_instance_changes_the_type_alone():
    images = statistics_and_images(0)[2]
    assert torch.equal(Standardise()(images), images.float())


def test_statistics_travel_in_the_state():
    mean, deviation, images = statistics_and_images(1)
    first, second = adopted(mean, deviation), Standardise()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(images), second(images))


def test_statistics_are_not_trained():
    assert list(Standardise().parameters()) == []


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_pixels_may_have_any_type(dtype):
    mean, deviation, images = statistics_and_images(2)
    standardise = adopted(mean, deviation)
    assert torch.equal(standardise(images.to(dtype)), standardise(images))


def test_the_images_of_a_stacks_members_are_standardised_alike():
    mean, deviation, images = statistics_and_images(0)
    standardise = adopted(mean, deviation).double()
    both = torch.stack([images, images.flip(0)])
    found = standardise(both)
    assert found.dtype == torch.float64
    assert found.equal(torch.stack([standardise(each) for each in both]))
    assert found[0].equal(found[1].flip(0))
    assert not found[0].equal(found[1])


def test_fresh_statistics_are_those_of_nobody():
    mean, deviation, _ = statistics_and_images(0)
    assert Standardise().is_fresh()
    assert not adopted(mean, deviation).is_fresh()
    assert not adopted(0 * mean, deviation).is_fresh()
    assert not adopted(mean, 0 * deviation + 1).is_fresh()
