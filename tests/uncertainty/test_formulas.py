"""Kernels, tables and drawn images against their formulas, on a few pixels."""

import math

import pytest
import torch

from lightning_cifar.uncertainty import blurs, corruptions, foreign_images, jpeg


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("deviation", "side"), [(0, 1), (0.3, 3), (0.4, 5), (1.0, 7), (1.1, 9)])
def test_a_normal_kernel_by_its_formula(deviation, side):
    kernel = blurs.gaussian_kernel(deviation)
    assert kernel.shape == (side, side)
    reach = side // 2
    if deviation:
        ratio = math.exp(-(1 + reach**2) / (2 * deviation**2))
        assert float(kernel[0, reach + 1] / kernel[reach, reach]) == pytest.approx(ratio, rel=1e-4)
    assert float(kernel.sum()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("radius", "side"), [(0, 1), (0.5, 1), (0.51, 3), (1.5, 3), (1.51, 5), (2.5, 5)]
)
def test_a_disc_covers_its_pixels(radius, side):
    kernel = blurs.disc_kernel(radius)
    assert kernel.shape == (side, side)
    assert float(kernel.sum()) == pytest.approx(1)


def test_the_shares_of_pixels_in_a_disc_by_hand():
    """Radius 1: of a neighbour's area, 0.5 <= x <= sqrt(1 - y²) and |y| <= 0.5."""
    kernel = blurs.disc_kernel(1.0)
    neighbour = math.sin(math.pi / 3) / 2 + math.pi / 6 - 0.5
    assert float(kernel[1, 2] / kernel[1, 1]) == pytest.approx(neighbour, abs=0.01)
    corner = (math.pi - 1 - 4 * neighbour) / 4
    assert float(kernel[0, 0] / kernel[1, 1]) == pytest.approx(corner, abs=0.01)


def test_edges_are_reflected_under_a_kernel():
    images = torch.arange(12.0).reshape(1, 1, 3, 4).repeat(1, 2, 1, 1)
    images[:, 1] += 100
    kernel = torch.tensor([[0.0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]])
    found = blurs.blurred(images, kernel)
    # Half of the pixel to the left, half of the one below.
    assert found[0, 0].tolist() == [
        [2.5, 2.5, 3.5, 4.5],
        [6.5, 6.5, 7.5, 8.5],
        [6.5, 6.5, 7.5, 8.5],
    ]
    assert torch.equal(found[0, 1], found[0, 0] + 100)
    assert blurs.blurred(images, torch.ones(1, 1)) is not images
    assert torch.equal(blurs.blurred(images, torch.ones(1, 1)), images)


@pytest.mark.parametrize(
    ("side", "cells", "expected"),
    [(4, 2, [0, 0, 1, 1]), (5, 2, [0, 0, 0, 1, 1]), (4, 3, [0, 0, 1, 2]), (3, 1, [0, 0, 0])],
)
def test_cells_by_hand(side, cells, expected):
    found = blurs.cell_means(side, cells)
    values = torch.arange(float(side)) ** 2
    means = [
        sum(float(v) for v, c in zip(values, expected, strict=True) if c == cell)
        / expected.count(cell)
        for cell in expected
    ]
    assert (found @ values).tolist() == pytest.approx(means, abs=1e-5)


def test_a_pixelated_image_has_its_share_of_cells():
    images = torch.arange(24.0).reshape(1, 1, 4, 6)
    found = blurs.pixelated(images, 0.5)[0, 0]
    assert found[:, 0].tolist() == pytest.approx([3.5, 3.5, 15.5, 15.5])
    assert found[0].tolist() == pytest.approx([3.5, 3.5, 5.5, 5.5, 7.5, 7.5])
    whole = blurs.pixelated(images, 0.01)
    assert torch.allclose(whole, torch.full_like(images, 11.5))
    assert torch.allclose(blurs.pixelated(images, 1.0), images)


