"""The guard, the point to resume from and the matrix of a test, without a fit."""

import json
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import Timer
from small_runs import small_classifier

from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.training import finite_guard
from lightning_cifar.training.confusion import ConfusionMatrix
from lightning_cifar.training.finite_guard import FiniteGuard, NonFiniteLoss
from lightning_cifar.training.resume import ResumePoint

MODULE = small_classifier(AlphaDropoutClassifier)


@pytest.fixture
def trainer(tmp_path):
    """A trainer in the third epoch, at step 20."""
    saved = []

    def save_checkpoint(path):
        path.write_text(f"checkpoint {len(saved)}")
        saved.append(path)

    return SimpleNamespace(
        saved=saved,
        save_checkpoint=save_checkpoint,
        default_root_dir=str(tmp_path),
        is_last_batch=True,
        is_global_zero=True,
        accumulate_grad_batches=3,
        global_step=20,
        current_epoch=2,
        precision="32-true",
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.25}])],
        callbacks=[],
    )


def by_hand(losses, step=20):
    return {
        "losses": torch.tensor(losses),
        "step": step,
        "rates": [0.5, 0.25, 0.125][: len(losses)],
    }


def whole(step, rate, advice="try a lower learning rate"):
    return (
        f"the training loss is not finite at step {step} (epoch 2, learning rate {rate}); {advice}"
    )


def test_steps_by_hand_are_looked_at_with_their_rates(trainer):
    guard = FiniteGuard()
    guard.on_train_batch_end(trainer, None, by_hand([1.0, 2.0]), None, 0)
    assert (guard.losses, guard.steps, guard.rates) == ([], [], [])
    with pytest.raises(NonFiniteLoss) as stop:
        guard.on_train_batch_end(trainer, None, by_hand([1.0, torch.inf, torch.nan]), None, 0)
    assert str(stop.value) == whole(21, 0.25)


@pytest.mark.parametrize("outputs", [None, torch.tensor(torch.nan), {"loss": torch.nan}])
def test_other_outputs_are_not_looked_at(trainer, outputs):
    FiniteGuard().on_train_batch_end(trainer, None, outputs, None, 0)


