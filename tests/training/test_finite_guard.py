import re
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.folders import BEST_FILE
from lightning_cifar.training import finite_guard
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import FiniteGuard, NonFiniteLoss

STEPS_PER_EPOCH = 4


class Poison(Callback):
    """Makes a weight infinite or NaN before a step."""

    def __init__(self, step, value=float("nan")):
        self.step, self.value = step, value
        self.last_step = -1

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.last_step = trainer.global_step
        if trainer.global_step == self.step:
            with torch.no_grad():
                pl_module.network[-1].bias[0] = self.value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("step", [0, 2, STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH + 3])
def test_fit_stops_at_the_first_loss_that_is_not_finite(tmp_path, step, value):
    poison = Poison(step, value)
    trainer = small_trainer(tmp_path, [poison, FiniteGuard()], max_epochs=5)
    message = f"at step {step} (epoch {step // STEPS_PER_EPOCH}, learning rate 0.002)"
    with pytest.raises(NonFiniteLoss, match=re.escape(message)):
        trainer.fit(small_classifier(learning_rate=2e-3), small_data())
    assert poison.last_step == step


def test_control_without_the_guard_training_goes_on(tmp_path):
    poison = Poison(2)
    small_trainer(tmp_path, [poison], max_epochs=2).fit(small_classifier(), small_data())
    assert poison.last_step == 2 * STEPS_PER_EPOCH - 1


def test_rate_named_is_the_one_of_the_step(tmp_path):
    """Under 1cycle the rate of the first step is a tenth of its top."""
    trainer = small_trainer(tmp_path, [Poison(0), FiniteGuard()], max_epochs=5)
    with pytest.raises(NonFiniteLoss, match=r"learning rate 0\.0002\)"):
        trainer.fit(small_classifier(learning_rate=2e-3, schedule="one_cycle"), small_data())


def test_best_weights_of_before_are_kept(tmp_path):
    callbacks = [Poison(STEPS_PER_EPOCH + 1), FiniteGuard(), BestWeights()]
    with pytest.raises(NonFiniteLoss):
        small_trainer(tmp_path, callbacks, max_epochs=5).fit(small_classifier(), small_data())
    checkpoint = load_checkpoint(tmp_path / BEST_FILE)
    assert checkpoint["epoch"] == 0
    assert all(weight.isfinite().all() for weight in checkpoint["state_dict"].values())


def test_finite_losses_pass(tmp_path):
    small_trainer(tmp_path, [FiniteGuard()]).fit(small_classifier(), small_data())


class ElsewhereThanOnTheCPU(torch.Tensor):
    """A number that says it lies on an accelerator, where looking at it is costly."""

    @property
    def device(self):
        return torch.device("cuda")


def losses_until_stop(losses, steps_between_looks, monkeypatch):
    """Feed losses to a guard as from an accelerator; returns how many it took, and its message."""
    monkeypatch.setattr(finite_guard, "STEPS_BETWEEN_LOOKS", steps_between_looks)
    optimiser = SimpleNamespace(param_groups=[{"lr": 0.1}])
    trainer = SimpleNamespace(
        global_step=20, current_epoch=2, optimizers=[optimiser], precision="32-true"
    )
    guard = FiniteGuard()
    guard.on_train_epoch_start(trainer, None)
    taken = 0
    try:
        for loss in losses:
            taken += 1
            tensor = torch.tensor(loss).as_subclass(ElsewhereThanOnTheCPU)
            guard.on_before_backward(trainer, None, tensor)
            trainer.global_step += 1
        guard.on_train_epoch_end(trainer, None)
    except NonFiniteLoss as error:
        return taken, str(error)
    return taken, ""


@pytest.mark.parametrize("bad", range(7))
def test_on_an_accelerator_it_looks_now_and_then_and_names_the_first(bad, monkeypatch):
    losses = [1.0] * bad + [float("inf")] + [float("nan")] * (6 - bad)
    taken, message = losses_until_stop(losses, 3, monkeypatch)
    assert f"at step {20 + bad} " in message
    assert taken == min(3 * (bad // 3 + 1), 7)


def test_on_an_accelerator_finite_losses_pass(monkeypatch):
    assert losses_until_stop([1.0] * 7, 3, monkeypatch) == (7, "")


@pytest.mark.parametrize("accumulated", [1, 3])
def test_step_is_the_optimisers_not_the_batchs(tmp_path, accumulated):
    def poison(module):
        with torch.no_grad():
            module.network[-1].bias[0] = float("nan")

    class Poisoned(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if trainer.global_step == 2:
                poison(pl_module)

    options = {"max_epochs": 9, "accumulate_grad_batches": accumulated}
    with pytest.raises(NonFiniteLoss, match="at step 2 "):
        small_trainer(tmp_path, [Poisoned(), FiniteGuard()], **options).fit(
            small_classifier(), small_data()
        )


@pytest.mark.parametrize(
    ("precision", "advice"),
    [
        ("16-true", "16-true has too few digits; try --trainer.precision 32-true"),
        ("bf16-true", "try --trainer.precision 32-true"),
        ("32-true", "try a lower learning rate"),
        ("bf16-mixed", "try a lower learning rate"),
    ],
)
def test_advice_fits_what_overflowed(precision, advice):
    assert advice in finite_guard.advice(SimpleNamespace(precision=precision))
