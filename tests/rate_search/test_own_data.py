"""A search before a fit on loaders or data modules of the user's own."""

import copy
import random

import numpy as np
import pytest
import torch
from controls import assert_rejects
from image_examples import random_images
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from small_runs import small_classifier, small_data, small_trainer
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.loaders import left_as_found
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search import short_fits
from lightning_cifar.rate_search.callback import LearningRateSearch

TRAIN, VALIDATION = random_images(48), random_images(20, seed=1)
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


class Listed:
    """The simplest loader there is: batches in a list, in another order each time."""

    def __init__(self, batches, rng=None):
        self.batches, self.rng = batches, rng

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        if self.rng is not None:
            self.rng.shuffle(self.batches)
        return iter(self.batches)


def stock(data, **options):
    return DataLoader(TensorDataset(data.images, data.labels), batch_size=16, **options)


def in_memory(data, shuffle):
    return TensorBatches(data, batch_size=16, shuffle=shuffle, seed=3)


# Training and validation loaders of each kind, made anew.
LOADERS = {
    "DataLoader": lambda: (
        stock(TRAIN, shuffle=True, generator=torch.Generator().manual_seed(5)),
        stock(VALIDATION),
    ),
    "list of batches": lambda: (
        Listed(list(in_memory(TRAIN, True)), random.Random(4)),
        Listed(list(in_memory(VALIDATION, False))),
    ),
    "NumPy's order": lambda: (
        Listed(list(in_memory(TRAIN, True)), np.random.default_rng(4)),
        Listed(list(in_memory(VALIDATION, False))),
    ),
    "TensorBatches": lambda: (in_memory(TRAIN, True), in_memory(VALIDATION, False)),
}


class Seen(Callback):
    """The labels of the batches that a fit trains on."""

    def __init__(self):
        self.labels = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.labels.append(batch[1].tolist())


def fitted(folder, module, *, callbacks=(), train=None, val=None, datamodule=None, **options):
    """A fit of two epochs with a short search before it, if the module has no rate."""
    seen = Seen()
    search = LearningRateSearch(candidates=2, epochs=1, cache=str(folder / "cache"))
    trainer = small_trainer(folder, [search, seen, *callbacks], max_epochs=2, **options)
    trainer.fit(module, train, val, datamodule=datamodule)
    return seen.labels, search


@pytest.mark.parametrize("kind", LOADERS)
def test_classifier_is_searched_with_loaders_of_its_own(tmp_path, kind, capsys):
    classifier = small_classifier(learning_rate=None)
    train, val = LOADERS[kind]()
    _, search = fitted(tmp_path, classifier, train=train, val=val)
    assert search.source == "search"
    assert classifier.learning_rate == classifier.hparams["learning_rate"] > 0
    said = capsys.readouterr().err
    assert f"learning rate {classifier.learning_rate:.3g} (from the search)" in said
    assert not list(tmp_path.rglob("*.json")), "what decides this rate is not known"


def leaves_no_trace(folder, kind):
    """A check that a fit after a search is, to the last bit, the fit with its rate given."""

    def check():
        searched = small_classifier(learning_rate=None)
        state = (torch.get_rng_state(), random.getstate())
        train, val = LOADERS[kind]()
        labels, _ = fitted(folder, searched, train=train, val=val)
        assert torch.equal(state[0], torch.get_rng_state()) or kind == "DataLoader"
        assert state[1] == random.getstate()
        given = small_classifier(learning_rate=searched.learning_rate)
        torch.set_rng_state(state[0])
        train, val = LOADERS[kind]()
        assert fitted(folder, given, train=train, val=val)[0] == labels
        for name, value in given.state_dict().items():
            assert torch.equal(value, searched.state_dict()[name]), name

    return check


@pytest.mark.parametrize("kind", LOADERS)
def test_search_changes_nothing_of_the_fit_on_own_loaders(tmp_path, kind):
    leaves_no_trace(tmp_path, kind)()


