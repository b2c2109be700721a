"""Alpha dropout with masks that are a function of seed, pass and place, not of a generator."""

import pytest
import torch
from torch.nn import functional

from lightning_cifar.backprop import stacked_layers
from lightning_cifar.backprop.stacked_layers import alpha_dropout, hashed, keep_mask

DROPOUT = 0.3


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def is_alpha_dropout(implementation):
    """A check against PyTorch's own, whose mask is read off its output."""

    def check():
        inputs = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
        with torch.random.fork_rng():
            theirs = functional.alpha_dropout(inputs, DROPOUT, training=True)
        dropped = torch.isclose(theirs, theirs.flatten().mode().values, atol=1e-12, rtol=0)
        assert 0.25 < float(dropped.double().mean()) < 0.35
        torch.testing.assert_close(implementation(inputs, ~dropped, DROPOUT), theirs)

    return check


def test_formula_is_that_of_alpha_dropout():
    is_alpha_dropout(alpha_dropout)()


def test_ordinary_dropout_is_rejected():
    with pytest.raises(AssertionError):
        is_alpha_dropout(lambda inputs, kept, rate: inputs * kept / (1 - rate))()


MASKS = (8, 32, 100)  # members, batch, features: 25,600 units each


def masks_are_independent(make):
    """A check of the drop rate, and that masks of members, passes and layers agree by chance only.

    The bound is six standard errors: a false alarm of 2e-9 for each of the comparisons.
    """

    def check():
        seeds, zeros = torch.arange(8), torch.zeros(8, dtype=torch.long)
        masks = make(seeds, zeros, 1)
        others = {
            "member": masks.roll(1, 0),
            "pass": make(seeds, zeros + 1, 1),
            "layer": make(seeds, zeros, 2),
            "image": masks.roll(1, 1),
            "unit": masks.roll(1, 2),
        }
        within(masks, 1 - DROPOUT)
        for other in others.values():
            within(masks == other, DROPOUT**2 + (1 - DROPOUT) ** 2)
        assert torch.equal(masks, make(seeds, zeros, 1))

    return check


def within(events, rate):
    error = (rate * (1 - rate) / events.numel()) ** 0.5
    # Pairs of neighbours overlap, which at most doubles the variance.
    assert abs(float(events.double().mean()) - rate) < 6 * 2**0.5 * error


def test_masks_are_independent():
    masks_are_independent(
        lambda seeds, passes, place: keep_mask(seeds, passes, place, torch.Size(MASKS[1:]), DROPOUT)
    )()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda seeds, passes, place, *rest: keep_mask(seeds * 0, passes, place, *rest),
        lambda seeds, passes, place, *rest: keep_mask(seeds, passes * 0, place, *rest),
        lambda seeds, passes, place, *rest: keep_mask(seeds, passes, 0, *rest),
        lambda *arguments: keep_mask(*arguments[:-1], 0.34),
    ],
    ids=["one seed", "one pass", "one layer", "another rate"],
)
def test_dependent_masks_are_rejected(wrong):
    def make(seeds, passes, place):
        return wrong(seeds, passes, place, torch.Size(MASKS[1:]), DROPOUT)

    with pytest.raises(AssertionError):
        masks_are_independent(make)()


def test_a_weak_hash_is_rejected(monkeypatch):
    monkeypatch.setattr(stacked_layers, "hashed", lambda numbers: numbers * 3 << 40)
    with pytest.raises(AssertionError):
        test_masks_are_independent()


def test_hash_has_the_published_values():
    """The first outputs of SplitMix64 from state 0 are known."""
    states = torch.arange(1, 4)  # the generator adds the golden ratio before each output
    known = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [number % 2**64 for number in hashed(states).tolist()] == known
