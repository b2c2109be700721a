import hashlib

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from lightning_cifar.data import figures, synthetic
from lightning_cifar.data.synthetic import draw, load_synthetic, read_files, write_files

SIZES = {"train_size": 50, "test_size": 20}


def test_set_has_the_sizes_asked_for(tmp_path):
    images = load_synthetic(tmp_path, **SIZES)
    assert (len(images.train), len(images.test)) == (50, 20)
    assert images.classes == figures.CLASSES
    assert len(set(images.classes)) == 10


def test_pixels_are_the_same_on_every_machine():
    # A figure recorded once; if it changes on purpose, raise VERSION with it.
    data = draw(100, seed=0, part=0)
    digest = hashlib.sha256(data.images.numpy().tobytes() + data.labels.numpy().tobytes())
    assert synthetic.VERSION == 1
    assert digest.hexdigest() == "3aba406dc67c921a7a178e5ffdcaef3b5b91857d17f302f29fff9aa7272705e3"


def test_seed_and_part_choose_the_images():
    first, again, other_seed, other_part = (
        draw(20, seed, part).images for seed, part in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    assert first.equal(again)
    assert not first.equal(other_seed)
    assert not first.equal(other_part)


def test_training_and_test_share_no_image():
    both = torch.cat([draw(200, 0, 0).images, draw(200, 0, 1).images])
    assert len(both.unique(dim=0)) == 400


def test_classes_are_balanced_and_mixed():
    labels = draw(1000, seed=0, part=0).labels
    assert labels.bincount().tolist() == [100] * 10
    # Shuffled, about 100 of 999 neighbours agree (deviation 9.5); sorted or cyclic, 990 or 0.
    assert 50 < int((labels[1:] == labels[:-1]).sum()) < 150


def test_figures_differ():
    u, v = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 32))
    masks = {figure(u, v).tobytes() for figure in figures.FIGURES.values()}
    assert len(masks) == 10


def no_pixel_tells_the_class(data):
    """Class means of single pixels differ by no more than chance: nothing for a linear model."""
    pixels = data.images.double().flatten(1)
    means = torch.stack([pixels[data.labels == label].mean(0) for label in range(10)])
    # Of 30,720 means of 300 images each, the largest lies beyond 7 standard errors
    # once in 10**7 seeds.
    errors = (means - pixels.mean(0)) / (pixels.std(0) / 300**0.5)
    assert errors.abs().max() < 7


def test_no_pixel_tells_the_class():
    no_pixel_tells_the_class(draw(3000, seed=0, part=0))


def test_check_of_pixels_can_fail():
    data = draw(3000, seed=0, part=0)
    data.images[data.labels == 3, 0, 16, 16] //= 2
    with pytest.raises(AssertionError):
        no_pixel_tells_the_class(data)


def test_the_files_are_in_the_official_format(tmp_path):
    """torchvision's own reader finds the same images in them."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    write_files(folder, **SIZES, seed=0)

    def checksums(*names):
        return [[name, hashlib.md5((folder / name).read_bytes()).hexdigest()] for name in names]

    meta_checksum = checksums("batches.meta")[0][1]

    class Synthetic(CIFAR10):
        train_list = checksums(*(f"data_batch_{number}" for number in range(1, 6)))
        test_list = checksums("test_batch")
        meta = {"filename": "batches.meta", "key": "label_names", "md5": meta_checksum}  # noqa: RUF012

    ours = read_files(folder)
    for data, theirs in (
        (ours.parts["train"], Synthetic(tmp_path)),
        (ours.parts["test"], Synthetic(tmp_path, train=False)),
    ):
        assert np.array_equal(data.images.permute(0, 2, 3, 1).numpy(), theirs.data)
        assert data.labels.tolist() == theirs.targets
    assert list(ours.classes) == theirs.classes


def test_second_start_draws_nothing(tmp_path, monkeypatch):
    first = load_synthetic(tmp_path, **SIZES)
    monkeypatch.setattr(synthetic, "draw", None)
    second = load_synthetic(tmp_path, **SIZES)
    assert second.fingerprint == first.fingerprint
    assert second.train.images.equal(first.train.images)


def test_fingerprint_is_of_the_content(tmp_path):
    sets = [
        load_synthetic(tmp_path / str(n), **SIZES, seed=seed) for n, seed in enumerate((0, 0, 1))
    ]
    assert sets[0].fingerprint == sets[1].fingerprint
    assert sets[0].fingerprint != sets[2].fingerprint
