import math
from types import SimpleNamespace

import pytest
import torch
from controls import assert_rejects
from hypothesis import example, given
from hypothesis import strategies as st
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.folders import BEST_FILE
from lightning_cifar.training.best_weights import BestWeights

# Few different values, so that equal ones are common.
val_losses = st.sampled_from([0.5, 1.0, 1.5, 2.0, math.inf, math.nan])


class Watched:
    """What BestWeights sees and does of a trainer, without training."""

    max_epochs, limit_train_batches = 10_000, 1  # of such a fit nobody expects much

    def __init__(self):
        self.default_root_dir = "folder"
        self.callback_metrics = {}
        self.current_epoch = self.global_step = 0
        self.should_stop = self.fast_dev_run = self.sanity_checking = False
        self.saved_epochs = []
        self.strategy = SimpleNamespace(
            load_checkpoint=lambda path: {"state_dict": {}}, save_checkpoint=lambda *_: None
        )

    def save_checkpoint(self, path, weights_only):
        assert str(path).endswith(BEST_FILE)
        assert weights_only
        self.saved_epochs.append(self.current_epoch)


MODULE = torch.nn.Identity()


def epochs_until_stop(make, losses, patience, resumed_at):
    """Feed losses to a stopper, replaced by a resumed one before epoch ``resumed_at``."""
    trainer, stopper = Watched(), make(patience)
    stopper.on_train_start(trainer, MODULE)
    for epoch, loss in enumerate(losses):
        if epoch == resumed_at:
            state, stopper = stopper.state_dict(), make(patience)
            stopper.load_state_dict(state)
            stopper.on_train_start(trainer, MODULE)
        trainer.current_epoch, trainer.callback_metrics["val_loss"] = epoch, torch.tensor(loss)
        stopper.on_validation_end(trainer, MODULE)
        stopper.on_train_epoch_end(trainer, MODULE)
        if trainer.should_stop:
            return trainer, stopper, epoch
    return trainer, stopper, None


