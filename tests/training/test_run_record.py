import csv
import json

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import Checkpoint
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.classifiers import BatchNormClassifier
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.provenance import versions
from lightning_cifar.runs.records import CURVES_FILE, RECORD_FILE, read_record
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import FiniteGuard, NonFiniteLoss
from lightning_cifar.training.run_record import WriteRunRecord

CONFIG = {"seed_everything": 4, "data": {"batch_size": 16}}


class Figures(Checkpoint):
    """The figures of each epoch; a Checkpoint, for these act after the module has logged."""

    def __init__(self):
        self.seen = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.seen.append({k: float(v) for k, v in trainer.callback_metrics.items()})


def fit(folder, *callbacks, classifier=None, **options):
    figures = Figures()
    trainer = small_trainer(folder, [figures, *callbacks, WriteRunRecord(CONFIG)], **options)
    trainer.fit(classifier or small_classifier(), small_data())
    return read_record(folder / RECORD_FILE), figures.seen


def test_record_holds_what_was_asked_and_on_what(tmp_path):
    classifier = small_classifier(BatchNormClassifier, learning_rate=2e-3)
    record, _ = fit(tmp_path, classifier=classifier)
    assert record.variant == "batch_norm"
    assert (record.seed, record.config) == (4, CONFIG)
    assert (record.learning_rate, record.learning_rate_source) == (2e-3, "given")
    # Two hidden layers of four on 3072 pixels without biases, batch norm on input and each layer.
    assert record.parameters == 2 * 3072 + 3072 * 4 + 2 * 4 + 4 * 4 + 2 * 4 + 4 * 10 + 10
    assert record.data_fingerprint == "of noise"
    assert record.versions == versions()
    assert record.versions["torch"] == torch.__version__
    assert record.device.startswith("cpu")
    assert record.commit


def test_record_holds_the_figures_of_every_epoch(tmp_path):
    record, figures = fit(tmp_path, BestWeights(), max_epochs=3)
    assert [epoch.epoch for epoch in record.epochs] == [0, 1, 2]
    for epoch, seen in zip(record.epochs, figures, strict=True):
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            assert getattr(epoch, name) == seen[name]
        assert epoch.learning_rate == 1e-3
        assert epoch.seconds > 0
    losses = [epoch.val_loss for epoch in record.epochs]
    assert record.best_epoch == losses.index(min(losses))
    assert len((tmp_path / CURVES_FILE).read_text().splitlines()) == 4


def test_rate_of_an_epoch_follows_the_schedule(tmp_path):
    classifier = small_classifier(schedule="one_cycle")
    record, _ = fit(tmp_path, classifier=classifier, max_epochs=3)
    rates = [epoch.learning_rate for epoch in record.epochs]
    assert len(set(rates)) == 3
    assert rates[-1] < rates[0]


def test_found_rate_and_how_it_was_found_are_recorded(tmp_path):
    sources = []
    for run in ("first", "second"):
        search = LearningRateSearch(candidates=2, epochs=1, cache=str(tmp_path / "cache"))
        classifier = small_classifier(learning_rate=None)
        (tmp_path / run).mkdir()
        record, _ = fit(tmp_path / run, search, classifier=classifier)
        assert record.learning_rate == classifier.learning_rate == record.epochs[0].learning_rate
        sources.append(record.learning_rate_source)
    assert sources == ["search", "cache"]


def test_reason_is_that_all_epochs_are_done(tmp_path):
    assert fit(tmp_path, max_epochs=2)[0].stop_reason == "all 2 epochs done"


def test_reason_is_that_patience_ran_out(tmp_path):
    classifier = small_classifier(learning_rate=0.01)
    record, _ = fit(tmp_path, BestWeights(patience=1), classifier=classifier, max_epochs=50)
    assert record.stop_reason == "val_loss had not fallen for 1 validations"
    assert len(record.epochs) == record.best_epoch + 2 < 50


class At(Callback):
    """Does something before a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            self.action(pl_module)


def test_reason_is_the_loss_that_was_not_finite(tmp_path):
    def poison(module):
        with torch.no_grad():
            module.network[-1].bias[0] = float("nan")

    with pytest.raises(NonFiniteLoss) as raised:
        fit(tmp_path, At(6, poison), FiniteGuard(), BestWeights(), max_epochs=3)
    record = read_record(tmp_path / RECORD_FILE)
    assert record.stop_reason == str(raised.value)
    assert len(record.epochs) == 1
    assert record.best_epoch == 0


def test_killed_run_leaves_a_record_that_says_running(tmp_path):
    def die(module):
        raise SystemError("killed")

    with pytest.raises(SystemError):
        fit(tmp_path, At(6, die), BestWeights(), max_epochs=3)
    record = read_record(tmp_path / RECORD_FILE)
    assert record.stop_reason == "running"
    assert len(record.epochs) == 1


def test_epochs_of_an_interrupted_run_are_continued():
    first, second = WriteRunRecord(CONFIG), WriteRunRecord(CONFIG)
    epoch = {"epoch": 0, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0}
    epoch |= {"val_accuracy": 0.5, "learning_rate": 0.1, "seconds": 2.0}
    first.load_state_dict({"epochs": [epoch]})
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert first.epochs == second.epochs
    assert second.state_dict() == {"epochs": [epoch], "validations": []}


def test_curves_are_the_epochs_of_the_record(tmp_path):
    record, _ = fit(tmp_path, max_epochs=2)
    rows = list(csv.DictReader((tmp_path / CURVES_FILE).read_text().splitlines()))
    assert [float(row["val_loss"]) for row in rows] == [each.val_loss for each in record.epochs]
