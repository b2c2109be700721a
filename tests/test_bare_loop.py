"""A fit does the arithmetic of a plain PyTorch loop: one epoch leaves the same weights.

In double precision: in single, a gradient near zero is rounding noise, which NAdam makes a step of.
"""

import copy
from functools import partial

import pytest
import torch
from controls import assert_rejects
from small_runs import small_classifier, small_data, small_trainer
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


def bare_epoch(classifier, data, optimiser=torch.optim.NAdam):
    """The weights after an epoch of a loop that uses nothing of ours but the order of images."""
    network = copy.deepcopy(classifier.network).double().train()
    mean, deviation = data.standardisation.mean, data.standardisation.deviation
    step = optimiser(network.parameters(), lr=RATE)
    train = data.train_images
    for pixels, labels in TensorBatches(train, batch_size=data.batch_size, seed=data.seed):
        step.zero_grad()
        functional.cross_entropy(network((pixels.double() - mean) / deviation), labels).backward()
        step.step()
    return network.state_dict()


def check_same(classifier, folder, **options):
    data = images()
    expected = bare_epoch(classifier, data, **options)
    small_trainer(folder, precision="64-true").fit(classifier, data)
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
