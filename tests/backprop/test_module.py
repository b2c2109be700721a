import logging

import pytest
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar.classifiers import DenseClassifier, EluClassifier
from lightning_cifar.networks import dense, he_normal


class TanhClassifier(DenseClassifier):
    def build_network(self, depth, width, generator):
        first = dense(3072, width, he_normal, generator)
        return nn.Sequential(nn.Flatten(), first, nn.Tanh(), dense(width, 10, he_normal, generator))


def hooked(classifier):
    classifier.network[1].register_forward_hook(lambda *_: None)
    return classifier


@pytest.mark.parametrize(
    ("classifier", "said"),
    [
        (small_classifier(TanhClassifier), "autograd finds the gradients of Tanh"),
        (hooked(small_classifier()), "autograd finds the gradients of Linear"),
        (small_classifier(EluClassifier), None),
    ],
    ids=["unknown layer", "hook on a layer", "known layers"],
)
def test_layers_left_to_autograd_are_named(tmp_path, caplog, classifier, said):
    with caplog.at_level(logging.INFO, "lightning.pytorch.utilities.rank_zero"):
        small_trainer(tmp_path).fit(classifier, small_data())
    assert not classifier.automatic_optimization
    assert said in caplog.text if said else "autograd" not in caplog.text
