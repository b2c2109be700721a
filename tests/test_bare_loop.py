"""A fit does the arithmetic of a plain PyTorch loop: one epoch leaves the same weights.

In double precision: in single, a gradient near zero is rounding noise, which NAdam makes a step of.
"""

import copy
from functools import partial

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback
from small_runs import lopsided_data, small_classifier, small_data, small_trainer
from torch.nn import functional

from lightning_cifar.classifiers import VARIANTS, BatchNormClassifier
from lightning_cifar.data.batches import TensorBatches

RATE = 1e-3
# The next batch normalisation takes a shift of all inputs away again: its gradient is rounding
# noise around 0, which NAdam turns into steps of full length.
INPUT_SHIFT = "1.bias"
SIZES = {"depth": 4, "width": 16, "learning_rate": RATE}


def module(variant, **options):
    """Dropout is off: the plain loop below would draw its masks at other moments."""
    options |= {"dropout_rate": 0.0} if variant == "alpha_dropout" else {}
    return small_classifier(VARIANTS[variant], **SIZES | options)


def images():
    data = small_data(train=500, batch_size=32)
    data.prepare_data()
    data.setup("fit")
    return data


def bare_epoch(classifier, data, optimiser=torch.optim.NAdam, weight=None):
    """The weights after an epoch of a loop that uses nothing of ours but the order of images."""
    network = copy.deepcopy(classifier.network).double().train()
    mean, deviation = data.standardisation.mean, data.standardisation.deviation
    step = optimiser(network.parameters(), lr=RATE)
    train = data.train_images
    for pixels, labels in TensorBatches(train, batch_size=data.batch_size, seed=data.seed):
        step.zero_grad()
        logits = network((pixels.double() - mean) / deviation)
        functional.cross_entropy(logits, labels, weight=weight).backward()
        step.step()
    return network.state_dict()


def check_same(classifier, folder, data=None, callbacks=(), **options):
    data = data or images()
    expected = bare_epoch(classifier, data, **options)
    small_trainer(folder, callbacks, precision="64-true").fit(classifier, data)
    for name, value in classifier.network.state_dict().items():
        if (type(classifier), name) == (BatchNormClassifier, INPUT_SHIFT):
            continue
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_epoch_leaves_the_weights_of_a_bare_loop(tmp_path, variant):
    check_same(module(variant), tmp_path)


@pytest.mark.parametrize("optimiser", [torch.optim.Adam, torch.optim.RAdam])
def test_control_another_optimiser_leaves_other_weights(tmp_path, optimiser):
    assert_rejects(partial(check_same, module("elu"), tmp_path, optimiser=optimiser))


class Watching(Callback):
    """Wants to be called within a step, which only autograd's have."""

    def on_after_backward(self, trainer, pl_module):
        assert pl_module.automatic_optimization


def weighs_as_torch(folder, weight, callbacks=()):
    """A check of an epoch over 64, 16 and 8 images of three classes, of which 1 in 5 validates."""
    data = lopsided_data((80, 20, 10))
    data.setup("fit")
    assert data.train_images.labels.bincount().tolist() == [64, 16, 8]
    classifier = module("elu", classes=3, class_weights="balanced")
    weight = torch.tensor(weight, dtype=torch.float64)
    return partial(check_same, classifier, folder, data, callbacks, weight=weight)


@pytest.mark.parametrize("callbacks", [(), (Watching(),)], ids=["by hand", "autograd"])
def test_class_weights_are_those_of_a_bare_loop(tmp_path, callbacks):
    weighs_as_torch(tmp_path, [88 / (3 * 64), 88 / (3 * 16), 88 / (3 * 8)], callbacks)()


@pytest.mark.parametrize("callbacks", [(), (Watching(),)], ids=["by hand", "autograd"])
@pytest.mark.parametrize("weight", [[1, 1, 1], [110 / 240, 110 / 60, 110 / 15]])
def test_control_other_class_weights_leave_other_weights(tmp_path, weight, callbacks):
    """None, and those of numbers that are not those of the training part."""
    assert_rejects(weighs_as_torch(tmp_path, weight, callbacks))
