import pickle

import pytest
import torch
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar.backprop.stacked_layers import StackedAlphaDropout
from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.classifiers import AlphaDropoutClassifier, DenseClassifier, EluClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.notices import say_once
from lightning_cifar.networks import alpha_dropout_network, dense, he_normal
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.stack.network import StackedNetwork
from lightning_cifar.standardise import Standardise


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


def test_gradients_are_clipped_in_the_optimiser_of_the_fit(tmp_path, monkeypatch):
    seen = []

    def noted(module, optimizer, value=None, algorithm=None):
        seen.append((optimizer is module.optimizers(use_pl_optimizer=False), value, algorithm))

    monkeypatch.setattr(EluClassifier, "configure_gradient_clipping", noted)
    small_trainer(tmp_path, gradient_clip_val=0.5).fit(small_classifier(), small_data())
    assert set(seen) == {(True, 0.5, None)}
    assert len(seen) == 4  # one for each step


def test_masks_of_a_stack_move_on_with_every_step():
    networks = [alpha_dropout_network(2, 4, torch.Generator(), 0.5, True) for _ in range(2)]
    stack = StackedNetwork(networks, [1, 2]).train()
    rates = torch.ones(2)
    optimiser = FlatNAdam(stack.parameter_groups(), lr=1e-3, rates=rates)
    step = Backpropagation(stack.layers, Standardise(), optimiser, 2, torch.zeros(2, 2))
    step.prepare()
    for _ in range(3):
        step(torch.zeros(5, 3, 32, 32), torch.zeros(5, dtype=torch.long))
    dropouts = [each for each in stack.layers if isinstance(each, StackedAlphaDropout)]
    assert [each.passes.tolist() for each in dropouts] == [[3, 3], [3, 3]]


class Counts(CIFAR10DataModule):
    """Notes how many images each transfer had."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        images, _ = batch
        self.sizes = [*getattr(self, "sizes", ()), len(images)]
        return batch


def test_hooks_of_a_data_module_get_single_batches(tmp_path):
    datamodule = small_data(train=42)  # two batches, and one of validation
    datamodule.__class__ = Counts
    small_trainer(tmp_path).fit(small_classifier(), datamodule)
    assert datamodule.sizes == [16, 16, 10]


def test_a_module_can_be_pickled_after_its_fit(tmp_path):
    classifier = small_classifier(AlphaDropoutClassifier)
    small_trainer(tmp_path).fit(classifier, small_data())
    copied = pickle.loads(pickle.dumps(classifier))
    assert torch.equal(copied.network[1].weight, classifier.network[1].weight)
    small_trainer(tmp_path).fit(copied, small_data())
    assert not torch.equal(copied.network[1].weight, classifier.network[1].weight)
