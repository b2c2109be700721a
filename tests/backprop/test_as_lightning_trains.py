"""A fit by hand does what Lightning's own optimisation does, whatever options and callbacks it has.

Each example is fitted three times: by autograd, step by step, and as the package does it by itself.
"""

import csv
from dataclasses import dataclass
from datetime import timedelta

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.backprop import fitting
from lightning_cifar.backprop.module import HandTrained

OPTIONS = {
    "accumulate_grad_batches": [2, 3, 50],
    "check_val_every_n_epoch": [2],
    "gradient_clip_val": [0.05],
    "limit_train_batches": [1, 3, 0.4],
    "limit_val_batches": [1, 0],
    "max_steps": [5, 11],
    "min_steps": [7],
    "num_sanity_val_steps": [2],
    "overfit_batches": [1, 2],
    "precision": ["64-true"],
    "reload_dataloaders_every_n_epochs": [1],
    "val_check_interval": [1, 2, 0.5],
    "schedule": ["one_cycle"],
    "loader": ["stock"],
    "callback": ["epochs", "steps", "time", "stop", "moving", "swa", "rate"],
}
EXAMPLE = st.dictionaries(st.sampled_from(sorted(OPTIONS)), st.integers(0, 9), max_size=4).map(
    lambda chosen: {name: OPTIONS[name][at % len(OPTIONS[name])] for name, at in chosen.items()}
)


class WantsGradients(Callback):
    def on_after_backward(self, *_):
        """Autograd alone has such a moment."""


class LooksAtBatches(Callback):
    def on_train_batch_end(self, *_):
        """Wants to see every batch."""


class OtherRate(Callback):
    def on_train_epoch_start(self, trainer, module):
        trainer.optimizers[0].param_groups[0]["lr"] = 1e-2


class Notes(Callback):
    knows_blocks = True

    def __init__(self):
        self.moments = []

    def on_train_epoch_start(self, trainer, module):
        self.moments.append(("epoch", trainer.global_step))

    def on_validation_end(self, trainer, module):
        self.moments.append(("validation", trainer.global_step))


CALLBACKS = {
    "epochs": lambda folder: ModelCheckpoint(dirpath=folder, save_top_k=-1),
    "steps": lambda folder: ModelCheckpoint(dirpath=folder, every_n_train_steps=4, save_top_k=-1),
    "time": lambda folder: ModelCheckpoint(
        dirpath=folder, train_time_interval=timedelta(0), save_top_k=-1
    ),
    "stop": lambda folder: EarlyStopping("train_loss", mode="max", patience=1),
    "moving": lambda folder: EMAWeightAveraging(decay=0.8),
    "swa": lambda folder: StochasticWeightAveraging(swa_lrs=1e-3, swa_epoch_start=1),
    "rate": lambda folder: OtherRate(),
}


@dataclass
class Outcome:
    moments: list
    steps: int
    files: set
    logged: list  # (epoch, step) of each line
    figures: dict
    weights: torch.Tensor


def outcome_of(folder, example, watcher):
    """What is left of a fit, and when what happened."""
    folder.mkdir()
    options = {"max_epochs": 3, **example}
    schedule = options.pop("schedule", "constant")
    loader, callback = options.pop("loader", "memory"), options.pop("callback", None)
    if callback == "swa":
        options.pop("accumulate_grad_batches", None)  # Lightning makes it one step in an epoch
    notes = Notes()
    callbacks = [notes, *watcher, *([CALLBACKS[callback](folder)] if callback else [])]
    logger = CSVLogger(folder)
    trainer = small_trainer(folder, callbacks, logger=logger, plugins=[], **options)
    classifier = small_classifier(learning_rate=3e-3, schedule=schedule)
    torch.manual_seed(0)
    trainer.fit(classifier, small_data(train=100, batch_size=8, loader=loader))
    lines = next(iter(folder.glob("**/metrics.csv")), None)
    logged = csv.DictReader(lines.read_text().splitlines()) if lines else []
    return Outcome(
        moments=notes.moments,
        steps=trainer.global_step,
        files={path.name for path in folder.glob("*.ckpt")},
        logged=[(line["epoch"], line["step"]) for line in logged],
        figures={name: float(value) for name, value in trainer.callback_metrics.items()},
        weights=torch.cat([each.detach().flatten() for each in classifier.network.parameters()]),
    )


def check_that_all_ways_agree(folder, example):
    ways = {"autograd": [WantsGradients()], "by step": [LooksAtBatches()], "by itself": []}
    found = {name: outcome_of(folder / name, example, watcher) for name, watcher in ways.items()}
    expected = found.pop("autograd")
    for outcome in found.values():
        for name in ("moments", "steps", "files", "logged"):
            assert getattr(outcome, name) == getattr(expected, name), name
        assert outcome.figures == pytest.approx(expected.figures, rel=1e-3, abs=1e-3)
        torch.testing.assert_close(outcome.weights, expected.weights, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=10)
@given(example=EXAMPLE)
def test_a_fit_by_hand_is_the_one_by_autograd(tmp_path_factory, example):
    check_that_all_ways_agree(tmp_path_factory.mktemp("fits"), example)


ALONE = [(name, value) for name, values in OPTIONS.items() for value in values]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "value"), ALONE)
def test_so_it_is_with_each_option_alone(tmp_path, name, value):
    check_that_all_ways_agree(tmp_path, {name: value})


FAULTS = {
    "a single batch is taken for all": (
        lambda patch: patch.setattr(fitting, "is_all", lambda limit: limit == 1),
        {"limit_train_batches": 1},
    ),
    "files of every moment are left out": (
        lambda patch: patch.setattr(fitting, "part_for_automatic_optimisation", lambda _: None),
        {"callback": "time"},
    ),
    "a block is logged as a step": (
        lambda patch: patch.setattr(HandTrained, "train_block", counted_as_one),
        {},
    ),
}
train_block = HandTrained.train_block


def counted_as_one(module, batch, number):
    loop = module.trainer.fit_loop.epoch_loop
    before = loop._batches_that_stepped
    outputs = train_block(module, batch, number)
    loop._batches_that_stepped = before
    return outputs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fault", FAULTS)
def test_control_a_fault_is_seen(tmp_path, monkeypatch, fault):
    make, example = FAULTS[fault]
    make(monkeypatch)
    with pytest.raises(AssertionError):
        check_that_all_ways_agree(tmp_path, example)
