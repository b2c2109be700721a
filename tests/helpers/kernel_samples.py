"""Fits with the compiled kernels and without them."""

from lightning_cifar.native import library


def without_kernels(patch):
    """As on a machine without a C compiler."""
    patch.setattr(library, "found_for", lambda like: None)