def best_so_far(losses):
    """The first epoch of the lowest finite loss; -1 if there is none."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    return losses.index(min(finite)) if finite else -1


def stops_as_it_should(make):
    @given(
        losses=st.lists(val_losses, min_size=1, max_size=12),
        patience=st.integers(1, 4),
        resumed_at=st.none() | st.integers(1, 11),
    )
    @example(losses=[1.0, 1.0, 1.0], patience=2, resumed_at=None)
    @example(losses=[1.0, 2.0, 2.0, 2.0], patience=3, resumed_at=2)
    @example(losses=[math.nan, math.nan], patience=2, resumed_at=None)
    def check(losses, patience, resumed_at):
        trainer, stopper, stop = epochs_until_stop(make, losses, patience, resumed_at)
        expected = next(
            (
                epoch
                for epoch in range(len(losses))
                if epoch - best_so_far(losses[: epoch + 1]) >= patience
            ),
            None,
        )
        assert stop == expected
        seen = losses if stop is None else losses[: stop + 1]
        assert stopper.best_epoch == best_so_far(seen)
        assert trainer.saved_epochs[-1:] == [each for each in [best_so_far(seen)] if each >= 0]

    return check


def test_stops_when_patience_runs_out_and_keeps_the_first_best():
    stops_as_it_should(lambda patience: BestWeights(patience=patience))()


class LastOfEqual(BestWeights):
    def _judge(self, trainer, pl_module):
        if float(trainer.callback_metrics["val_loss"]) == self.best_score:
            self.best_score = math.nan
        super()._judge(trainer, pl_module)


class NanIsBest(BestWeights):
    def on_validation_end(self, trainer, pl_module):
        if math.isnan(trainer.callback_metrics["val_loss"]):
            trainer.callback_metrics["val_loss"] = torch.tensor(-1.0)
        super().on_validation_end(trainer, pl_module)


class OneEarly(BestWeights):
    def on_validation_end(self, trainer, pl_module):
        super().on_validation_end(trainer, pl_module)
        trainer.should_stop |= self.waited >= self.patience - 1 > 0


class JudgesTwice(BestWeights):
    def on_train_epoch_end(self, trainer, pl_module):
        self._seen = None
        super().on_train_epoch_end(trainer, pl_module)


class ForgetsHowLong(BestWeights):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict | {"waited": 0})


class NeverSaves(BestWeights):
    def on_validation_end(self, trainer, pl_module):
        silent = SimpleNamespace(**vars(trainer), save_checkpoint=lambda path, weights_only: None)
        super().on_validation_end(silent, pl_module)
        trainer.should_stop = self.waited >= self.patience


def one_late(monitor="val_loss", patience=10):
    return BestWeights(monitor, patience + 1)


@pytest.mark.parametrize(
    "mutant",
    [LastOfEqual, NanIsBest, OneEarly, JudgesTwice, ForgetsHowLong, NeverSaves, one_late],
)
def test_control_other_stoppers_are_rejected(mutant):
    assert_rejects(stops_as_it_should(lambda patience: mutant(patience=patience)))


def test_run_that_had_run_out_of_patience_is_not_continued():
    stopper, trainer = BestWeights(patience=2), Watched()
    stopper.load_state_dict({"best_score": 1.0, "best_epoch": 0, "waited": 2})
    stopper.on_train_start(trainer, MODULE)
    assert trainer.should_stop


def test_larger_patience_continues_it():
    stopper, trainer = BestWeights(patience=3), Watched()
    stopper.load_state_dict({"best_score": 1.0, "best_epoch": 0, "waited": 2})
    stopper.on_train_start(trainer, MODULE)
    assert not trainer.should_stop


def resumes_from_the_file(make, folder):
    """An earlier version kept the best weights in the file alone, and counted no steps."""
    (folder / BEST_FILE).write_bytes(b"")
    stopper, trainer = make(), Watched()
    trainer.default_root_dir = folder
    loaded = []

    def load_checkpoint(path):
        loaded.append(path)
        return {"state_dict": "of the file"}

    trainer.strategy.load_checkpoint = load_checkpoint
    stopper.load_state_dict({"best_score": 1.0, "best_epoch": 0, "waited": 1})
    stopper.on_train_start(trainer, MODULE)
    assert loaded == [folder / BEST_FILE]
    state = stopper.state_dict()
    assert state["best"] == {"state_dict": "of the file"}
    assert (state["best_step"], state["validations"]) == (-1, 1)


def test_run_of_an_earlier_version_has_the_best_weights_of_its_file(tmp_path):
    resumes_from_the_file(BestWeights, tmp_path)


def test_control_a_file_that_is_not_read_is_noticed(tmp_path):
    class Begins(BestWeights):
        def on_train_start(self, trainer, pl_module):
            self._forget()

    assert_rejects(lambda: resumes_from_the_file(Begins, tmp_path))


def test_patience_below_one_is_refused():
    with pytest.raises(InputError, match="patience must be at least 1, got 0"):
        BestWeights(patience=0)


class History(Callback):
    """Validation loss and weights after each epoch."""

    def __init__(self):
        self.losses, self.weights = [], []

    def on_train_epoch_end(self, trainer, pl_module):
        self.losses.append(float(trainer.callback_metrics["val_loss"]))
        self.weights.append({k: v.clone() for k, v in pl_module.state_dict().items()})


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory):
    """A fit on noise, at a rate at which the validation loss soon rises."""
    folder = tmp_path_factory.mktemp("overfitted")
    history, best = History(), BestWeights(patience=3)
    classifier = small_classifier(learning_rate=0.01)
    trainer = small_trainer(folder, [history, best], max_epochs=50)
    trainer.fit(classifier, small_data())
    return SimpleNamespace(
        folder=folder, history=history, best=best, classifier=classifier, trainer=trainer
    )


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name])


def test_best_weights_are_in_the_module_after_the_fit(overfitted):
    losses, weights = overfitted.history.losses, overfitted.history.weights
    best_epoch = losses.index(min(losses))
    assert len(losses) == best_epoch + 1 + 3 < 50
    assert overfitted.best.best_epoch == best_epoch
    assert_same_weights(overfitted.classifier.state_dict(), weights[best_epoch])
    with pytest.raises(AssertionError):  # control: the last weights are others
        assert_same_weights(overfitted.classifier.state_dict(), weights[-1])


def test_best_weights_are_in_the_file_after_the_fit(overfitted):
    checkpoint = load_checkpoint(overfitted.folder / BEST_FILE)
    assert_same_weights(checkpoint["state_dict"], overfitted.classifier.state_dict())


def test_weights_give_the_best_loss_again(overfitted):
    trainer = small_trainer(overfitted.folder)
    trainer.validate(overfitted.classifier, small_data(), verbose=False)
    assert float(trainer.callback_metrics["val_loss"]) == min(overfitted.history.losses)


def test_lightning_finds_the_file_under_the_name_best(overfitted):
    assert overfitted.trainer.checkpoint_callback is overfitted.best
    assert overfitted.best.best_model_path == str(overfitted.folder / BEST_FILE)


def test_figure_that_is_not_logged_is_refused(tmp_path):
    trainer = small_trainer(tmp_path, [BestWeights(monitor="val_los", mode="min")])
    message = "early_stopping.monitor is 'val_los', which is not logged; logged are .*val_loss"
    with pytest.raises(InputError, match=message):
        trainer.fit(small_classifier(), small_data())
