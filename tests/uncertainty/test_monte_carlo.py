"""Sampling: repeatable, without traces, in blocks, the prefix once; what is refused."""

from contextlib import contextmanager

import pytest
import torch
from controls import assert_rejects
from dropout_networks import (
    KINDS,
    ROUNDING,
    SAMPLERS,
    cached_per_image,
    cached_shared,
    images_from,
    network_with,
    one_mask_for_all_samples,
    only_instances_of_dropout,
    passes_in,
    whole_model_in_training,
)
from torch import nn

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import monte_carlo
from lightning_cifar.uncertainty.dropout_modes import dropout_active
from lightning_cifar.uncertainty.monte_carlo import naive_logits, sample_logits


def repeatable_and_without_traces(sample):
    def check():
        for dropout in KINDS:
            network, images = network_with(dropout), images_from(0)
            pixels = images.clone()
            network[5].train()
            weights = {key: value.clone() for key, value in network.state_dict().items()}
            state = torch.get_rng_state()
            first = sample(network, images, samples=6, seed=1)
            assert torch.equal(torch.get_rng_state(), state)
            assert torch.equal(images, pixels)
            assert network[5].training
            assert all(map(torch.equal, weights.values(), network.state_dict().values()))
            assert torch.equal(first, sample(network, images, samples=6, seed=1))
            assert not torch.equal(first, sample(network, images, samples=6, seed=2))
            # Samples differ from each other, for every image.
            assert first.std(1).amax(-1).min() > 1e-3

    return check


@pytest.mark.parametrize("sample", SAMPLERS)
def test_sampling_is_repeatable_and_leaves_no_trace(sample):
    repeatable_and_without_traces(sample)()


@contextmanager
def evaluation_only(model):
    yield model.eval()


def from_the_global_generator(network, images, *, samples, seed):
    with dropout_active(network), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        return torch.stack([network(images) for _ in range(samples)], dim=1)


@pytest.mark.parametrize(
    "mutant",
    [
        passes_in(evaluation_only),
        passes_in(only_instances_of_dropout),
        passes_in(whole_model_in_training),
        from_the_global_generator,
        one_mask_for_all_samples,
    ],
    ids=["evaluation", "nn.Dropout only", "all in training", "global generator", "one mask"],
)
def test_wrong_sampling_is_caught(mutant):
    assert_rejects(repeatable_and_without_traces(mutant))


# Blocks, chunks, neighbours.


def test_dropout_on_the_images_themselves_leaves_the_images_alone():
    images = images_from(3).flatten(1)
    before = images.clone()
    network = nn.Sequential(nn.AlphaDropout(0.5), nn.SELU(), nn.Linear(12, 4, dtype=torch.float64))
    sample_logits(network, images, samples=2, seed=0)
    assert torch.equal(images, before)


def independent_of_neighbours(sample):
    def check():
        network, images = network_with(nn.AlphaDropout), images_from(0, count=7)
        together = sample(network, images, samples=9, seed=3)
        alone = torch.cat([sample(network, image[None], samples=9, seed=3) for image in images])
        assert torch.allclose(together, alone, rtol=ROUNDING, atol=ROUNDING)
        fewer = sample(network, images, samples=4, seed=3)
        assert torch.allclose(together[:, :4], fewer, rtol=ROUNDING, atol=ROUNDING)

    return check


def test_shared_masks_make_an_image_independent_of_its_neighbours():
    independent_of_neighbours(cached_shared)()


def test_masks_per_image_depend_on_the_order_of_the_images():
    assert_rejects(independent_of_neighbours(cached_per_image))


@pytest.mark.parametrize("kind", ["shared", "per_image"])
def test_blocks_and_chunks_are_put_together_in_order(kind, monkeypatch):
    network, images = network_with(nn.AlphaDropout), images_from(0, count=11)
    whole = sample_logits(network, images, samples=13, seed=0, masks=kind)
    monkeypatch.setattr(monte_carlo, "IMAGES_PER_PASS", 4)
    monkeypatch.setattr(monte_carlo, "FLOATS_PER_BLOCK", {"cpu": 100})
    assert monte_carlo.block_sizes(images, 13, 8) == (4, 3)
    cut = sample_logits(network, images, samples=13, seed=0, masks=kind)
    assert cut.shape == whole.shape == (11, 13, 4)
    if kind == "shared":
        assert torch.allclose(cut, whole, rtol=ROUNDING, atol=ROUNDING)
    else:
        # Other masks, but still one draw per image and sample.
        assert len(torch.unique(cut[:, :, 0])) == 11 * 13


