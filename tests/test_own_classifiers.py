"""Classes that a user makes from ours, and networks of which a user freezes a part."""

import pytest
import torch
from small_runs import small_classifier, small_data, small_trainer
from torch import nn
from torch.nn import functional

from lightning_cifar.classifiers import (
    BatchNormClassifier,
    DenseClassifier,
    EluClassifier,
    SeluClassifier,
    variant_of,
)
from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.training.best_weights import BestWeights


class OwnLoss(SeluClassifier):
    """The network of selu, trained otherwise."""

    def training_step(self, batch, batch_index):
        images, labels = batch
        return functional.cross_entropy(self(images), labels, label_smoothing=0.1)

    def on_train_epoch_end(self):
        pass


class OwnNetwork(DenseClassifier):
    """A network that is none of the four."""

    def build_network(self, depth, width, generator):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(3072, width), nn.Tanh(), nn.Linear(width, self.classes)
        )


class OtherNetwork(OwnNetwork):
    """Another, with weights of the same shapes."""

    def build_network(self, depth, width, generator):
        network = super().build_network(depth, width, generator)
        network[2] = nn.Sigmoid()
        return network


@pytest.mark.parametrize(("own", "name"), [(OwnLoss, "selu"), (OwnNetwork, "OwnNetwork")])
def test_a_fit_of_a_user_s_class_ends_with_its_best_weights(tmp_path, own, name):
    """Lightning takes a StopIteration of a hook for the end of an epoch, and says nothing."""
    best = BestWeights(patience=1)
    trainer = small_trainer(tmp_path, [best], max_epochs=30)
    classifier = small_classifier(own, learning_rate=3e-2)
    trainer.fit(classifier, small_data())
    assert best.best_epoch + 1 < trainer.current_epoch < 30  # the last weights are not the best
    checkpoint = load_checkpoint(tmp_path / "best.ckpt")
    assert checkpoint["variant"] == name
    again = own.load_from_checkpoint(tmp_path / "best.ckpt")
    for kept, mine in zip(again.parameters(), classifier.parameters(), strict=True):
        assert torch.equal(kept, mine)


def test_a_class_that_builds_our_network_is_of_its_variant():
    assert variant_of(small_classifier(OwnLoss)) == "selu"
    assert variant_of(small_classifier(OwnNetwork)) == "OwnNetwork"


@pytest.mark.parametrize("other", [OtherNetwork, SeluClassifier])
def test_weights_of_a_user_s_network_are_refused_by_others(tmp_path, other):
    trainer = small_trainer(tmp_path)
    trainer.fit(small_classifier(OwnNetwork), small_data())
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    with pytest.raises(InputError, match="the checkpoint holds OwnNetwork 2x4"):
        other.load_from_checkpoint(tmp_path / "own.ckpt")


def frozen(classifier, *layers):
    for layer in layers:
        classifier.network[layer].requires_grad_(False)
    return classifier


def bare_loop(classifier, epochs):
    """The same training by PyTorch's NAdam, over what is not frozen."""
    datamodule = small_data()
    datamodule.setup("fit")
    statistics = datamodule.standardisation
    classifier.standardise.adopt(statistics.mean, statistics.deviation)
    trained = [each for each in classifier.network.parameters() if each.requires_grad]
    optimiser = torch.optim.NAdam(trained, lr=classifier.learning_rate)
    batches = datamodule.train_dataloader()
    for epoch in range(epochs):
        batches.set_epoch(epoch)
        for images, labels in batches:
            optimiser.zero_grad()
            functional.cross_entropy(classifier(images), labels).backward()
            optimiser.step()
    return classifier


@pytest.mark.parametrize("layers", [(1,), (3,), (1, 3)])
def test_frozen_layers_stay_and_the_others_are_trained_as_by_a_bare_loop(tmp_path, layers):
    start, ours, theirs = (frozen(small_classifier(), *layers) for _ in range(3))
    small_trainer(tmp_path, max_epochs=3).fit(ours, small_data())
    bare_loop(theirs, 3)
    pairs = zip(*(each.network.parameters() for each in (start, ours, theirs)), strict=True)
    for first, mine, other in pairs:
        assert torch.allclose(mine, other, atol=1e-5)
        assert torch.equal(first, mine) != mine.requires_grad


def test_muon_leaves_frozen_layers_alone(tmp_path):
    classifiers = [
        frozen(small_classifier(BatchNormClassifier, depth=3, optimiser="muon"), 2, 3)
        for _ in range(2)
    ]
    small_trainer(tmp_path).fit(classifiers[1], small_data())
    start, end = (list(each.network.parameters()) for each in classifiers)
    for first, last in zip(start, end, strict=True):
        assert torch.equal(first, last) != last.requires_grad


def test_a_network_that_is_frozen_as_a_whole_is_refused(tmp_path):
    classifier = small_classifier(EluClassifier)
    classifier.freeze()
    with pytest.raises(InputError, match="all parameters of the network are frozen, so a fit"):
        small_trainer(tmp_path).fit(classifier, small_data())
