"""Corruptions: what each formula promises, for whole batches at once; and controls for each."""

import io
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from controls import assert_rejects
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lightning_cifar.data.synthetic import draw
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import corruptions
from lightning_cifar.uncertainty.blurs import blurred, disc_kernel, gaussian_kernel, pixelated
from lightning_cifar.uncertainty.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from lightning_cifar.uncertainty.jpeg import compressed, cosines

NOISES = ("gaussian_noise", "shot_noise")
WITH_IDENTITY = [kind for kind, each in CORRUPTIONS.items() if each.identity is not None]
SEEDS = st.integers(0, 2**32 - 1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def images():
    """Drawn shapes beside images of noise: with and without structure."""
    drawn = draw(24, 0, part=0).images
    noise = torch.randint(256, (8, 3, 32, 32), generator=generator(1), dtype=torch.uint8)
    return torch.cat([drawn, noise])


def grey(level, count=64):
    return torch.full((count, 3, 32, 32), level, dtype=torch.uint8)


def damage(images, kind, strength):
    changed = corrupt(images, kind, strength, generator(strength))
    return float((changed.float() - images.float()).square().mean())


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("size", [8, 32, 33])
def test_images_keep_their_shape_and_type(kind, size):
    images = torch.randint(256, (3, 3, size, size), generator=generator(), dtype=torch.uint8)
    before = images.clone()
    for strength in STRENGTHS:
        changed = corrupt(images, kind, strength, generator())
        assert (changed.shape, changed.dtype) == (images.shape, torch.uint8)
        assert not torch.equal(changed, images)
    assert torch.equal(images, before)


@pytest.mark.parametrize("kind", WITH_IDENTITY)
def test_strength_0_changes_nothing(images, kind):
    assert torch.equal(corrupt(images, kind, 0, generator()), images)


def grows(kind, images):
    def check():
        found = [damage(images, kind, strength) for strength in STRENGTHS]
        assert all(one * 1.05 < other for one, other in pairwise(found)), found
        assert found[0] > 0.5

    return check


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_damage_grows_with_strength(images, kind, monkeypatch):
    drawn = images[:24]
    grows(kind, drawn)()
    found = CORRUPTIONS[kind]
    backwards = corruptions.Corruption(
        found.parameters[::-1], found.identity, found.parameter, found.change
    )
    monkeypatch.setitem(CORRUPTIONS, kind, backwards)
    assert_rejects(grows(kind, drawn))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_the_same_state_of_the_generator_gives_the_same_images(images, kind):
    torch.manual_seed(1)
    first = corrupt(images, kind, 3, generator(5))
    torch.manual_seed(2)
    assert torch.equal(first, corrupt(images, kind, 3, generator(5)))
    other = corrupt(images, kind, 3, generator(6))
    assert torch.equal(first, other) == (kind not in NOISES)


def depends_on_itself_alone(kind, images, change=corrupt):
    """An image in a batch becomes what it becomes alone."""

    def check():
        together = change(images, kind, 4, generator())
        for index in (0, 5, 30):
            alone = change(images[index : index + 1], kind, 4, generator())
            # The last bit of a product depends on the batch: a grey level, where it is rounded.
            assert int((together[index].int() - alone[0].int()).abs().max()) <= 1

    return check


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind not in NOISES])
def test_images_of_a_batch_do_not_touch_each_other(images, kind):
    depends_on_itself_alone(kind, images)()


def test_control_a_contrast_about_the_mean_of_the_batch_is_rejected(images, monkeypatch):
    def common(images, factor, generator):
        mean = images.mean((0, 2, 3), keepdim=True)
        return mean + factor * (images - mean)

    wrong = corruptions.Corruption((0.75, 0.5, 0.35, 0.2, 0.1), 1.0, "", common)
    monkeypatch.setitem(CORRUPTIONS, "contrast", wrong)
    assert_rejects(depends_on_itself_alone("contrast", images))


