"""Batches of a user's own loaders that are not quite the pairs (images, labels) they should be."""

import pytest
import torch
from image_examples import random_images
from small_runs import small_classifier, small_trainer
from torch.utils.data import DataLoader, TensorDataset, default_collate

from lightning_cifar.errors import InputError

DATA = random_images(40)

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


def batches_of(collate=default_collate, change=lambda labels: labels):
    data = TensorDataset(DATA.images, change(DATA.labels))
    return DataLoader(data, batch_size=10, collate_fn=collate)


def as_dict(examples):
    images, labels = default_collate(examples)
    return {"image": images, "label": labels}


def as_three(examples):
    return [*default_collate(examples), torch.zeros(len(examples))]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"], ids=["by hand", "by autograd"])
@pytest.mark.parametrize("stage", ["fit", "validate", "test", "predict"])
@pytest.mark.parametrize(
    ("collate", "given"),
    [(as_dict, "dict of image, label"), (as_three, "list of Tensor, Tensor, Tensor")],
)
def test_batches_that_are_no_pairs_are_refused(tmp_path, collate, given, stage, precision):
    trainer = small_trainer(tmp_path, precision=precision)
    if stage == "predict" and collate is as_three:
        trainer.predict(small_classifier(), batches_of(collate))  # it needs the images alone
        return
    loaders = [batches_of(collate), *([batches_of()] if stage == "fit" else [])]
    with pytest.raises(InputError) as refused:
        getattr(trainer, stage)(small_classifier(), *loaders)
    assert str(refused.value) == (
        f"a batch must be a pair of tensors, images and labels, got a {given}; let the loader's "
        "collate_fn make pairs"
    )


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_shares_of_classes_are_not_taken_for_labels(tmp_path, stage):
    """PyTorch's loss takes them, and nothing they name would ever be right."""
    shares = batches_of(change=lambda labels: torch.eye(10)[labels])
    with pytest.raises(InputError, match="got float32 of shape"):
        getattr(small_trainer(tmp_path), stage)(small_classifier(), shares)


@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.uint8])
def test_labels_of_fewer_bits_say_the_same(tmp_path, kind):
    wide, narrow = (
        small_trainer(tmp_path).test(small_classifier(), batches, verbose=False)
        for batches in (batches_of(), batches_of(change=lambda labels: labels.to(kind)))
    )
    assert wide == narrow


@pytest.mark.parametrize("label", [-100, -1, 10])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"], ids=["by hand", "by autograd"])
@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_labels_of_no_class_are_refused(tmp_path, stage, precision, label):
    """Also the one that PyTorch's losses leave out."""
    odd = batches_of(change=lambda labels: labels.masked_fill(labels == labels[3], label))
    loaders = [odd, *([batches_of()] if stage == "fit" else [])]
    trainer = small_trainer(tmp_path, precision=precision)
    with pytest.raises((IndexError, RuntimeError), match=f"{label} is out of bounds"):
        getattr(trainer, stage)(small_classifier(), *loaders)
