"""Why a fit has ended: from what the trainer did, whatever ended it."""

from datetime import timedelta
from types import MethodType

import pytest
from controls import assert_rejects
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, Timer
from small_runs import small_classifier, small_data, trainer_options

from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.trainer import NotingTrainer, ending

MOMENT = timedelta(microseconds=1)  # up by the end of the first step


class StopsAt(Callback):
    """Asks for a stop after so many batches."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            trainer.should_stop = True


def stop_from_the_module(self, outputs, batch, batch_idx):
    """A hook of the module that asks for a stop."""
    self.trainer.should_stop = True


def fitted(folder, *callbacks, classifier=None, trainer=NotingTrainer, **options):
    """A fit of small_data: 54 images in 4 batches, one of validation."""
    made = trainer(**trainer_options(folder, [*callbacks, BestWeights(patience=2)], **options))
    made.fit(classifier or small_classifier(), small_data())
    return made


CASES = {
    "epochs": ((), {"max_epochs": 2}, "all 2 epochs done"),
    "epochs, though steps are left": ((), {"max_epochs": 2, "max_steps": 100}, "all 2 epochs done"),
    "steps": ((), {"max_epochs": 9, "max_steps": 6}, "all 6 steps done (trainer.max_steps)"),
    "steps, at the end of an epoch": (
        (),
        {"max_epochs": 9, "max_steps": 8},
        "all 8 steps done (trainer.max_steps)",
    ),
    "time": (
        (),
        {"max_epochs": 9, "max_time": MOMENT},
        "the time was up (1e-06 s, trainer.max_time or a Timer)",
    ),
    "time, before the first step": (
        (),
        {"max_epochs": 9, "max_time": "00:00:00:00"},
        "the time was up (0 s, trainer.max_time or a Timer)",
    ),
    "time, a callback that looks after each epoch": (
        (Timer(MOMENT, interval="epoch"),),
        {"max_epochs": 9},
        "the time was up (1e-06 s, trainer.max_time or a Timer)",
    ),
    "callback": ((StopsAt(6),), {"max_epochs": 9}, "StopsAt stopped it (trainer.should_stop)"),
    "callback, at the end of an epoch": (
        (StopsAt(8),),
        {"max_epochs": 9},
        "StopsAt stopped it (trainer.should_stop)",
    ),
    "callback, in the last epoch": (
        (StopsAt(6),),
        {"max_epochs": 2},
        "StopsAt stopped it (trainer.should_stop)",
    ),
}


def assert_reason(trainer, kind, reason):
    end = ending(trainer)
    assert (end.kind, end.reason) == (kind, reason)


@pytest.mark.parametrize("case", CASES)
def test_reason_is_what_ended_the_fit(tmp_path, case):
    callbacks, options, reason = CASES[case]
    trainer = fitted(tmp_path, *callbacks, **options)
    assert_reason(trainer, case.partition(",")[0], reason)


def test_patience(tmp_path):
    trainer = fitted(tmp_path, classifier=small_classifier(learning_rate=0.5), max_epochs=50)
    assert trainer.current_epoch < 50
    assert_reason(trainer, "patience", "val_loss had not fallen for 2 validations")


def test_patience_of_a_figure_that_should_rise(tmp_path):
    best = BestWeights("val_accuracy", patience=1)
    trainer = NotingTrainer(**trainer_options(tmp_path, [best], max_epochs=50))
    trainer.fit(small_classifier(learning_rate=1e-9), small_data())
    assert_reason(trainer, "patience", "val_accuracy had not risen for 1 validations")


def test_lightnings_early_stopping_speaks_for_itself(tmp_path):
    stopper = EarlyStopping("val_loss", patience=1, min_delta=10.0)
    trainer = fitted(tmp_path, stopper, max_epochs=9)
    end = ending(trainer)
    assert end.kind == "callback"
    assert end.reason.startswith("EarlyStopping stopped it: Monitored metric val_loss did not")
    assert trainer.current_epoch == 2


def test_module_is_named(tmp_path):
    classifier = small_classifier()
    classifier.on_train_batch_end = MethodType(stop_from_the_module, classifier)
    trainer = fitted(tmp_path, classifier=classifier, max_epochs=9)
    assert ending(trainer).kind == "callback"


def test_nothing_trained(tmp_path):
    trainer = fitted(tmp_path, max_epochs=9, limit_train_batches=0)
    assert_reason(trainer, "nothing", "nothing was trained: there was no batch to train on")


class Forgetful(NotingTrainer.__mro__[1]):
    """Lightning's own trainer: it does not note who stopped it."""


def test_control_a_trainer_without_notes_is_told_apart(tmp_path):
    callbacks, options, reason = CASES["callback"]
    trainer = fitted(tmp_path, *callbacks, trainer=Forgetful, **options)
    assert_rejects(lambda: assert_reason(trainer, "callback", reason))
