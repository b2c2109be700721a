"""A classifier that is fitted in a stack ends as the one that an ordinary trainer fits alone."""

import copy
import math
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback
from small_modules import small_modules
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import VARIANTS, EluClassifier, SeluClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import read_record
from lightning_cifar.stack import progress as stack_progress
from lightning_cifar.stack.fit import fit_stack, write_member
from lightning_cifar.stack.layers import StackedAlphaDropout
from lightning_cifar.stack.module import StackedClassifiers
from lightning_cifar.stack.progress import STACK_FILE, MemberProgress, StackProgress
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import FiniteGuard, NonFiniteLoss
from lightning_cifar.training.run_record import WriteRunRecord
from lightning_cifar.uncertainty.evaluation import load_classifier

SEEDS = (3, 5, 8)
RATES = (1e-3, 3e-3, 5e-4)
EPOCHS = 5  # of four batches each: 20 steps
DROPOUT = {"alpha_dropout": {"dropout_rate": 0.3, "dropout_everywhere": True}}


@pytest.fixture
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def classifiers(variant, rates=RATES, **options):
    options = DROPOUT.get(variant, {}) | options
    return [
        small_classifier(VARIANTS[variant], seed=seed, learning_rate=rate, **options)
        for seed, rate in enumerate(rates)
    ]


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


def fitted_in_stack(members, folder, *, data=small_data, seeds=SEEDS, **options):
    return fit_stack(
        members,
        data(),
        **{
            "seeds": seeds,
            "max_epochs": EPOCHS,
            "patience": EPOCHS,
            "folder": folder / "stack",
            "accelerator": "cpu",
            **options,
        },
    )


def largest_difference(network, other):
    """Over the parameters and statistics of ``network``."""
    theirs = other.state_dict()
    return max(
        float((mine - theirs[name]).abs().max()) for name, mine in network.state_dict().items()
    )


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


LOSSES = (  # validation losses by member and epoch
    (3.0, 2.0, 2.0, 2.5, 1.0, 1.0),  # an equal loss is no better: stops after epoch 3
    (3.0, math.nan, 2.0, 1.0, 0.5, 0.4),  # a NaN is worse, not better; never stops
    (math.nan, math.nan, 1.0, 1.0, 1.0, 1.0),  # stops before it has a best epoch
)


def by_the_rules(losses, patience):
    """(best epoch, epochs run) in plain Python."""
    best, best_epoch = math.inf, -1
    for epoch, loss in enumerate(losses):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return best_epoch, epoch + 1
    return best_epoch, len(losses)


def stops_by_the_rules(folder, monkeypatch):
    def scripted(stack):
        epoch = stack.trainer.current_epoch
        return [[LOSSES[member][epoch], 0.5] for member in stack.present]

    def check():
        monkeypatch.setattr(StackedClassifiers, "val_figures", scripted)
        fits = fitted_in_stack(classifiers("elu"), folder, max_epochs=6, patience=2)
        found = [(fit.best_epoch, len(fit.epochs)) for fit in fits]
        assert found == [by_the_rules(losses, 2) for losses in LOSSES]
        assert [fit.stop_reason for fit in fits] == [
            "val_loss had not fallen for 2 epochs",
            "all 6 epochs done",
            "val_loss had not fallen for 2 epochs",
        ]

    return check


def test_each_member_stops_by_itself(tmp_path, monkeypatch):
    stops_by_the_rules(tmp_path, monkeypatch)()


def test_control_another_idea_of_the_best_is_rejected(tmp_path, monkeypatch):
    note = MemberProgress.note

    def mutant(member, epoch, state):
        """Takes an equal loss for a better one."""
        note(member, replace(epoch, val_loss=math.nextafter(epoch.val_loss, -math.inf)), state)
        member.best_loss = min(epoch.val_loss, member.best_loss) + 1e-9

    monkeypatch.setattr(MemberProgress, "note", mutant)
    assert_rejects(stops_by_the_rules(tmp_path, monkeypatch))


class Blackout(Exception):
    """The end of a process, in the middle of anything."""


def outcome(fits):
    """All that a stack hands back, without the clock's part."""
    return [
        replace(fit, classifier=None, epochs=tuple(replace(e, seconds=0) for e in fit.epochs))
        for fit in fits
    ], [fit.classifier.state_dict() for fit in fits]


