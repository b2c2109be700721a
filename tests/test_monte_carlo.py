"""Sampling: repeatable, without traces, in blocks, the prefix once; what is refused."""

from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
<<<<<<< HEAD
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
=======
from controls import assert_refuted
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
>>>>>>> uncertainty
from torch import nn

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import monte_carlo
from lightning_cifar.uncertainty.dropout_modes import dropout_active
from lightning_cifar.uncertainty.monte_carlo import (
    naive_logits,
    sample_logits,
    sample_probabilities,
)
<<<<<<< HEAD
from lightning_cifar.uncertainty.quick_selu import QuickSELU
from lightning_cifar.uncertainty.stages import plan_of, suffix_logits

# A single assertion of chance fails a right program once in 1e9 seeds; the seeds are fixed.
FALSE_ALARM = 1e-9
STANDARD_ERRORS = 6.11  # of a normal variable, two-sided, for that rate
ROUNDING = 1e-12

KINDS = [nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout]


def network_with(dropout, *, seed=0, rate=0.3, everywhere=True, dtype=torch.float64):
    """Images (n, 3, 2, 2) to four logits, with every neighbour that a dropout layer can have."""
    generator = torch.Generator().manual_seed(seed)
    second = dropout(rate) if everywhere else nn.Identity()
    network = nn.Sequential(
        *(nn.Flatten(), nn.Linear(12, 8), nn.SELU()),
        *(dropout(rate), nn.Linear(8, 7, bias=False), nn.BatchNorm1d(7), nn.SELU()),
        *(second, nn.BatchNorm1d(7), nn.Sequential(nn.Linear(7, 6), nn.SELU())),
        *(dropout(0), dropout(rate), nn.Linear(6, 4)),
    ).to(dtype)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=dtype) + 0.5)
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=dtype) / 2)
    return network.eval()


def images_from(seed, count=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 2, 2, generator=generator, dtype=dtype)


# The cached path against PyTorch's own layers, with PyTorch's own masks.


def kept_by(layer, output):
    """Which units PyTorch kept: SELU's outputs lie above the value of a dropped unit."""
    if isinstance(layer, nn.Dropout):
        return output != 0
    rule = masks.alpha_rule(layer.p)
    return output > rule.dropped + 1e-6


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


def selu_like(function):
    @given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
    def check(seed, size):
        generator = torch.Generator().manual_seed(seed)
        values = size * torch.randn(50, generator=generator, dtype=torch.float64)
        assert torch.allclose(function(values.clone()), torch.selu(values), atol=1e-14)

    return check


def test_quick_selu_is_selu():
    selu_like(QuickSELU())()


def test_another_activation_than_selu_is_caught():
    assert_rejects(selu_like(nn.functional.elu))


# What is switched on, and what is put back.


def every_kind(rate=0.5):
    kinds = [nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout]
    layers = [kind(rate) for kind in [*kinds, nn.FeatureAlphaDropout]]
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0), *layers)


def switches_only_dropout(context):
    @given(st.lists(st.booleans(), min_size=10, max_size=10), st.booleans())
    def check(modes, fails):
        model = every_kind()
        for module, training in zip(model.modules(), modes, strict=True):
            module.training = training
        try:
            with context(model):
                inside = [module.training for module in model.modules()]
                if fails:
                    raise KeyError
        except KeyError:
            pass
        assert inside == [False] * 4 + [True] * 6
        assert [module.training for module in model.modules()] == modes

    return check


def test_only_active_dropout_is_switched_on_and_all_modes_return():
    switches_only_dropout(dropout_active)()


@contextmanager
def only_instances_of_dropout(model):
    modes = {module: module.training for module in model.modules()}
    try:
        for module in modes:
            module.training = isinstance(module, nn.Dropout) and module.p > 0
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def whole_model_in_training(model):
    modes = {module: module.training for module in model.modules()}
    model.train()
    yield
    for module, training in modes.items():
        module.training = training


@contextmanager
def without_restoring(model):
    for module in model.modules():
        module.training = getattr(module, "p", 0) > 0
    yield


@contextmanager
def restored_only_without_an_error(model):
    modes = {module: module.training for module in model.modules()}
    with dropout_active(model):
        inside = [module.training for module in model.modules()]
    for module, training in zip(modes, inside, strict=True):
        module.training = training
    yield
    for module, training in modes.items():
        module.training = training


@pytest.mark.parametrize(
    "mutant",
    [
        only_instances_of_dropout,
        whole_model_in_training,
        without_restoring,
        restored_only_without_an_error,
    ],
)
def test_a_wrong_switch_is_caught(mutant):
    assert_rejects(switches_only_dropout(mutant))


def cached_shared(network, images, *, samples, seed):
    return sample_logits(network, images, samples=samples, seed=seed, masks="shared")


def cached_per_image(network, images, *, samples, seed):
    return sample_logits(network, images, samples=samples, seed=seed, masks="per_image")


SAMPLERS = [cached_shared, cached_per_image, naive_logits]
=======
>>>>>>> uncertainty


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


def test_images_are_prepared_block_by_block(monkeypatch):
    monkeypatch.setattr(monte_carlo, "IMAGES_PER_PASS", 4)
    monkeypatch.setattr(monte_carlo, "FLOATS_PER_BLOCK", {"cpu": 100})
    sizes = []

    def prepare(pixels):
        sizes.append(len(pixels))
        return pixels.double() / 255

    pixels = torch.arange(9 * 12, dtype=torch.uint8).view(9, 3, 2, 2)
    network = network_with(nn.Dropout)
    raw = sample_logits(network, pixels, samples=3, seed=0, prepare=prepare)
    assert sizes == [1, 4, 4, 1]
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


def test_probabilities_are_those_of_the_logits():
    network, images = network_with(nn.Dropout), images_from(0)
    logits = sample_logits(network, images, samples=3, seed=0, masks="per_image")
    probabilities = sample_probabilities(network, images, samples=3, seed=0, masks="per_image")
    assert torch.equal(probabilities, logits.softmax(-1))


<<<<<<< HEAD
# Distributions.


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


=======
>>>>>>> uncertainty
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


def test_consecutive_slices_cover_the_whole():
    pieces = monte_carlo.slices(10, 4)
    assert [piece.start for piece in pieces] == [0, 4, 8]
    assert pieces[-1].stop == 10
    assert all(first.stop == second.start for first, second in pairwise(pieces))
