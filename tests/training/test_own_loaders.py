"""A classifier on a user's own loaders: raw images are standardised by what they hold."""

import pytest
import torch
from controls import assert_rejects
from image_examples import random_images
from lightning.pytorch import LightningDataModule
from small_runs import small_classifier, small_data, small_trainer
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.statistics import measure
from lightning_cifar.errors import InputError
from lightning_cifar.training.best_weights import BestWeights

TRAIN, VALIDATION = random_images(70), random_images(20, seed=3)


def loader(data, **options):
    return DataLoader(TensorDataset(data.images, data.labels), batch_size=16, **options)


class Foreign(LightningDataModule):
    """A data module that is not ours."""

    def train_dataloader(self):
        return loader(TRAIN, shuffle=True)

    def val_dataloader(self):
        return loader(VALIDATION)


SOURCES = {
    "loaders": lambda: (loader(TRAIN, shuffle=True), loader(VALIDATION)),
    "our batches": lambda: (TensorBatches(TRAIN, batch_size=16), loader(VALIDATION)),
    "a data module": lambda: (Foreign(),),
}


def fit(folder, *data, classifier=None, **options):
    classifier = classifier or small_classifier()
    small_trainer(folder, [BestWeights()], **options).fit(classifier, *data)
    return classifier


def assert_standardises(classifier, data):
    """The statistics in the module are those of these images."""
    expected = measure(data.images, "per_pixel")
    assert torch.equal(classifier.standardise.scale, 1 / expected.deviation)
    assert torch.equal(classifier.standardise.shift, -expected.mean / expected.deviation)


@pytest.fixture(autouse=True)
def _quiet_loaders():
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        yield


@pytest.mark.parametrize("source", SOURCES)
def test_statistics_are_those_of_the_training_images(tmp_path, source):
    assert_standardises(fit(tmp_path, *SOURCES[source]()), TRAIN)


def test_control_validation_images_have_others(tmp_path):
    classifier = fit(tmp_path, *SOURCES["loaders"]())
    assert_rejects(lambda: assert_standardises(classifier, VALIDATION))


@pytest.mark.parametrize("generator", [None, 7])
def test_measuring_leaves_no_trace_in_the_order(tmp_path, generator):
    """The fit ends as one whose statistics were there before."""

    def fresh():
        torch.manual_seed(5)
        made = None if generator is None else torch.Generator().manual_seed(generator)
        return loader(TRAIN, shuffle=True, generator=made), loader(VALIDATION)

    classifier = small_classifier()
    expected = measure(TRAIN.images, "per_pixel")
    classifier.standardise.adopt(expected.mean, expected.deviation)
    known = fit(tmp_path / "known", *fresh(), classifier=classifier, max_epochs=2)
    measured = fit(tmp_path / "measured", *fresh(), max_epochs=2)
    for name, weight in known.state_dict().items():
        assert torch.equal(weight, measured.state_dict()[name])


def test_images_that_are_no_longer_raw_are_left_alone(tmp_path):
    data = TensorDataset(torch.randn(32, 3, 32, 32), torch.arange(32) % 10)
    classifier = fit(tmp_path, DataLoader(data, batch_size=16), DataLoader(data, batch_size=16))
    assert classifier.standardise.is_fresh()


def test_statistics_of_an_earlier_fit_are_kept(tmp_path):
    classifier = fit(tmp_path / "first", *SOURCES["loaders"]())
    fit(tmp_path / "second", loader(VALIDATION), loader(TRAIN), classifier=classifier)
    assert_standardises(classifier, TRAIN)


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield TRAIN.images[0], TRAIN.labels[0]


def test_raw_images_without_an_end_are_refused(tmp_path):
    with pytest.raises(InputError, match="no length"):
        fit(tmp_path, DataLoader(Endless(), batch_size=4), loader(VALIDATION))


def test_raw_images_of_another_size_are_refused(tmp_path):
    large = TensorDataset(torch.zeros(8, 3, 64, 64, dtype=torch.uint8), torch.arange(8))
    with pytest.raises(InputError, match=r"shape \(3, 64, 64\)"):
        fit(tmp_path, DataLoader(large, batch_size=4), loader(VALIDATION))


def learned(folder, train, validation):
    """Training accuracy after a few epochs on images whose brightness tells the class."""
    classifier = small_classifier(depth=2, width=16, learning_rate=3e-3)
    trainer = small_trainer(folder, [BestWeights(patience=99)], max_epochs=15)
    trainer.fit(classifier, train, validation)
    return float(trainer.callback_metrics["train_accuracy"])