def same_for_equal_images(sample):
    images = images_from(0, count=1).expand(2, -1, -1, -1)
    first, second = sample(network_with(nn.Dropout), images, samples=20, seed=0)
    return torch.allclose(first, second, rtol=ROUNDING)


def test_only_shared_masks_treat_equal_images_alike():
    assert same_for_equal_images(cached_shared)
    assert not same_for_equal_images(cached_per_image)
    assert not same_for_equal_images(naive_logits)


class Prepared(nn.Module):
    """Raw pixels to a network's inputs; notes of how many images at a time."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def forward(self, pixels):
        self.sizes.append(len(pixels))
        return pixels.double() / 255


def test_images_are_prepared_block_by_block(monkeypatch):
    monkeypatch.setattr(monte_carlo, "IMAGES_PER_PASS", 4)
    monkeypatch.setattr(monte_carlo, "FLOATS_PER_BLOCK", {"cpu": 100})
    pixels = torch.arange(9 * 12, dtype=torch.uint8).view(9, 3, 2, 2)
    network, prepared = network_with(nn.Dropout), Prepared()
    raw = sample_logits(nn.Sequential(prepared, network), pixels, samples=3, seed=0)
    assert prepared.sizes == [1, 4, 4, 1]
    ready = sample_logits(network, pixels.double() / 255, samples=3, seed=0)
    assert torch.allclose(raw, ready, rtol=ROUNDING)


def computes_the_prefix_once(sample):
    def check():
        network, images = network_with(nn.Dropout), images_from(0)
        seen = []
        network[1].register_forward_hook(lambda *_: seen.append(1))
        sample(network, images, samples=1, seed=0)
        for_one = len(seen)
        sample(network, images, samples=50, seed=0)
        assert len(seen) == 2 * for_one

    return check


def test_the_prefix_is_computed_once_for_all_samples():
    computes_the_prefix_once(cached_shared)()
    computes_the_prefix_once(cached_per_image)()


def test_computing_the_prefix_for_each_sample_is_caught():
    assert_rejects(computes_the_prefix_once(naive_logits))


# What is refused.


@pytest.mark.parametrize("sample", SAMPLERS)
def test_unusable_requests_are_refused(sample):
    network, images = network_with(nn.Dropout), images_from(0)
    with pytest.raises(InputError, match="at least 1, got 0"):
        sample(network, images, samples=0, seed=0)
    with pytest.raises(InputError, match="no images"):
        sample(network, images[:0], samples=1, seed=0)
    for inactive in (network_with(nn.Dropout, rate=0), nn.Sequential(nn.Flatten())):
        with pytest.raises(InputError, match="no active dropout"):
            sample(inactive, images, samples=1, seed=0)


def test_unknown_masks_are_refused():
    with pytest.raises(InputError, match="'shared' or 'per_image', got 'both'"):
        sample_logits(network_with(nn.Dropout), images_from(0), samples=1, seed=0, masks="both")


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs):
        return inputs + self.dropout(inputs)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([nn.Flatten(), nn.Dropout1d(0.5)], "Dropout1d cannot be sampled"),
        ([nn.Flatten(), Residual()], "dropout inside Residual"),
        ([nn.Dropout(0.5), nn.Flatten()], "must act on rows of features"),
    ],
    ids=["channels", "hidden", "images"],
)
def test_what_cannot_be_cached_is_refused_and_sampled_naively(layers, reason):
    network, images = nn.Sequential(*layers), images_from(0)
    with pytest.raises(InputError, match=reason):
        sample_logits(network, images, samples=2, seed=0)
    assert network.training
    assert naive_logits(network, images, samples=2, seed=0).shape == (5, 2, 12)
