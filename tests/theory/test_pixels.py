"""Question 4: the count of black pixels in CIFAR-10's test images."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from theory.activations.pixels import BRIGHTNESSES, share_of_black


def test_all_values_of_all_test_images_are_counted():
    assert len(BRIGHTNESSES) == 256
    assert sum(BRIGHTNESSES) == 10_000 * 32 * 32 * 3
    assert share_of_black() == pytest.approx(0.0061, abs=5e-5)


@pytest.mark.data
@pytest.mark.skipif(
    not os.environ.get("CIFAR10_IMAGES", "").endswith(".zip"),
    reason="CIFAR10_IMAGES does not name a zip of images",
)
def test_the_count_is_that_of_the_images():
    counts = np.zeros(256, dtype=int)
    with zipfile.ZipFile(os.environ["CIFAR10_IMAGES"]) as images:
        names = [name for name in images.namelist() if name.startswith("test/")]
        for name in (name for name in names if name.endswith(".jpg")):
            with Image.open(io.BytesIO(images.read(name))) as image:
                counts += np.bincount(np.asarray(image.convert("RGB")).ravel(), minlength=256)
    assert tuple(counts.tolist()) == BRIGHTNESSES