def test_a_loss_of_autograd_is_looked_at_with_its_step(trainer):
    guard = FiniteGuard()
    guard.on_before_backward(trainer, None, torch.tensor(1.0, requires_grad=True))
    assert (guard.losses, guard.steps, guard.rates) == ([], [], [])
    trainer.precision = "16-true"
    with pytest.raises(NonFiniteLoss) as stop:
        guard.on_before_backward(trainer, None, torch.tensor(-torch.inf))
    advice = "16-true has too few digits; try --trainer.precision 32-true"
    assert str(stop.value) == whole(20, 0.25, advice)


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on an accelerator."""

    @property
    def device(self):
        return torch.device("cuda")


def test_elsewhere_it_looks_once_there_are_enough(trainer, monkeypatch):
    monkeypatch.setattr(finite_guard, "STEPS_BETWEEN_LOOKS", 2)
    guard = FiniteGuard()
    bad = torch.tensor(torch.nan).as_subclass(Elsewhere)
    guard.on_before_backward(trainer, None, bad)
    assert guard.steps == [20]
    guard.on_train_batch_end(trainer, None, {**by_hand([1.0]), "losses": bad[None]}, None, 0)
    guard.on_train_epoch_start(trainer, None)
    assert (guard.losses, guard.steps, guard.rates) == ([], [], [])
    guard.on_train_epoch_end(trainer, None)
    guard.on_before_backward(trainer, None, bad)
    with pytest.raises(NonFiniteLoss):
        guard.on_before_backward(trainer, None, bad)


@pytest.mark.parametrize(("stage", "changed"), [("fit", True), ("validate", False)])
def test_a_fit_by_steps_resumes_after_an_epoch(stage, changed):
    loop = SimpleNamespace(_iteration_based_training=lambda: True)
    ResumePoint().setup(SimpleNamespace(fit_loop=loop), None, stage)
    assert loop._iteration_based_training() is not changed


@pytest.mark.parametrize("automatic", [True, False])
@pytest.mark.parametrize("variant", ["elu", "alpha_dropout"])
def test_masks_are_seeded_where_autograd_draws_them(trainer, monkeypatch, automatic, variant):
    seeded = []
    module = MODULE if variant == "alpha_dropout" else small_classifier()
    monkeypatch.setattr(module, "seed_masks", lambda *given: seeded.append(given))
    monkeypatch.setattr(module, "_automatic_optimization", automatic)
    point = ResumePoint()
    assert point.drops_out is False
    point.on_train_start(trainer, module)
    assert point.drops_out is (variant == "alpha_dropout")
    point.on_train_batch_start(trainer, module, None, 7)
    assert seeded == ([(20, 1)] if automatic and point.drops_out else [])


def test_a_limit_on_time_is_not_of_the_run(trainer):
    timer = Timer("00:00:00:01")
    trainer.callbacks = [timer]
    checkpoint = {"callbacks": {timer.state_key: 1, "other": 2}}
    ResumePoint().on_save_checkpoint(trainer, None, checkpoint)
    assert checkpoint == {"callbacks": {"other": 2}}
    for without in ({}, {"callbacks": {}}):
        ResumePoint().on_save_checkpoint(trainer, None, without)


def test_the_checkpoint_before_is_kept_as_the_previous(trainer, tmp_path):
    point = ResumePoint()
    trainer.is_last_batch = False
    point.on_train_epoch_end(trainer, None)
    assert trainer.saved == []
    trainer.is_last_batch = True
    for _ in range(2):
        point.on_train_epoch_end(trainer, None)
    assert trainer.saved == [tmp_path / "last.ckpt"] * 2
    assert (tmp_path / "previous.ckpt").read_text() == "checkpoint 0"
    assert (tmp_path / "last.ckpt").read_text() == "checkpoint 1"
    trainer.is_global_zero = False
    point.on_train_epoch_end(trainer, None)
    assert (tmp_path / "previous.ckpt").read_text() == "checkpoint 0"


def after_test(folder, **changes):
    """A matrix after a test of three images of three classes."""
    matrix, module = ConfusionMatrix(folder), small_classifier(classes=3)
    module.class_names = ("a", "b", "c")
    plain = {"limit_test_batches": 1.0, "is_global_zero": True, "ckpt_path": "x.ckpt"}
    trainer = SimpleNamespace(
        callback_metrics={"test_loss": torch.tensor(0.5)},
        datamodule=SimpleNamespace(fingerprint="of noise"),
        **plain | changes,
    )
    assert matrix.counts.shape == (0, 0)
    assert matrix.counts.dtype == torch.int64
    matrix.on_test_start(trainer, module)
    batch = (None, torch.tensor([0, 1, 1]))
    matrix.on_test_batch_end(trainer, module, torch.tensor([0, 2, 2]), batch, 0)
    matrix.on_test_end(trainer, module)
    assert matrix.counts.tolist() == [[1, 0, 0], [0, 0, 2], [0, 0, 0]]
    return folder


def test_a_matrix_is_written_with_what_it_is_of(tmp_path):
    assert json.loads((after_test(tmp_path) / "test.json").read_text()) == {
        "figures": {"test_loss": 0.5},
        "classes": ["a", "b", "c"],
        "confusion": [[1, 0, 0], [0, 0, 2], [0, 0, 0]],
        "data_fingerprint": "of noise",
        "weights": "x.ckpt",
    }
    assert (tmp_path / "confusion.png").exists()


@pytest.mark.parametrize(
    "changes", [{"limit_test_batches": 1}, {"limit_test_batches": 0.5}, {"is_global_zero": False}]
)
def test_a_part_or_another_process_writes_no_matrix(tmp_path, changes):
    after_test(tmp_path, **changes)
    after_test(None)
    assert list(tmp_path.iterdir()) == []
