"""Generators for tests."""

import torch


def seeded(seed=0):
    """A generator with a seed; ``TORCH_SEED`` shifts it in the tests of the theory."""
    return torch.Generator().manual_seed(seed)
