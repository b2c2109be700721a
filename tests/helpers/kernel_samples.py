"""Steps by the compiled kernels and by PyTorch's."""

import shutil

import pytest

from lightning_cifar.native import library

LINE = "steps are made by PyTorch's kernels, which takes longer: "
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler cc")


def without_kernels(patch):
    """As on a machine without a C compiler."""
    patch.setattr(library, "found_for", lambda like: None)
