"""The cached path equals PyTorch's own layers, mask for mask."""

import dataclasses
import math

import pytest
import torch
from controls import assert_rejects
from dropout_networks import (
    KINDS,
    ROUNDING,
    STANDARD_ERRORS,
    images_from,
    network_with,
)
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightning_cifar.uncertainty import masks
from lightning_cifar.uncertainty.monte_carlo import (
    naive_logits,
    sample_logits,
)
from lightning_cifar.uncertainty.stages import plan_of, suffix_logits


def kept_by(layer, output):
    """Which units PyTorch kept: SELU's outputs lie above the value of a dropped unit."""
    if isinstance(layer, nn.Dropout):
        return output != 0
    rule = masks.alpha_rule(layer.p)
    return output > rule.dropped + 1e-12


def passes_of_torch(network, images, samples):
    """Logits of full passes (samples, images, classes), and the masks they used, by layer."""
    layers = [layer for layer in network.modules() if getattr(layer, "p", 0) > 0]
    recorded = {layer: [] for layer in layers}
    handles = [
        layer.register_forward_hook(
            lambda layer, _, output: recorded[layer].append(kept_by(layer, output))
        )
        for layer in layers
    ]
    logits = naive_logits(network, images, samples=samples, seed=1)
    for handle in handles:
        handle.remove()
    return logits.transpose(0, 1), [torch.stack(recorded[layer]) for layer in layers]


def equals_torch_for_its_masks(rule_of):
    @given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS), st.floats(0.05, 0.95), st.booleans())
    def check(seed, dropout, rate, everywhere):
        network = network_with(dropout, seed=seed, rate=rate, everywhere=everywhere)
        images = images_from(seed)
        expected, kept = passes_of_torch(network, images, samples=3)
        with torch.no_grad():
            plan = plan_of(network, images[:1])
            stages = tuple(
                dataclasses.replace(stage, rule=rule_of(dropout(rate))) for stage in plan.stages
            )
            plan = dataclasses.replace(plan, stages=stages)
            logits = suffix_logits(plan, plan.prefix(images), kept)
        assert logits.shape == expected.shape
        assert torch.allclose(logits, expected, rtol=ROUNDING, atol=1e-10)

    return check


def test_cached_equals_torch_for_the_same_masks():
    equals_torch_for_its_masks(masks.unit_rule)()


def plain_for_all(layer):
    return masks.plain_rule(layer.p)


def without_scale(layer):
    return dataclasses.replace(masks.unit_rule(layer), scale=1.0)


def of_the_other_rate(layer):
    layer.p = 1 - layer.p
    return masks.unit_rule(layer)


def without_shift(layer):
    return dataclasses.replace(masks.unit_rule(layer), shift=0.0)


@pytest.mark.parametrize("mutant", [plain_for_all, without_scale, of_the_other_rate, without_shift])
def test_a_wrong_rule_is_caught(mutant):
    assert_rejects(equals_torch_for_its_masks(mutant))


def fused_equals_unfused(multiply):
    @given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
    def check(seed, sampled, bias):
        generator = torch.Generator().manual_seed(seed)
        linear = nn.Linear(6, 4, bias=bias, dtype=torch.float64)
        with torch.no_grad():
            for parameter in linear.parameters():
                parameter.normal_(generator=generator)
        shape = (3, 5, 6) if sampled else (5, 6)
        features = torch.randn(shape, generator=generator, dtype=torch.float64)
        kept = torch.rand(3, 6, generator=generator) > 0.3
        rule = masks.alpha_rule(0.3)
        expected = linear(masks.masked(features, kept[:, None], rule))
        assert torch.allclose(multiply(features, kept, rule, linear), expected, rtol=ROUNDING)

    return check


def test_a_mask_in_the_weights_equals_one_on_the_units():
    fused_equals_unfused(masks.masked_linear)()


def test_a_fused_product_without_the_dropped_value_is_caught():
    def zeroed(features, kept, rule, linear):
        return masks.masked_linear(features, kept, dataclasses.replace(rule, dropped=0.0), linear)

    assert_rejects(fused_equals_unfused(zeroed))


@pytest.mark.parametrize("dropout", KINDS)
def test_a_rate_of_one_is_pytorchs(dropout):
    images = images_from(0)
    network = network_with(dropout, rate=1.0)
    cached = sample_logits(network, images, samples=2, seed=0)
    naive = naive_logits(network, images, samples=2, seed=0)
    assert torch.allclose(cached, naive, rtol=ROUNDING)


@pytest.mark.parametrize("rule", [masks.plain_rule, masks.alpha_rule])
def test_a_rate_of_one_leaves_nothing(rule):
    assert rule(1.0) == masks.UnitRule(1.0, scale=0.0, shift=0.0, dropped=0.0)
    assert rule(0.5).scale > 0


def test_masks_keep_the_share_that_the_rate_says():
    generator = torch.Generator().manual_seed(0)
    drawn = masks.draw_masks((50_000,), [3, 2], [0.1, 0.8], generator)
    assert [mask.shape for mask in drawn] == [(50_000, 3), (50_000, 2)]
    for mask, rate in zip(drawn, (0.1, 0.8), strict=True):
        error = math.sqrt(rate * (1 - rate) / mask.numel())
        assert abs(float(mask.double().mean()) - (1 - rate)) < STANDARD_ERRORS * error
    # Layers are masked independently of each other.
    both = (drawn[0][:, 0] & drawn[1][:, 0]).double().mean()
    assert abs(float(both) - 0.9 * 0.2) < STANDARD_ERRORS * math.sqrt(0.18 * 0.82 / 50_000)
