import math

import pytest
import torch
from lightning.pytorch import Callback
from small_runs import lopsided_data, small_classifier, small_data, small_trainer
from torch import nn
from torch.nn import functional

from lightning_cifar.classifiers import (
    VARIANTS,
    AlphaDropoutClassifier,
    BatchNormClassifier,
    EluClassifier,
    SeluClassifier,
    variant_of,
)
from lightning_cifar.data.statistics import measure
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.checkpoints import load_checkpoint

TOP = 3e-3
EPOCHS, BATCHES = 4, 4  # 54 images in batches of 16


class Rates(Callback):
    """The learning rate of every step, and a check that the schedule belongs to the optimiser."""

    def __init__(self):
        self.seen = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


def rates_of_a_fit(folder, *callbacks, **options):
    rates = Rates()
    trainer = small_trainer(folder, [*callbacks, rates], max_epochs=EPOCHS)
    trainer.fit(small_classifier(**{"learning_rate": TOP, **options}), small_data())
    return rates.seen


def assert_one_cycle(rates, top):
    """A rate for each step: up from a tenth to the top at 45 % of the steps, down to nearly 0."""
    assert len(rates) == EPOCHS * BATCHES
    assert len(set(rates)) > len(rates) * 3 / 4, "not stepped per batch"
    highest = rates.index(max(rates))
    assert rates[0] == pytest.approx(top / 10)
    # The top lies between two steps, at most half of a step's rise away.
    assert max(rates) == pytest.approx(top, rel=0.08)
    assert abs(highest - 0.45 * len(rates)) <= 1
    assert rates[: highest + 1] == sorted(rates[: highest + 1])
    assert rates[highest:] == sorted(rates[highest:], reverse=True)
    assert rates[-1] == pytest.approx(top / 10 / 1000)


def test_one_cycle_goes_up_and_down_once_step_by_step(tmp_path):
    assert_one_cycle(rates_of_a_fit(tmp_path, schedule="one_cycle"), TOP)


def test_control_a_cycle_stepped_per_epoch_is_rejected(tmp_path, monkeypatch):
    per_batch = EluClassifier.configure_optimizers

    def per_epoch(self):
        configured = per_batch(self)
        configured["lr_scheduler"]["interval"] = "epoch"
        return configured

    monkeypatch.setattr(EluClassifier, "configure_optimizers", per_epoch)
    rates = rates_of_a_fit(tmp_path, schedule="one_cycle")
    with pytest.raises(AssertionError, match="per batch"):
        assert_one_cycle(rates, TOP)


def test_control_a_constant_rate_is_no_cycle(tmp_path):
    rates = rates_of_a_fit(tmp_path)
    assert set(rates) == {TOP}
    with pytest.raises(AssertionError):
        assert_one_cycle(rates, TOP)


def test_found_rate_is_the_top_of_the_cycle(tmp_path):
    search = LearningRateSearch(candidates=2, epochs=1, cache=str(tmp_path / "cache"))
    classifier = small_classifier(learning_rate=None, schedule="one_cycle")
    rates = Rates()
    small_trainer(tmp_path, [search, rates], max_epochs=EPOCHS).fit(classifier, small_data())
    assert_one_cycle(rates.seen, classifier.learning_rate)


def test_without_a_rate_or_a_search_nothing_is_trained(tmp_path):
    with pytest.raises(InputError, match="no learning rate"):
        small_trainer(tmp_path).fit(small_classifier(learning_rate=None), small_data())


