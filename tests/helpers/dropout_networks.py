"""Small networks with dropout, ways to sample them, and wrong ways."""

from contextlib import contextmanager

import torch
from torch import nn

from lightning_cifar.uncertainty.monte_carlo import (
    naive_logits,
    sample_logits,
)

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


def cached_shared(network, images, *, samples, seed):
    return sample_logits(network, images, samples=samples, seed=seed, masks="shared")


def cached_per_image(network, images, *, samples, seed):
    return sample_logits(network, images, samples=samples, seed=seed, masks="per_image")


SAMPLERS = [cached_shared, cached_per_image, naive_logits]


# Wrong ways, which tests must catch.


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


def passes_in(context):
    def sample(network, images, *, samples, seed):
        with context(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return torch.stack([network(images) for _ in range(samples)], dim=1)

    return sample


def one_mask_for_all_samples(network, images, *, samples, seed):
    return sample_logits(network, images, samples=1, seed=seed).expand(-1, samples, -1)