@pytest.mark.parametrize(
    ("quality", "scale"), [(1, 5000), (7, 714), (25, 200), (49, 102), (50, 100), (51, 98), (90, 20)]
)
def test_tables_are_scaled_as_libjpeg_does(quality, scale):
    luminance, *chrominance = jpeg.tables(quality).tolist()
    for found, base in (
        (luminance, jpeg.LUMINANCE),
        *((each, jpeg.CHROMINANCE) for each in chrominance),
    ):
        for row, steps in zip(found, base, strict=True):
            assert row == [min(255, max(1, (step * scale + 50) // 100)) for step in steps]
    assert len(chrominance) == 2
    assert jpeg.tables(100).unique().tolist() == [1]


def test_cosines_by_their_formula():
    for frequency in range(8):
        for place in range(8):
            scale = math.sqrt((2 if frequency else 1) / 8)
            value = scale * math.cos(math.pi * (place + 0.5) * frequency / 8)
            assert float(jpeg.cosines()[frequency, place]) == pytest.approx(value, abs=1e-6)


def test_blocks_are_taken_apart_and_put_together():
    planes = torch.arange(2 * 3 * 16 * 24.0).reshape(2, 3, 16, 24)
    blocks = jpeg.transformed(planes, torch.eye(8))
    assert blocks.shape == (2, 3, 2, 3, 8, 8)
    assert torch.equal(blocks[1, 2, 1, 0], planes[1, 2, 8:, :8])
    assert torch.equal(jpeg.together(blocks), planes)


@pytest.mark.parametrize("level", [0, 60, 250])
def test_even_grey_survives_compression(level):
    """Its only coefficient is 8 times the distance from 128, rounded to the first step."""
    images = torch.full((1, 3, 9, 13), float(level))
    found = jpeg.compressed(images, 50)
    assert found.shape == images.shape
    expected = min(255, max(0, 128 + round((level - 128) * 8 / 16) * 16 / 8))
    assert found.unique().numel() < 4
    assert float(found.mean()) == pytest.approx(expected, abs=0.51)


def uint8(*values):
    return torch.tensor(values, dtype=torch.uint8).reshape(1, 3, 1, -1)


@pytest.mark.parametrize(
    ("kind", "strength", "before", "after"),
    [
        ("contrast", 2, [0, 100, 50, 50, 10, 250], [25, 75, 50, 50, 70, 190]),
        ("contrast", 0, [0, 100, 50, 50, 10, 250], [0, 100, 50, 50, 10, 250]),
        # The value is raised by 0.2 of white, 51; hue and saturation stay.
        ("brightness", 2, [102, 0, 51, 0, 0, 0], [153, 51, 76, 51, 0, 51]),
        ("brightness", 5, [204, 255, 102, 0, 0, 255], [255, 255, 128, 0, 0, 255]),
        ("pixelate", 5, [0, 100, 50, 50, 10, 250], [50, 50, 50, 50, 130, 130]),
    ],
)
def test_corrupted_pixels_by_hand(kind, strength, before, after):
    found = corruptions.corrupt(uint8(*before), kind, strength, generator())
    assert found.dtype == torch.uint8
    assert found.flatten().tolist() == pytest.approx(after, abs=1)


@pytest.mark.parametrize("strength", [1, 3, 5])
def test_noise_is_drawn_from_its_generator(strength):
    images = torch.full((2, 3, 4, 4), 128, dtype=torch.uint8)
    deviation = corruptions.CORRUPTIONS["gaussian_noise"].parameters[strength - 1]
    drawn = 128 + 255 * deviation * torch.randn((2, 3, 4, 4), generator=generator())
    found = corruptions.corrupt(images, "gaussian_noise", strength, generator())
    assert torch.equal(found, drawn.round().clamp(0, 255).to(torch.uint8))
    photon = corruptions.CORRUPTIONS["shot_noise"].parameters[strength - 1]
    counts = torch.poisson(images / 255 / photon, generator=generator())
    found = corruptions.corrupt(images, "shot_noise", strength, generator())
    assert torch.equal(found, (counts * photon * 255).round().clamp(0, 255).to(torch.uint8))
    assert torch.equal(corruptions.corrupt(images, "shot_noise", 0, generator()), images)


@pytest.mark.parametrize(
    ("kind", "kernel"),
    [("gaussian_blur", blurs.gaussian_kernel), ("defocus_blur", blurs.disc_kernel)],
)
@pytest.mark.parametrize("strength", [1, 5])
def test_blurs_have_the_kernel_of_their_strength(kind, kernel, strength):
    images = torch.randint(256, (1, 3, 16, 16), generator=generator()).to(torch.uint8)
    parameter = corruptions.CORRUPTIONS[kind].parameters[strength - 1]
    expected = blurs.blurred(images.float(), kernel(parameter))
    found = corruptions.corrupt(images, kind, strength, generator())
    assert float((found.float() - expected).abs().max()) <= 0.51


def test_compression_has_the_quality_of_its_strength():
    images = torch.randint(256, (1, 3, 16, 16), generator=generator()).to(torch.uint8)
    found = corruptions.corrupt(images, "jpeg", 4, generator())
    assert float((found.float() - jpeg.compressed(images.float(), 12)).abs().max()) <= 1.01


def test_waves_across_an_image_are_counted():
    found = foreign_images.frequencies(4)
    assert found.shape == (4, 3)
    root = math.sqrt
    assert found.tolist() == [
        pytest.approx(row)
        for row in (
            [1, 1, 2],
            [1, root(2), root(5)],
            [2, root(5), root(8)],
            [1, root(2), root(5)],
        )
    ]


KNOWN = torch.randint(256, (3, 3, 8, 8), generator=generator(1)).to(torch.uint8)


def test_noise_is_uniform():
    found = foreign_images.foreign_images(KNOWN, "noise", generator())
    expected = torch.rand(KNOWN.shape, generator=generator()) * 255
    assert torch.equal(found, expected.round().to(torch.uint8))


def test_clouds_by_their_formula():
    found = foreign_images.clouds(KNOWN, generator())
    white = torch.randn(KNOWN.shape, generator=generator()).double()
    size = 8
    down, across = (torch.fft.fftfreq(size).double() * size for _ in range(2))
    radius = (down[:, None] ** 2 + across**2).sqrt().clamp_min(1)
    field = torch.fft.ifft2(torch.fft.fft2(white) / radius).real
    known = KNOWN.double()
    for image in range(3):
        for colour in range(3):
            one, own = field[image, colour], known[image, colour]
            expected = own.mean() + (one - one.mean()) * own.std() / one.std()
            assert torch.allclose(found[image, colour].double(), expected, atol=1e-2)


def test_stripes_by_their_formula():
    source = generator()
    angle, length, phase = torch.rand(3, 3, 1, 1, generator=source).flatten(1).tolist()
    first, second = 255 * torch.rand(2, 3, 3, 1, 1, generator=source)
    found = foreign_images.stripes(KNOWN, generator())
    for image in range(3):
        turn = 2 * math.pi * angle[image]
        for row, column in ((0, 0), (0, 7), (5, 2), (7, 7)):
            along = math.cos(turn) * column + math.sin(turn) * row
            wave = math.sin(2 * math.pi * (along / (3 + 13 * length[image]) + phase[image]))
            share = wave / 2 + 0.5
            expected = (1 - share) * first[image] + share * second[image]
            assert torch.allclose(found[image, :, row, column], expected[:, 0, 0], atol=0.05)


def test_scrambled_images_share_their_phases():
    found = foreign_images.scrambled(KNOWN, generator())
    phases = torch.fft.rfft2(torch.randn((3, 1, 8, 8), generator=generator())).angle()
    before, after = torch.fft.rfft2(KNOWN.float()), torch.fft.rfft2(found)
    assert torch.allclose(after[..., 0, 0], before[..., 0, 0], rtol=1e-4)
    inner = (slice(None), slice(None), slice(None), slice(1, 4))
    turned = before[inner] * torch.exp(1j * phases[inner])
    assert torch.allclose(after[inner], turned, atol=0.2)