def test_optimiser_is_nadam_over_all_parameters(tmp_path):
    classifier = small_classifier()
    optimiser = classifier.configure_optimizers()
    assert isinstance(optimiser, FlatNAdam)
    held = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    assert held == {id(parameter) for parameter in classifier.parameters()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained classifier, its data and the checkpoint of its weights."""
    folder = tmp_path_factory.mktemp("trained")
    classifier, datamodule = small_classifier(BatchNormClassifier), small_data()
    trainer = small_trainer(folder, max_epochs=2)
    trainer.fit(classifier, datamodule)
    trainer.save_checkpoint(folder / "saved.ckpt", weights_only=True)
    return classifier, datamodule, folder / "saved.ckpt"


def test_saved_model_takes_raw_images(trained):
    """Loaded without any data, it standardises as it was trained."""
    classifier, datamodule, path = trained
    checkpoint = load_checkpoint(path)
    loaded = BatchNormClassifier(**checkpoint["hyper_parameters"])
    loaded.load_state_dict(checkpoint["state_dict"])
    images = datamodule.validation_images.images
    statistics = measure(datamodule.train_images.images, "per_pixel")
    by_hand = (images.float() - statistics.mean) / statistics.deviation
    with torch.no_grad():
        logits = loaded.eval()(images)
        assert images.dtype == torch.uint8
        assert torch.equal(logits, classifier.eval()(images))
        assert torch.allclose(logits, loaded.network(by_hand), atol=1e-4)
        # Control: raw pixels without the standardisation inside are another matter.
        assert not torch.allclose(logits, loaded.network(images.float()), atol=1e-1)


def test_checkpoint_loads_into_the_same_network(trained, tmp_path):
    small_trainer(tmp_path).validate(
        small_classifier(BatchNormClassifier), small_data(), ckpt_path=trained[2], verbose=False
    )


@pytest.mark.parametrize(
    ("other", "theirs"),
    [
        (EluClassifier(depth=2, width=4), "elu 2x4"),
        (BatchNormClassifier(depth=3, width=4), "batch_norm 3x4"),
        (BatchNormClassifier(depth=2, width=5), "batch_norm 2x5"),
    ],
    ids=["variant", "depth", "width"],
)
def test_checkpoint_of_another_network_is_refused(trained, tmp_path, other, theirs):
    message = f"the checkpoint holds batch_norm 2x4, the configuration asks for {theirs}"
    with pytest.raises(InputError, match=message):
        small_trainer(tmp_path).test(other, small_data(), ckpt_path=trained[2], verbose=False)


def test_weights_of_selu_would_fit_into_elu_and_are_refused_all_the_same(tmp_path):
    selu, elu = small_classifier(SeluClassifier), small_classifier(EluClassifier)
    elu.load_state_dict(selu.state_dict())  # the control: nothing else would notice
    checkpoint = {"hyper_parameters": dict(selu.hparams)}
    selu.on_save_checkpoint(checkpoint)
    with pytest.raises(InputError, match="holds selu 2x4"):
        elu.on_load_checkpoint(checkpoint)


@pytest.mark.parametrize("averaged", [False, True])
def test_loading_takes_the_type_of_the_weights_that_were_trained(averaged, tmp_path):
    """Beside averaged weights of another type, the trained ones have a key of their own."""
    saved = small_classifier(EluClassifier)
    checkpoint = {"hyper_parameters": dict(saved.hparams), "state_dict": saved.state_dict()}
    saved.on_save_checkpoint(checkpoint)
    if averaged:
        checkpoint["current_model_state"] = saved.double().state_dict()
    loaded = small_classifier(EluClassifier)
    loaded._trainer = small_trainer(tmp_path)
    loaded.on_load_checkpoint(checkpoint)
    assert loaded.standardise.scale.dtype == (torch.float64 if averaged else torch.float32)


class Batches(Callback):
    """Loss and right answers of each training batch, computed again before the step."""

    def __init__(self):
        self.losses, self.right, self.counts = [], [], []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        images, labels = batch
        with torch.no_grad():
            logits = pl_module.network(pl_module.standardise(images)).double()
        chances = logits.softmax(1)[torch.arange(len(labels)), labels]
        self.losses.append(-chances.log().sum().item())
        self.right.append((logits.argmax(1) == labels).sum().item())
        self.counts.append(len(labels))


def test_training_figures_are_means_over_images(tmp_path):
    """The last batch is smaller than the others: a mean over batches would differ."""
    batches = Batches()
    trainer = small_trainer(tmp_path, [batches])
    trainer.fit(small_classifier(), small_data())
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert batches.counts == [16, 16, 16, 6]
    assert metrics["train_loss"] == pytest.approx(sum(batches.losses) / 54, rel=1e-5)
    assert metrics["train_accuracy"] == pytest.approx(sum(batches.right) / 54)
    by_batch = [loss / count for loss, count in zip(batches.losses, batches.counts, strict=True)]
    assert metrics["train_loss"] != pytest.approx(sum(by_batch) / 4, rel=1e-5)


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_evaluation_figures_are_those_of_the_images(tmp_path, stage):
    classifier, datamodule = small_classifier(), small_data(train=2000, test=1001)
    trainer = small_trainer(tmp_path)
    evaluate = trainer.validate if stage == "validate" else trainer.test
    evaluate(classifier, datamodule, verbose=False)
    data = datamodule.validation_images if stage == "validate" else datamodule.image_set().test
    with torch.no_grad():
        logits = classifier.eval()(data.images)
    prefix = "val" if stage == "validate" else "test"
    loss = functional.cross_entropy(logits, data.labels).item()
    accuracy = (logits.argmax(1) == data.labels).double().mean().item()
    assert float(trainer.callback_metrics[f"{prefix}_loss"]) == pytest.approx(loss, rel=1e-5)
    assert float(trainer.callback_metrics[f"{prefix}_accuracy"]) == pytest.approx(accuracy)


def test_loss_of_a_network_that_is_broken_for_one_image_is_not_a_number(tmp_path):
    """Left out of the mean, the image would make the network look better than it is."""
    classifier, trainer = small_classifier(), small_trainer(tmp_path)

    def broken(images):
        logits = torch.zeros(len(images), 10)
        logits[0] = math.nan
        return logits

    classifier.forward = broken
    trainer.validate(classifier, small_data(), verbose=False)
    assert math.isnan(trainer.callback_metrics["val_loss"])


def test_predictions_are_probabilities_of_images_with_or_without_labels():
    classifier, datamodule = small_classifier().eval(), small_data()
    datamodule.setup("fit")
    data = datamodule.validation_images
    with torch.no_grad():
        alone = classifier.predict_step(data.images, 0)
        beside = classifier.predict_step((data.images, data.labels), 0)
        assert torch.equal(alone, classifier(data.images).softmax(1))
    assert torch.equal(alone, beside)
    assert torch.allclose(alone.sum(1), torch.ones(len(alone)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"width": -3}, "width must be at least 1, got -3"),
        ({"learning_rate": 0.0}, "must be a positive number, got 0.0"),
        ({"learning_rate": -1e-3}, "must be a positive number, got -0.001"),
        ({"learning_rate": math.nan}, "must be a positive number, got nan"),
        ({"learning_rate": math.inf}, "must be a positive number, got inf"),
    ],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_and_rates_out_of_range_are_refused(variant, options, message):
    with pytest.raises(InputError, match=message):
        VARIANTS[variant](**options)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.nan])
def test_dropout_rates_out_of_range_are_refused(rate):
    with pytest.raises(InputError, match="dropout_rate must be at least 0 and below 1"):
        AlphaDropoutClassifier(dropout_rate=rate)


@pytest.mark.parametrize(("everywhere", "count"), [(False, 1), (True, 3)])
def test_alpha_dropout_stands_where_it_was_asked_for(everywhere, count):
    classifier = AlphaDropoutClassifier(3, 4, dropout_rate=0.2, dropout_everywhere=everywhere)
    dropouts = [layer for layer in classifier.network if isinstance(layer, nn.AlphaDropout)]
    assert [layer.p for layer in dropouts] == [0.2] * count
    assert isinstance(classifier.network[-2], nn.AlphaDropout)


@pytest.mark.parametrize("variant", VARIANTS)
def test_seed_decides_the_first_weights(variant):
    def weights(seed):
        classifier = VARIANTS[variant](depth=1, width=3, seed=seed)
        return nn.utils.parameters_to_vector(classifier.parameters())

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_variants_are_named_as_in_the_exercise():
    assert {"elu", "batch_norm", "selu", "alpha_dropout"} <= VARIANTS.keys()
    assert [variant_of(each(depth=1, width=1)) for each in VARIANTS.values()] == list(VARIANTS)


@pytest.mark.parametrize(("data", "shown"), [(lopsided_data, True), (small_data, False)])
def test_a_balanced_accuracy_is_told_where_classes_differ_in_size(tmp_path, data, shown):
    datamodule = data()
    datamodule.setup("fit")
    classes = len(datamodule.classes)
    classifier, trainer = small_classifier(classes=classes), small_trainer(tmp_path)
    counts = datamodule.validation_images.labels.bincount(minlength=classes)
    assert (len(set(counts.tolist())) > 1) is shown
    trainer.validate(classifier, datamodule, verbose=False)
    assert ("val_balanced_accuracy" in trainer.callback_metrics) is shown
