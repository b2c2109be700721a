"""A data module can be handed to another process: pickled, it gives the same batches."""

import pickle
from functools import partial

import pytest
import torch
from image_examples import write_folder

from lightning_cifar.data import sources, synthetic
from lightning_cifar.data.datamodule import CIFAR10DataModule


@pytest.mark.parametrize("source", ["synthetic", "folder"])
def test_a_pickled_data_module_gives_the_same_batches(tmp_path, monkeypatch, source):
    small_set = partial(synthetic.load_synthetic, train_size=100, test_size=20)
    monkeypatch.setattr(sources, "load_synthetic", small_set)
    path = str(write_folder(tmp_path / "images")) if source == "folder" else None
    ours = CIFAR10DataModule(source=source, path=path, cache=str(tmp_path), validation_size=10)
    ours.prepare_data()
    ours.setup("fit")
    theirs = pickle.loads(pickle.dumps(ours))
    theirs.setup("test")  # reads a part anew
    assert len(theirs.test_images) == (20 if source == "synthetic" else 10)
    pairs = zip(ours.train_dataloader(), theirs.train_dataloader(), strict=True)
    for (images, labels), (their_images, their_labels) in pairs:
        assert torch.equal(images, their_images)
        assert torch.equal(labels, their_labels)