def has_moments(change, level, deviation):
    """On even grey, far from black and white: the mean stays, the deviation is the formula's."""

    def check():
        changed = change(grey(level)).double()
        error = deviation / math.sqrt(changed.numel())
        assert abs(float(changed.mean()) - level) < 5 * error
        # Rounding to whole levels adds a twelfth to the variance.
        expected = math.sqrt(deviation**2 + 1 / 12)
        assert float(changed.std()) == pytest.approx(expected, rel=0.02)

    return check


@pytest.mark.parametrize("strength", [1, 2])
def test_noise_has_the_mean_and_the_deviation_of_its_formula(strength):
    level = 128
    sigma = CORRUPTIONS["gaussian_noise"].parameters[strength - 1]
    scale = CORRUPTIONS["shot_noise"].parameters[strength - 1]
    for kind, deviation in (
        ("gaussian_noise", 255 * sigma),
        ("shot_noise", 255 * math.sqrt(level / 255 * scale)),
    ):
        has_moments(
            lambda x, kind=kind: corrupt(x, kind, strength, generator(3)), level, deviation
        )()
        lighter = lambda x, kind=kind: corrupt(x, kind, strength, generator(3)) + 1  # noqa: E731
        assert_rejects(has_moments(lighter, level, deviation))
        assert_rejects(
            has_moments(lambda x, kind=kind: corrupt(x, kind, 4, generator(3)), level, deviation)
        )


@pytest.mark.parametrize("kind", ["gaussian_noise", "brightness"])
def test_pixels_stay_between_black_and_white(kind):
    """None beyond white starts again at black, nor the other way round."""
    white = corrupt(torch.full((8, 3, 16, 16), 255, dtype=torch.uint8), kind, 5, generator())
    assert (white == 255).double().mean() > 0.4
    assert (white < 60).double().mean() < 0.01
    if kind == "gaussian_noise":
        black = corrupt(torch.zeros(8, 3, 16, 16, dtype=torch.uint8), kind, 3, generator())
        assert (black == 0).double().mean() > 0.4
        assert black.max() < 200


def keeps_the_mean(kind, images):
    def check():
        for strength in STRENGTHS:
            changed = corrupt(images, kind, strength, generator())
            difference = changed.float().mean((2, 3)) - images.float().mean((2, 3))
            assert float(difference.abs().max()) < 0.75

    return check


def padded(images):
    """The images in a wide frame of grey, so that blurs meet no edge."""
    return torch.nn.functional.pad(images[:, :, 8:-8, 8:-8], [8] * 4, value=100)


@pytest.mark.parametrize("kind", ["gaussian_blur", "defocus_blur", "contrast"])
def test_means_of_colours_stay(images, kind):
    keeps_the_mean(kind, padded(images))()
    assert_rejects(keeps_the_mean("brightness", padded(images)))


def is_piecewise_even(pixels, shrink):
    """Halving twice gives blocks of four by four; any share keeps the means of whole images."""

    def check():
        blocks = torch.nn.functional.avg_pool2d(pixels, 4).repeat_interleave(4, 2)
        assert torch.allclose(shrink(pixels, 0.25), blocks.repeat_interleave(4, 3), atol=1e-3)
        for share in CORRUPTIONS["pixelate"].parameters:
            means = shrink(pixels, share).mean((2, 3))
            assert torch.allclose(means, pixels.mean((2, 3)), atol=1e-3)

    return check


def enlarged_areas(pixels, share):
    """Areas that overlap weigh some pixels more than others."""
    small = torch.nn.functional.interpolate(pixels, scale_factor=share, mode="area")
    return torch.nn.functional.interpolate(small, size=pixels.shape[2:], mode="nearest")


def test_cells_have_one_colour_and_images_their_mean(images):
    is_piecewise_even(images.float(), pixelated)()
    assert_rejects(is_piecewise_even(images.float(), enlarged_areas))


