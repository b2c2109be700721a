"""A network so small that every experiment takes about a second, on drawn images."""

from dataclasses import replace

import pytest

from benchmarks.real_network.setting import setting_of
from lightning_cifar.data.datamodule import CIFAR10DataModule


@pytest.fixture(scope="package")
def setting():
    data = CIFAR10DataModule(source="synthetic")
    small = setting_of(data, images=256, seeds=2, epochs=1)
    return replace(small, depth=3, width=12)