def test_raw_images_are_learned(tmp_path):
    """Unstandardised they stay at chance, without a word."""
    labels = torch.arange(200) % 10
    noise = torch.randint(0, 6, (200, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    images = (200 + 5 * labels[:, None, None, None] + noise).to(torch.uint8)
    data = TensorDataset(images, labels)
    loaders = [DataLoader(data, batch_size=20), DataLoader(data, batch_size=20)]
    assert learned(tmp_path / "measured", *loaders) > 0.5


def test_validating_before_the_fit_does_not_break_it(tmp_path):
    """Metrics that a validation under inference mode leaves cannot be updated outside it."""
    classifier, data = small_classifier(), small_data()
    trainer = small_trainer(tmp_path, [BestWeights()], max_epochs=1)
    trainer.validate(classifier, data, verbose=False)
    before = float(trainer.callback_metrics["val_loss"])
    trainer.fit(classifier, data)
    trainer.test(classifier, data, verbose=False)
    trainer.validate(classifier, data, verbose=False)
    assert float(trainer.callback_metrics["val_loss"]) != before


def test_first_look_is_at_standardised_images(tmp_path):
    """The loss of an untrained network on raw pixels would say nothing."""
    classifier = small_classifier()
    trainer = small_trainer(tmp_path)
    trainer.validate(classifier, small_data(), verbose=False)
    assert not classifier.standardise.is_fresh()
    assert float(trainer.callback_metrics["val_loss"]) < 10


class Counting(Foreign):
    """Every loader that it makes is another one."""

    def __init__(self):
        super().__init__()
        self.made, self.trained = 0, []

    def train_dataloader(self):
        self.made += 1
        self.trained.append(self.made)
        return loader(random_images(16 * self.made))


def test_measuring_leaves_no_trace_in_the_data_module(tmp_path):
    datamodule = Counting()
    options = {"max_epochs": 3, "reload_dataloaders_every_n_epochs": 1}
    small_trainer(tmp_path, **options).fit(small_classifier(), datamodule)
    assert datamodule.trained == [1, 2, 3]


class Scales(Foreign):
    """Its hook has images made floats."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch[0].float() / 255, batch[1]


def test_images_that_a_hook_scales_are_not_raw(tmp_path):
    assert fit(tmp_path, Scales()).standardise.is_fresh()


def labelled(change, images=None):
    """Batches whose labels, or images, are not what they should be."""
    data = TensorDataset(TRAIN.images.float() if images is None else images, change(TRAIN.labels))
    return DataLoader(data, batch_size=10)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"], ids=["by hand", "by autograd"])
@pytest.mark.parametrize(
    ("change", "given"),
    [
        (lambda labels: labels + 0.7, "float32 of shape (10,)"),
        (lambda labels: torch.eye(10)[labels], "float32 of shape (10, 10)"),
        (lambda labels: labels[:, None], "int64 of shape (10, 1)"),
    ],
    ids=["floats", "shares", "columns"],
)
def test_labels_of_another_kind_are_refused(tmp_path, change, given, precision):
    trainer = small_trainer(tmp_path, precision=precision)
    with pytest.raises(InputError) as refused:
        trainer.fit(small_classifier(), labelled(change), loader(VALIDATION))
    assert str(refused.value) == (
        f"labels are whole numbers, one for each image, got {given} for images of shape "
        "(10, 3, 32, 32); give the number of each image's class"
    )


def test_colours_that_come_last_are_refused(tmp_path):
    turned = TRAIN.images.float().permute(0, 2, 3, 1)
    with pytest.raises(
        InputError, match=r"\(3, 32, 32\) each, got a batch of shape \(10, 32, 32, 3"
    ):
        fit(tmp_path, labelled(torch.clone, turned), loader(VALIDATION))


def test_images_may_lie_in_any_order_in_memory(tmp_path):
    def trained(memory_format):
        batch = (TRAIN.images.float().to(memory_format=memory_format), TRAIN.labels)
        classifier = small_classifier()
        given = DataLoader([batch], batch_size=None)
        fit(tmp_path, given, loader(VALIDATION), classifier=classifier)
        return classifier.network[1].weight

    assert torch.equal(trained(torch.channels_last), trained(torch.contiguous_format))


def test_batches_of_an_earlier_fit_are_single(tmp_path):
    datamodule = small_data(train=74)
    small_trainer(tmp_path).fit(small_classifier(), datamodule)
    batches = datamodule.train_dataloader()
    assert isinstance(batches, TensorBatches)
    trainer = small_trainer(tmp_path, limit_train_batches=2)
    trainer.fit(small_classifier(), batches, datamodule.val_dataloader())
    assert trainer.global_step == 2