@pytest.mark.parametrize("kind", ["DataLoader", "list of batches", "NumPy's order"])
def test_control_loaders_that_go_on_from_where_a_search_left_them_are_noticed(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setattr(short_fits, "left_as_found", lambda *_: left_as_found())
    assert_rejects(leaves_no_trace(tmp_path, kind))


def test_all_candidates_see_the_same_batches(tmp_path, monkeypatch):
    """As many fits as the range test and two rates or more, all alike in what they are shown."""
    shown = []

    class Recorded(Listed):
        def __iter__(self):
            iterator = list(super().__iter__())
            shown.append([batch[1].tolist() for batch in iterator])
            return iter(iterator)

    train = Recorded(list(in_memory(TRAIN, True)), random.Random(4))
    val = Listed(list(in_memory(VALIDATION, False)))
    fits = short_fits.ShortFits(
        small_classifier(),
        {"train_dataloaders": train, "val_dataloaders": val},
        torch.device("cpu"),
        short_fits.FitOptions(),
    )
    for _ in range(2):
        fits.race((1e-3, 1e-2), 2, lambda *_: None)
    size = len(shown) // 4
    assert shown[:size] == shown[size : 2 * size] == shown[3 * size :]
    assert shown[0] != shown[-1], "the order never changes"


class Shifted(LightningDataModule):
    """A data module of the user's: loads once, and changes batches on the device."""

    def __init__(self):
        super().__init__()
        self.loads = 0
        self.generator = torch.Generator().manual_seed(1)

    def setup(self, stage):
        self.loads += 1
        self.shift = torch.randint(1, 9, (1,)).to(torch.uint8)

    def train_dataloader(self):
        return stock(TRAIN, shuffle=True, generator=self.generator)

    def val_dataloader(self):
        return stock(VALIDATION)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        images, labels = batch
        return images // 2 + self.shift, labels

    def teardown(self, stage):
        self.loads = -1


class Plain(LightningModule):
    """A module of the user's that wants images as the data module's hook leaves them."""

    def __init__(self, learning_rate=None):
        super().__init__()
        self.learning_rate = learning_rate
        torch.manual_seed(0)
        self.layer = nn.Linear(3072, 10)

    def loss(self, batch):
        images, labels = batch
        assert int(images.max()) < 140, "the hook was not called"
        return functional.cross_entropy(self.layer(images.flatten(1) / 255), labels)

    def training_step(self, batch, batch_index):
        return self.loss(batch)

    def validation_step(self, batch, batch_index):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


def test_data_module_of_the_user_s_serves_a_search_and_learns_nothing_of_it(tmp_path):
    modules, labels = [], []
    for rate in (None, 0.01):
        module = Plain(rate) if not modules else Plain(modules[0].learning_rate)
        torch.manual_seed(2)
        datamodule = Shifted()
        labels.append(fitted(tmp_path, module, datamodule=datamodule)[0])
        modules.append(module)
        assert datamodule.loads == -1, "its own teardown comes last"
        assert datamodule.trainer is module.trainer
    assert labels[0] == labels[1]
    assert torch.equal(modules[0].layer.weight, modules[1].layer.weight)


def test_search_sets_a_data_module_up_once(tmp_path):
    counted = Shifted()
    seen = []
    counted.teardown = lambda stage: seen.append(counted.loads)
    fitted(tmp_path, Plain(), datamodule=counted)
    assert seen == [1]


def test_subclass_of_our_data_module_is_served_by_its_own_loaders(tmp_path):
    class Darker(CIFAR10DataModule):
        def train_dataloader(self):
            return Listed([(images // 2, labels) for images, labels in super().train_dataloader()])

    ours = small_data()
    datamodule = Darker(source="synthetic", batch_size=16, validation_size=10)
    datamodule._image_set = ours._image_set
    classifier = small_classifier(learning_rate=None)
    _, search = fitted(tmp_path, classifier, datamodule=datamodule)
    assert search.source == "search"
    assert not list(tmp_path.rglob("*.json"))


def test_options_of_the_fit_reach_a_search_of_anything(tmp_path, monkeypatch):
    trainers = []
    made = short_fits.silent_trainer

    def noted(callback, **options):
        trainers.append(made(callback, **options))
        return trainers[-1]

    monkeypatch.setattr(short_fits, "silent_trainer", noted)
    train, val = LOADERS["DataLoader"]()
    options = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.5, "limit_train_batches": 2}
    chosen = options | {"gradient_clip_algorithm": "value", "precision": "64-true"}
    fitted(tmp_path, small_classifier(learning_rate=None), train=train, val=val, **chosen)
    assert len(trainers) >= 3
    for trainer in trainers:
        assert {name: getattr(trainer, name) for name in chosen} == chosen


def test_module_keeps_its_trainer_and_mode(tmp_path):
    """The search copies a module that is attached to the trainer of the fit."""
    trainers = []

    class Attached(Callback):
        def setup(self, trainer, pl_module, stage):
            trainers.append((pl_module.trainer is trainer, pl_module.network.training))

    module = small_classifier(learning_rate=None)
    before = copy.deepcopy(module.standardise.state_dict())
    train, val = LOADERS["DataLoader"]()
    fitted(tmp_path, module, callbacks=[Attached()], train=train, val=val)
    assert trainers == [(True, True)]
    assert before.keys() == module.standardise.state_dict().keys()


@pytest.mark.filterwarnings("ignore:You defined a `validation_step`")
def test_fit_without_validation_is_refused(tmp_path):
    train, _ = LOADERS["DataLoader"]()
    with pytest.raises(InputError, match="give the fit validation batches"):
        fitted(tmp_path, small_classifier(learning_rate=None), train=train, limit_val_batches=0)
