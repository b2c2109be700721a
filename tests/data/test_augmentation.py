import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from image_examples import random_images
from seeded import seeded
from torchvision.transforms.v2 import functional

from lightning_cifar.data.augmentation import Augmentation

BATCH = 64


def augment(images, *, generator, flip, shift):
    return Augmentation(flip, shift).apply(images, generator)


def variants_of(image, *, flip, shift):
    """Every image that flipping and shifting may make of one, by torchvision's own crop."""
    images = [image, functional.horizontal_flip(image)] if flip else [image]
    padded = [
        functional.pad(each, [shift], padding_mode="reflect") if shift else each for each in images
    ]
    corners = range(2 * shift + 1)
    return [
        functional.crop(each, y, x, 32, 32) for each in padded for y in corners for x in corners
    ]


def each_image_is_a_variant_of_itself(implementation):
    @given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 2))
    def check(seed, flip, shift):
        images = random_images(4, seed).images
        result = implementation(images, generator=seeded(seed), flip=flip, shift=shift)
        assert (result.shape, result.dtype) == (images.shape, images.dtype)
        for before, after in zip(images, result, strict=True):
            variants = variants_of(before, flip=flip, shift=shift)
            assert any(after.equal(variant) for variant in variants)

    return check


def upside_down(images, *, generator, flip, shift):
    return images.flip(2) if flip else images


def rolled(images, *, generator, flip, shift):
    return images.roll(shift, dims=3)


def test_images_are_flipped_and_shifted():
    each_image_is_a_variant_of_itself(augment)()


@pytest.mark.parametrize("mutant", [upside_down, rolled])
def test_check_of_variants_can_fail(mutant):
    assert_rejects(each_image_is_a_variant_of_itself(mutant))


def every_image_has_its_own_draw(implementation):
    """In a batch of equal images: one draw for all would leave them equal.

    By chance, 64 fair coins agree with probability 2**-63, and 64 pairs of shifts show fewer than
    20 of 81 values with less than that.
    """
    images = random_images(1).images.expand(BATCH, 3, 32, 32)
    flipped = implementation(images, generator=seeded(0), flip=True, shift=0)
    assert len(flipped.unique(dim=0)) == 2
    shifted = implementation(images, generator=seeded(0), flip=False, shift=4)
    assert len(shifted.unique(dim=0)) >= 20


def one_draw_for_all(images, *, generator, flip, shift):
    first = augment(images[:1], generator=generator, flip=flip, shift=shift)
    return first.expand(images.shape)


def test_every_image_has_its_own_draw():
    every_image_has_its_own_draw(augment)


def test_check_of_own_draws_can_fail():
    with pytest.raises(AssertionError):
        every_image_has_its_own_draw(one_draw_for_all)


def test_flips_are_fair():
    images = random_images(1).images.expand(1000, 3, 32, 32)
    result = augment(images, generator=seeded(0), flip=True, shift=0)
    flips = int((result != images).flatten(1).any(1).sum())
    assert abs(flips - 500) < 5 * 1000**0.5 / 2  # five standard errors, for one fixed seed


def test_every_shift_occurs():
    images = random_images(1).images
    result = augment(images.expand(1000, 3, 32, 32), generator=seeded(0), flip=False, shift=2)
    assert len(result.unique(dim=0)) == 25


def test_draws_come_from_the_generator_alone():
    images = random_images(BATCH).images
    torch.rand(1)
    first, again, other = (
        augment(images, generator=seeded(seed), flip=True, shift=4) for seed in (0, 0, 1)
    )
    assert first.equal(again)
    assert not first.equal(other)


def test_neither_flip_nor_shift_changes_anything():
    images = random_images(BATCH).images
    assert augment(images, generator=seeded(0), flip=False, shift=0) is images