@settings(max_examples=30)
@given(deviation=st.just(0.0) | st.floats(0.01, 3), radius=st.floats(0, 4))
def test_kernels_are_symmetric_and_sum_to_one(deviation, radius):
    for kernel in (gaussian_kernel(deviation), disc_kernel(radius)):
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
        assert torch.allclose(kernel, kernel.flip(0))
        assert torch.allclose(kernel, kernel.T)
        assert kernel.shape[0] % 2 == 1
        assert float(kernel.min()) >= 0


def test_kernels_have_the_spread_of_their_names():
    """Variance along an axis: sigma² of a normal density, a quarter of r² of a disc."""
    for kernel, variance in ((gaussian_kernel(1.5), 1.5**2), (disc_kernel(3.0), 9 / 4)):
        place = torch.arange(len(kernel)) - len(kernel) // 2
        found = float((kernel.sum(0) * place**2).sum())
        # A pixel is a square of variance 1/12; three deviations hold all but a hundredth.
        assert found == pytest.approx(variance, abs=0.12)


def test_a_point_is_smeared_into_the_kernel():
    point = torch.zeros(1, 3, 15, 15)
    point[0, 1, 7, 7] = 1
    smeared = blurred(point, gaussian_kernel(1.0))
    assert torch.allclose(smeared[0, 1, 4:11, 4:11], gaussian_kernel(1.0), atol=1e-7)
    assert float(smeared[0, 0].abs().max()) == 0


def hue_and_saturation(images):
    import colorsys

    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3).double() / 255
    return [colorsys.rgb_to_hsv(*pixel) for pixel in pixels.tolist()]


def test_brightness_raises_the_value_and_keeps_the_hue(images):
    some = images[:2, :, :8, :8].clone()
    some[0, :, 0, 0] = 0
    added = CORRUPTIONS["brightness"].parameters[1]
    before = hue_and_saturation(some)
    after = hue_and_saturation(corrupt(some, "brightness", 2, generator()))
    for (hue, saturation, value), (new_hue, new_saturation, new_value) in zip(
        before, after, strict=True
    ):
        assert new_value == pytest.approx(min(1, value + added), abs=0.005)
        if value > 0.2:
            assert new_saturation == pytest.approx(saturation, abs=0.02)
        if value > 0.2 and saturation > 0.3:
            assert min(abs(new_hue - hue), 1 - abs(new_hue - hue)) < 0.02


def by_pillow(images, quality):
    """Through a file, by the reference implementation, with all colours at full resolution."""
    found = []
    for pixels in images:
        file = io.BytesIO()
        picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
        picture.save(file, "JPEG", quality=quality, subsampling=0)
        found.append(torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1))
    return torch.stack(found).float()


def agrees_with_pillow(quality, images, asked=None):
    def check():
        ours = compressed(images.float(), asked or quality).round()
        difference = (ours - by_pillow(images, quality)).abs()
        # A coefficient halfway between two steps may be rounded either way.
        assert float((difference > 3).double().mean()) < 0.05
        assert float(difference.mean()) < 1

    return check


@pytest.mark.parametrize("quality", [95, 50, 20, 7])
def test_compression_is_that_of_jpeg(images, quality):
    agrees_with_pillow(quality, images)()
    assert_rejects(agrees_with_pillow(quality, images, asked=quality + 2))


def test_a_width_that_is_no_multiple_of_eight_is_compressed_too():
    images = draw(4, 3, part=0).images[:, :, :29, :27]
    agrees_with_pillow(30, images.contiguous())()


def test_cosines_are_orthonormal():
    assert torch.allclose(cosines() @ cosines().T, torch.eye(8), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "strength", "message"),
    [
        ("fog", 1, "unknown corruption 'fog'; there are gaussian_noise, "),
        ("contrast", 6, "the strength of contrast must be from 0 to 5, got 6"),
        ("contrast", -1, "from 0 to 5, got -1"),
        ("jpeg", 0, "the strength of jpeg must be from 1 to 5, got 0"),
    ],
)
def test_unknown_kinds_and_strengths_are_refused(images, kind, strength, message):
    with pytest.raises(InputError, match=message):
        corrupt(images, kind, strength, generator())
