"""Class weights: every class counts the same in the training loss, and there alone."""

import pytest
import torch
import yaml
from commands import fit, record_of, refused, smoke, working_in
from image_examples import random_images
from lightning.pytorch import LightningDataModule
from small_runs import lopsided_data, small_classifier, small_trainer
from torch.nn import functional

from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.unequal_classes import balanced_weights
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.find import find_rate
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.resuming import check_unchanged

EQUAL = {"class_weights": "balanced", "classes": 3}


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    with working_in(tmp_path / "work", monkeypatch) as folder:
        yield folder


def test_weights_make_classes_count_the_same():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    weights = balanced_weights(labels, 3)
    assert weights.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert (weights * labels.bincount()).tolist() == pytest.approx([10 / 3] * 3)
    assert float(weights[labels].mean()) == pytest.approx(1)


def balanced_accuracy(folder, **options):
    """On as many test images of either class, after ten epochs over 240 and 12 images."""
    data = lopsided_data((300, 15), batch_size=32)
    classifier = small_classifier(classes=2, **options)
    trainer = small_trainer(folder, max_epochs=10)
    trainer.fit(classifier, data)
    (figures,) = trainer.test(classifier, data, verbose=False)
    return figures["test_accuracy"]


def test_a_small_class_is_learned(tmp_path):
    plain = balanced_accuracy(tmp_path / "plain")
    assert plain < 0.6, "the large class alone"
    assert balanced_accuracy(tmp_path / "weighted", class_weights="balanced") > plain + 0.2


def test_a_search_trains_with_the_weights(tmp_path):
    """The range test's first loss is that of the first weights; the race ends elsewhere."""
    data = lopsided_data()
    data.setup("fit")
    found = {}
    for weights in ("none", "balanced"):
        classifier = small_classifier(classes=3, class_weights=weights)
        found[weights] = find_rate(classifier, data, torch.device("cpu"), candidates=2, epochs=1)
    images, labels = next(iter(TensorBatches(data.train_images, batch_size=16, seed=0)))
    statistics = data.standardisation
    logits = classifier.network((images - statistics.mean) / statistics.deviation)
    weight = balanced_weights(data.train_images.labels, 3).float()
    for weights, expected in (("none", None), ("balanced", weight)):
        loss = float(functional.cross_entropy(logits, labels, weight=expected).detach())
        assert found[weights].test.losses[0] == pytest.approx(loss, rel=1e-5), weights
    losses = [[each.val_losses for each in result.race] for result in found.values()]
    assert losses[0] != losses[1]


def test_validation_is_not_weighted(tmp_path):
    data, classifier = lopsided_data(), small_classifier(**EQUAL)
    trainer = small_trainer(tmp_path)
    trainer.fit(classifier, data)
    validation = data.validation_images
    with torch.no_grad():
        loss = functional.cross_entropy(classifier.eval()(validation.images), validation.labels)
    assert float(trainer.callback_metrics["val_loss"]) == pytest.approx(float(loss), rel=1e-5)


def test_run_tells_its_weights_and_keeps_them(cwd, capsys):
    """In the record by class, and as a setting in configuration and checkpoint."""
    fit(capsys, "--model.class_weights", "balanced", "--data.validation", "first")
    weights = record_of(cwd)["class_weights"]
    assert len(weights) == 10
    assert sum(1 / (10 * weight) for weight in weights.values()) == pytest.approx(1)
    config = yaml.safe_load((cwd / "run/config.yaml").read_text())
    assert config["model"]["init_args"]["class_weights"] == "balanced"
    checkpoint = load_checkpoint(cwd / "run/best.ckpt")
    assert checkpoint["hyper_parameters"]["class_weights"] == "balanced"
    error = refused(capsys, "fit", "--run", "run", "--resume", "--model.class_weights", "none")
    assert "started with model.init_args.class_weights = 'balanced'" in error
    fit(capsys, name="plain")
    assert record_of(cwd, "plain")["class_weights"] == {}


def test_a_run_of_an_earlier_version_had_none():
    before, after = ({"model": {"init_args": each}} for each in ({}, {"class_weights": "none"}))
    check_unchanged(before, after)
    with pytest.raises(InputError, match="class_weights = None and cannot be continued with 'bal"):
        check_unchanged(before, {"model": {"init_args": {"class_weights": "balanced"}}})


def test_other_values_are_refused(cwd, capsys):
    error = refused(capsys, *smoke(), "--model.class_weights", "heavy")
    assert "class_weights cannot be heavy; expected one of 'none', 'balanced'" in error
    with pytest.raises(InputError, match="class_weights is 'heavy'; choose one of none, balanced"):
        small_classifier(class_weights="heavy")


class Foreign(LightningDataModule):
    """Images of which nobody has counted the classes."""

    def train_dataloader(self):
        return TensorBatches(random_images(20), batch_size=10)

    val_dataloader = train_dataloader


def test_data_of_the_users_own_are_refused_in_words(tmp_path):
    classifier = small_classifier(class_weights="balanced")
    with pytest.raises(InputError, match="CIFAR10DataModule alone knows how many training images"):
        small_trainer(tmp_path).fit(classifier, Foreign())
    small_trainer(tmp_path).fit(small_classifier(), Foreign())  # the control: they are served
