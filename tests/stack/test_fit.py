"""A classifier that is fitted in a stack ends as the one that an ordinary trainer fits alone."""

import copy
import math
from contextlib import suppress

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback
from small_runs import small_data, small_trainer
from stack_fits import (
    EPOCHS,
    SEEDS,
    classifiers,
    fitted_in_stack,
    largest_difference,
)
from torch import nn

from lightning_cifar.backprop.stacked_layers import StackedAlphaDropout
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.runs.records import read_record
from lightning_cifar.stack.progress import MemberProgress
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import FiniteGuard, NonFiniteLoss
from lightning_cifar.training.run_record import WriteRunRecord


@pytest.fixture
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class KnownMasks(nn.Module):
    """AlphaDropout of an ordinary network with the masks of a member of a stack."""

    def __init__(self, layer, seed, place):
        super().__init__()
        self.dropout = StackedAlphaDropout(torch.tensor([seed]), layer, place)

    def forward(self, inputs):
        return self.dropout(inputs[None])[0]


class LastWeights(Callback):
    """Keeps a network as it is before the best weights take its place."""

    network = None

    def on_train_end(self, trainer, pl_module):
        self.network = copy.deepcopy(pl_module.network)


def last_is_kept(monkeypatch):
    """Let stacks hand back the weights after the last step, whichever epoch was the best."""
    note = MemberProgress.note

    def keep_last(member, epoch, state):
        note(member, epoch, state)
        member.best_state = state()

    monkeypatch.setattr(MemberProgress, "note", keep_last)


def fitted_alone(classifier, datamodule, folder, *, seed, patience, max_epochs):
    """Best weights, record and last weights of an ordinary fit."""
    folder.mkdir()
    classifier = copy.deepcopy(classifier)
    for place, layer in enumerate(classifier.network):
        if isinstance(layer, nn.AlphaDropout):
            classifier.network[place] = KnownMasks(layer, seed, place)
    datamodule.seed = seed
    last = LastWeights()
    callbacks = [FiniteGuard(), last, BestWeights(patience=patience), WriteRunRecord({})]
    trainer = small_trainer(folder, callbacks, max_epochs=max_epochs)
    with suppress(NonFiniteLoss):
        trainer.fit(classifier, datamodule)
    return classifier, read_record(folder / "record.json"), last.network


def assert_same_curves(epochs, expected):
    assert len(epochs) == len(expected)
    for mine, theirs in zip(epochs, expected, strict=True):
        assert mine.epoch == theirs.epoch
        for name in ("train_loss", "val_loss", "learning_rate"):
            assert math.isclose(getattr(mine, name), getattr(theirs, name), rel_tol=1e-6), name
        for name in ("train_accuracy", "val_accuracy"):
            assert math.isclose(getattr(mine, name), getattr(theirs, name), abs_tol=1e-6), name


def fits_as_alone(
    variant, folder, monkeypatch, *, stack_seeds=SEEDS, spoil=lambda members: members, **options
):
    """A check of weights after 20 steps and of all figures; options of the classifiers."""

    def check():
        last_is_kept(monkeypatch)
        members = [each.double() for each in classifiers(variant, **options)]
        fits = fitted_in_stack(spoil(members), folder, seeds=stack_seeds)
        for fit, member, seed in zip(fits, members, SEEDS, strict=True):
            own = folder / str(seed)
            alone, record, last = fitted_alone(
                member, small_data(), own, seed=seed, patience=EPOCHS, max_epochs=EPOCHS
            )
            assert fit.best_epoch == record.best_epoch
            assert fit.stop_reason == record.stop_reason
            assert_same_curves(fit.epochs, record.epochs)
            assert largest_difference(fit.classifier.network, member.network) > 1e-4
            assert largest_difference(fit.classifier.network, last) < 1e-9
            assert largest_difference(fit.classifier.standardise, alone.standardise) == 0
            assert fit.classifier.class_names == alone.class_names

    return check


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("variant", VARIANTS)
def test_member_ends_as_if_fitted_alone(tmp_path, monkeypatch, variant):
    fits_as_alone(variant, tmp_path, monkeypatch)()


@pytest.mark.usefixtures("double_precision")
def test_member_follows_the_schedule_of_a_single_fit(tmp_path, monkeypatch):
    fits_as_alone("selu", tmp_path, monkeypatch, schedule="one_cycle", rates=(3e-3, 2e-3, 4e-3))()


@pytest.mark.usefixtures("double_precision")
def test_member_weighs_classes_as_a_single_fit(tmp_path, monkeypatch):
    """Of the 54 training images some classes have five and some six."""
    fits_as_alone("selu", tmp_path, monkeypatch, class_weights="balanced")()


def unweighted(members):
    """A mistake: the stack forgets the weights."""
    spoilt = copy.deepcopy(members)
    for member in spoilt:
        member.weighs_classes = False
    return spoilt


@pytest.mark.usefixtures("double_precision")
def test_control_a_stack_without_class_weights_is_rejected(tmp_path, monkeypatch):
    weighted = {"class_weights": "balanced", "spoil": unweighted}
    assert_rejects(fits_as_alone("selu", tmp_path, monkeypatch, **weighted))


def same_rate(members):
    """A mistake: the first member's rate for all."""
    spoilt = copy.deepcopy(members)
    for member in spoilt:
        member.learning_rate = spoilt[0].learning_rate
    return spoilt


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(
    "mistake",
    [{"stack_seeds": (3, 5, 5)}, {"spoil": same_rate}, {"spoil": lambda members: members[::-1]}],
    ids=["another order of images", "another rate", "members mixed up"],
)
def test_control_stacks_that_differ_from_single_fits_are_rejected(tmp_path, monkeypatch, mistake):
    assert_rejects(fits_as_alone("elu", tmp_path, monkeypatch, **mistake))


@pytest.mark.usefixtures("double_precision")
def test_members_that_leave_do_not_disturb_the_others(tmp_path):
    """One diverges, the others stop after different epochs; each is as it would be alone."""
    rates, limits = (1e-3, 3e-2, 1e308), {"patience": 2, "max_epochs": 9}
    members = [each.double() for each in classifiers("elu", rates)]
    present = []
    fits = fitted_in_stack(
        members,
        tmp_path,
        data=small_data,
        on_epoch=lambda _, count: present.append(count),
        **limits,
    )
    assert present[:2] == [3, 2]
    assert sum(present) == sum(len(fit.epochs) for fit in fits) + 1
    assert len({fit.stop_reason for fit in fits}) > 1
    for fit, member, seed in zip(fits, members, SEEDS, strict=True):
        alone, record, _ = fitted_alone(
            member, small_data(), tmp_path / str(seed), seed=seed, **limits
        )
        assert (fit.best_epoch, fit.stop_reason) == (record.best_epoch, record.stop_reason)
        assert_same_curves(fit.epochs, record.epochs)
        if fit.best_epoch >= 0:
            assert largest_difference(fit.classifier.network, alone.network) < 1e-7
    assert "not finite at step" in fits[2].stop_reason
    assert largest_difference(fits[2].classifier.network, members[2].network) == 0
