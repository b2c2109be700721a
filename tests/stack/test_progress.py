"""A member stops by itself; a stack that is killed ends as if it had not been."""

import math
from dataclasses import replace

import pytest
import torch
from controls import assert_rejects
from small_runs import small_data
from stack_fits import classifiers, fitted_in_stack

from lightning_cifar.errors import InputError
from lightning_cifar.stack import progress as stack_progress
from lightning_cifar.stack.module import StackedClassifiers
from lightning_cifar.stack.progress import STACK_FILE, MemberProgress, StackProgress

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
            "val_loss had not fallen for 2 validations",
            "all 6 epochs done",
            "val_loss had not fallen for 2 validations",
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

    def struck_update(stack, *arguments):
        update(stack, *arguments)
        if stack.trainer.current_epoch == 4 and stack.train_images > 0:
            raise Blackout

    update = StackedClassifiers._update

    def fit(name, **options):
        members = classifiers(variant, (1e-2, 1e-3, 1e38), schedule=schedule)
        limits = {"max_epochs": 7, "patience": 3}
        return fitted_in_stack(members, folder / name, data=small_data, **limits, **options)

    def check():
        monkeypatch.setattr(stack_progress, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
        expected, weights = outcome(fit("whole"))
        with pytest.MonkeyPatch.context() as patch:
            if moment == "within an epoch":
                patch.setattr(StackedClassifiers, "_update", struck_update)
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