def resumes_exactly(folder, variant, monkeypatch, *, schedule="constant", moment="epoch end"):
    """A stack that one member has left is killed and continued."""

    def strike(epoch, _):
        if epoch == 3:
            raise Blackout

    def struck_step(stack, batch, index):
        if stack.trainer.current_epoch == 4 and index == 2:
            raise Blackout
        return step(stack, batch, index)

    step = StackedClassifiers.training_step

    def fit(name, **options):
        members = classifiers(variant, (1e-2, 1e-3, 1e38), schedule=schedule)
        limits = {"max_epochs": 7, "patience": 3}
        return fitted_in_stack(members, folder / name, data=small_data, **limits, **options)

    def check():
        monkeypatch.setattr(stack_progress, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
        expected, weights = outcome(fit("whole"))
        with pytest.MonkeyPatch.context() as patch:
            if moment == "within an epoch":
                patch.setattr(StackedClassifiers, "training_step", struck_step)
            with pytest.raises(Blackout):
                fit("cut", on_epoch=strike if moment == "epoch end" else None)
        epochs = []
        found, its_weights = outcome(fit("cut", on_epoch=lambda *each: epochs.append(each)))
        assert epochs[0][0] == 4
        assert found == expected
        for mine, theirs in zip(its_weights, weights, strict=True):
            assert all(torch.equal(mine[name], theirs[name]) for name in theirs)

    return check


@pytest.mark.parametrize(
    ("variant", "schedule", "moment"),
    [
        ("elu", "one_cycle", "within an epoch"),
        ("batch_norm", "constant", "epoch end"),
        ("selu", "constant", "within an epoch"),
        ("alpha_dropout", "one_cycle", "epoch end"),
    ],
)
def test_killed_stack_ends_as_if_it_had_not_been(tmp_path, monkeypatch, variant, schedule, moment):
    resumes_exactly(tmp_path, variant, monkeypatch, schedule=schedule, moment=moment)()


def test_control_lost_progress_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(StackProgress, "load_state_dict", lambda *_: None)
    assert_rejects(resumes_exactly(tmp_path, "elu", monkeypatch))


def test_control_lost_passes_of_the_masks_are_noticed(tmp_path, monkeypatch):
    load = StackedClassifiers.load_state_dict

    def forgetful(stack, state, *arguments, **options):
        state = {k: torch.zeros_like(v) if k.endswith("passes") else v for k, v in state.items()}
        return load(stack, state, *arguments, **options)

    monkeypatch.setattr(StackedClassifiers, "load_state_dict", forgetful)
    assert_rejects(resumes_exactly(tmp_path, "alpha_dropout", monkeypatch))


def checkpoint_left(folder, monkeypatch):
    """A stack killed after its first epoch."""

    def strike(*_):
        raise Blackout

    monkeypatch.setattr(stack_progress, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    with pytest.raises(Blackout):
        fitted_in_stack(classifiers("elu"), folder, on_epoch=strike)
    return folder / "stack" / STACK_FILE


def test_damaged_checkpoint_means_a_new_start(tmp_path, monkeypatch, capsys):
    path = checkpoint_left(tmp_path, monkeypatch)
    path.write_bytes(path.read_bytes()[:-1])
    epochs = []
    fitted_in_stack(classifiers("elu"), tmp_path, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert epochs[0] == 0
    assert "starts from the beginning" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [{"patience": 2}, {"seeds": (3, 5, 9)}, {"data": lambda: small_data(batch_size=8)}],
    ids=["patience", "seeds", "batch size"],
)
def test_checkpoint_of_another_stack_is_refused(tmp_path, monkeypatch, change):
    path = checkpoint_left(tmp_path, monkeypatch)
    before = path.read_bytes()
    with pytest.raises(InputError, match="other members, data or settings"):
        fitted_in_stack(classifiers("elu"), tmp_path, **change)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (lambda: [], "at least one classifier"),
        (lambda: [small_classifier(EluClassifier), small_classifier(SeluClassifier)], "variant"),
        (lambda: [small_classifier(), small_classifier(width=5)], "width = 4 and 5"),
        (lambda: [small_classifier(learning_rate=None)], "needs a learning rate"),
    ],
    ids=["none", "two variants", "two widths", "no rate"],
)
def test_classifiers_that_do_not_stack_are_refused(tmp_path, members, message):
    members = members()
    with pytest.raises(InputError, match=message):
        fitted_in_stack(members, tmp_path, seeds=range(len(members)))


@pytest.mark.parametrize("change", [{"seeds": (1,)}, {"patience": 0}, {"max_epochs": 0}])
def test_senseless_arguments_are_refused(tmp_path, change):
    with pytest.raises(InputError, match="got"):
        fitted_in_stack(classifiers("elu"), tmp_path, **change)


def test_members_folder_is_a_run_folder(tmp_path, monkeypatch, capsys):
    make = small_modules(monkeypatch, tmp_path / "cache")
    member = small_classifier(seed=4, learning_rate=3e-3)
    fit = fitted_in_stack([member], tmp_path, data=make, seeds=[4])[0]
    settings = {
        "class_path": "lightning_cifar.classifiers.EluClassifier",
        "init_args": dict(member.hparams) | {"learning_rate": 3e-3},
    }
    del settings["init_args"]["seed"]
    data = {"source": "synthetic", "cache": str(tmp_path / "cache"), "batch_size": 32}
    run = tmp_path / "run"
    write_member(fit, {"seed_everything": 4, "model": settings, "data": data}, run)
    record = read_record(run / "record.json")
    assert (record.seed, record.variant, record.epochs) == (4, "elu", fit.epochs)
    assert largest_difference(load_classifier(run), fit.classifier) == 0
    assert main(["validate", "--run", str(run), "--trainer.accelerator", "cpu"]) == 0
    best = fit.epochs[fit.best_epoch]
    expected = f"val_loss {best.val_loss:.4f}  val_accuracy {best.val_accuracy:.2%}"
    assert expected in capsys.readouterr().out
    assert main(["test", "--run", str(run), "--trainer.accelerator", "cpu"]) == 0
    assert main(["export", "--run", str(run), "--format", "safetensors"]) == 0
    assert (run / "model.safetensors").is_file()


def test_member_that_diverged_at_once_has_a_record_and_no_weights(tmp_path):
    fit = fitted_in_stack(classifiers("elu", (1e38,)), tmp_path, seeds=[0])[0]
    write_member(fit, {"seed_everything": 0}, tmp_path / "run")
    record = read_record(tmp_path / "run" / "record.json")
    assert (record.best_epoch, record.epochs) == (-1, ())
    assert not (tmp_path / "run" / "best.ckpt").exists()
