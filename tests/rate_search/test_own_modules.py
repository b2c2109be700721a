"""Searches for modules that read their rate in another way, or are not what ours are."""

import pytest
import torch
from image_examples import random_images
from lightning.pytorch import LightningModule
from small_runs import small_classifier, small_data, small_trainer
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_cifar.classifiers import SeluClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.rate_search.results import SEARCH_FILE

DATA = random_images(60)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*training_step. returned .None"
)


class Linear(LightningModule):
    """One layer, trained by Adam at ``self.learning_rate``."""

    def __init__(self, learning_rate=None):
        super().__init__()
        self.save_hyperparameters()
        self.learning_rate = learning_rate
        self.layer = nn.Linear(3072, 10)

    def loss_of(self, batch):
        return functional.cross_entropy(self.layer(batch[0].flatten(1) / 255), batch[1])

    def training_step(self, batch, batch_index):
        return self.loss_of(batch)

    def validation_step(self, batch, batch_index):
        self.log("val_loss", self.loss_of(batch))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


class ReadsHparams(Linear):
    """The rate where Lightning's examples read it."""

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams["learning_rate"])


class ReadsNothing(Linear):
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class PassesOver(Linear):
    """Lightning allows a step without a loss: it is no update."""

    def training_step(self, batch, batch_index):
        return None if batch_index == 1 else self.loss_of(batch)


class ByItself(Linear):
    """Makes its own updates, and returns nothing of them."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_index):
        optimiser = self.optimizers()
        optimiser.zero_grad()
        self.manual_backward(self.loss_of(batch))
        optimiser.step()


def searched(folder, module):
    """The rate of the optimiser after a search and a fit on loaders."""
    torch.manual_seed(0)
    batches = DataLoader(TensorDataset(DATA.images, DATA.labels), batch_size=20)
    trainer = small_trainer(folder, [LearningRateSearch(candidates=2, epochs=1)])
    trainer.fit(module, batches, batches)
    return trainer.optimizers[0].param_groups[0]["lr"]


@pytest.mark.parametrize("kind", [Linear, ReadsHparams, PassesOver])
def test_a_rate_is_found_and_used(tmp_path, kind):
    module = kind()
    used = searched(tmp_path, module)
    assert used == module.learning_rate == module.hparams["learning_rate"]


def test_where_a_rate_is_read_does_not_change_it(tmp_path):
    torch.manual_seed(0)
    first = Linear()
    second = ReadsHparams()
    second.load_state_dict(first.state_dict())
    assert searched(tmp_path, first) == searched(tmp_path, second)


def test_a_module_that_does_not_read_its_rate_is_refused(tmp_path):
    """A rate would be found, and said, that the fit does not have."""
    with pytest.raises(InputError, match="of ReadsNothing makes the same of each learning_rate"):
        searched(tmp_path, ReadsNothing())


def test_a_module_that_tells_no_training_loss_is_refused(tmp_path):
    with pytest.raises(InputError, match="training_step of ByItself returns none; return the loss"):
        searched(tmp_path, ByItself())


def frozen(classifier):
    classifier.network[1].requires_grad_(False)


def changed(classifier):
    classifier.network[2] = nn.Tanh()


@pytest.mark.parametrize(
    ("change", "kept"), [(lambda _: None, True), (frozen, False), (changed, False)]
)
def test_a_changed_network_is_raced_as_it_is(tmp_path, monkeypatch, change, kept):
    """Not as a stack of what its arguments describe, whose rate would also be kept as theirs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    classifier = small_classifier(SeluClassifier, learning_rate=None)
    change(classifier)
    search = LearningRateSearch(candidates=2, epochs=1)
    small_trainer(tmp_path, [search]).fit(classifier, small_data())
    assert search.source == "search"
    assert bool(list(tmp_path.glob("cache/**/learning_rate/*.json"))) == kept
    assert (tmp_path / SEARCH_FILE).exists() == kept
