"""A member of a stack sees the batches that it would see alone."""

import pytest
import torch
from controls import assert_rejects
from image_examples import random_images

from lightning_cifar.data.augmentation import Augmentation
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.stack.batches import StackedBatches

SEEDS = (7, 2, 9)
DATA = random_images(50)
CHANGES = Augmentation(flip=True, shift=4)


def stacked(seeds=SEEDS, augmentation=None):
    return StackedBatches(DATA, batch_size=16, seeds=seeds, augmentation=augmentation)


def serves_each_its_own(batches, augmentation, present=(0, 1, 2), epochs=2):
    def check():
        for epoch in range(epochs):
            batches.set_epoch(epoch)
            alone = []
            for index in present:
                seed = SEEDS[index]
                own = TensorBatches(DATA, batch_size=16, seed=seed, augmentation=augmentation)
                own.set_epoch(epoch)
                alone.append(own)
            found = list(batches)
            assert len(found) == len(batches) == len(alone[0]) == 4
            for (images, labels), *theirs in zip(found, *alone, strict=True):
                assert images.dtype == torch.uint8
                assert torch.equal(images, torch.stack([each[0] for each in theirs]))
                assert torch.equal(labels, torch.stack([each[1] for each in theirs]))

    return check


@pytest.mark.parametrize("augmentation", [None, CHANGES], ids=["plain", "augmented"])
def test_each_member_sees_its_own_batches(augmentation):
    serves_each_its_own(stacked(augmentation=augmentation), augmentation)()


@pytest.mark.parametrize(
    ("seeds", "augmentation"),
    [((7, 2, 8), None), ((2, 7, 9), None), (SEEDS, Augmentation(flip=True, shift=3))],
    ids=["another seed", "two exchanged", "other changes"],
)
def test_control_other_batches_are_rejected(seeds, augmentation):
    wanted = None if augmentation is None else CHANGES
    assert_rejects(serves_each_its_own(stacked(seeds, augmentation), wanted))


def test_those_that_stay_see_what_they_would_have_seen():
    batches = stacked(augmentation=CHANGES)
    list(batches)
    batches.keep([2, 0])
    serves_each_its_own(batches, CHANGES, present=(2, 0))()


def test_members_of_one_seed_share_one_batch():
    images, labels = next(iter(stacked(seeds=(7, 7))))
    expected = next(iter(TensorBatches(DATA, batch_size=16, seed=7)))
    assert torch.equal(images, expected[0])
    assert torch.equal(labels, expected[1])
