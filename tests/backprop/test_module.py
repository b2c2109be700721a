import pytest
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar.classifiers import DenseClassifier, EluClassifier
from lightning_cifar.data.notices import say_once
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
def test_layers_left_to_autograd_are_named(tmp_path, capsys, classifier, said):
    say_once.cache_clear()
    small_trainer(tmp_path).fit(classifier, small_data())
    assert not classifier.automatic_optimization
    told = capsys.readouterr().err
    assert said in told if said else "autograd" not in told


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"precision": "bf16-true"}, "the precision is bf16-true"),
        ({"detect_anomaly": True}, "anomalies are looked for"),
        ({}, None),
    ],
)
def test_why_steps_are_not_made_by_hand_is_said_once(tmp_path, capsys, options, reason):
    say_once.cache_clear()
    for _ in range(2):
        small_trainer(tmp_path, **options).fit(small_classifier(), small_data())
    told = capsys.readouterr().err
    assert told.count("steps are made by autograd") == (0 if reason is None else 1)
    assert reason is None or reason in told
