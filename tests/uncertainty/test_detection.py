"""Images of another kind, and the AUROC of telling them from the known ones."""

import pytest
import torch
from controls import assert_rejects
from hypothesis import assume, given
from hypothesis import strategies as st

from lightning_cifar.data.synthetic import draw
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.detection import UNCERTAINTIES, detection_auroc
from lightning_cifar.uncertainty.foreign_images import FOREIGN, foreign_images

# Few levels, so that ties are frequent.
LEVELS = st.lists(st.integers(0, 6), min_size=1, max_size=25)


def by_pairs(known, foreign):
    """The definition, in quadratic time: the share of pairs, ties counting half."""
    above = sum(
        float(other > one) + 0.5 * float(other == one) for one in known for other in foreign
    )
    return above / (len(known) * len(foreign))


def is_the_share_of_pairs(auroc):
    @given(known=LEVELS, foreign=LEVELS)
    def check(known, foreign):
        found = auroc(torch.tensor(known).double(), torch.tensor(foreign).double())
        assert found == pytest.approx(by_pairs(known, foreign), abs=1e-12)

    return check


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    is_the_share_of_pairs(detection_auroc)()


def turned_round(known, foreign):
    return detection_auroc(foreign, known)


def without_ties(known, foreign):
    return float((foreign[:, None] > known).double().mean())


def with_ties_in_favour(known, foreign):
    return float((foreign[:, None] >= known).double().mean())


@pytest.mark.parametrize("mistake", [turned_round, without_ties, with_ties_in_favour])
def test_control_other_areas_are_rejected(mistake):
    assert_rejects(is_the_share_of_pairs(mistake))


@given(known=LEVELS, foreign=LEVELS, scale=st.floats(0.1, 10))
def test_auroc_depends_on_order_alone(known, foreign, scale):
    assume(len(set(known)) + len(set(foreign)) > 1)
    one, other = torch.tensor(known).double(), torch.tensor(foreign).double()
    found = detection_auroc(one, other)
    assert detection_auroc((scale * one).exp(), (scale * other).exp()) == found
    assert detection_auroc(-other, -one) == pytest.approx(found, abs=1e-12)
    assert detection_auroc(other, one) == pytest.approx(1 - found, abs=1e-12)


def test_empty_sets_are_refused():
    with pytest.raises(InputError, match="got 0 known and 2 foreign"):
        detection_auroc(torch.zeros(0), torch.zeros(2))


def test_uncertainties_of_certain_and_even_predictions():
    even, certain = torch.zeros(1, 4).log_softmax(1), torch.tensor([[0.0, -800.0, -800.0, -800.0]])
    entropy, doubt = UNCERTAINTIES["entropy"], UNCERTAINTIES["confidence"]
    assert float(entropy(even)) == pytest.approx(torch.tensor(4.0).log().item())
    assert float(entropy(certain)) == 0
    assert float(doubt(even)) == pytest.approx(0.75)
    assert float(doubt(torch.tensor([[-1e-12, -30.0]]))) > 0


@pytest.fixture(scope="module")
def known():
    return draw(16, 0, part=1).images


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_images_are_drawn_from_the_generator(known, kind):
    first, again, other = (
        foreign_images(known, kind, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert (first.shape, first.dtype) == (known.shape, torch.uint8)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float((first.float() - known.float()).abs().mean()) > 5


def has_the_spectrum(drawn, images):
    """Apart from what is cut off at black and white, the amplitude of every wave is the same."""

    def check():
        own, theirs = (torch.fft.rfft2(each.float()).abs() for each in (drawn, images))
        assert torch.allclose(own[..., 0, 0], theirs[..., 0, 0], atol=600)
        difference = (own - theirs).norm() / theirs.norm()
        assert float(difference) < 0.02

    return check


def test_scrambled_images_keep_spectrum_and_mean():
    generator = torch.Generator().manual_seed(0)
    soft = 128 + 20 * torch.randn(6, 3, 32, 32, generator=generator)
    soft = soft.round().clamp(0, 255).to(torch.uint8)
    scrambled, clouds = (foreign_images(soft, kind, generator) for kind in ("scrambled", "clouds"))
    has_the_spectrum(scrambled, soft)()
    assert_rejects(has_the_spectrum(clouds, soft))


def falls_like_one_over_frequency(images):
    def check():
        amplitude = torch.fft.rfft2(images.float()).abs().mean((0, 1))[0]
        slow, fast = float(amplitude[2:5].mean()), float(amplitude[10:14].mean())
        assert slow / fast == pytest.approx(12 / 3, rel=0.3)

    return check


def test_clouds_have_the_spectrum_of_photographs():
    generator = torch.Generator().manual_seed(0)
    soft = 128 + 20 * torch.randn(200, 3, 32, 32, generator=generator)
    soft = soft.round().clamp(0, 255).to(torch.uint8)
    falls_like_one_over_frequency(foreign_images(soft, "clouds", generator))()
    assert_rejects(falls_like_one_over_frequency(foreign_images(soft, "noise", generator)))


def test_an_unknown_kind_is_refused(known):
    with pytest.raises(InputError, match="unknown kind of images 'cats'; there are noise, "):
        foreign_images(known, "cats", torch.Generator())
