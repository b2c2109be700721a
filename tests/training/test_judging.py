"""What BestWeights judges, when, and what it keeps: in real fits, whatever Lightning is told."""

import math

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.callbacks import EMAWeightAveraging
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.folders import BEST_FILE
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.resume import ResumePoint


class Validations(Callback):
    """The figures and the weights of each validation, noted by itself."""

    def __init__(self):
        self.figures, self.weights, self.when = [], [], []

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if not trainer.sanity_checking:
            self.weights.append({k: v.clone() for k, v in pl_module.state_dict().items()})

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.figures.append({k: float(v) for k, v in trainer.callback_metrics.items()})
            self.when.append((trainer.current_epoch, trainer.global_step))


def fit(folder, *callbacks, best=None, classifier=None, data=None, resumed=None, **options):
    """A fit of 54 images in 4 batches an epoch; returns classifier, validations and stopper."""
    seen, best = Validations(), best or BestWeights()
    trainer = small_trainer(folder, [*callbacks, seen, best, ResumePoint()], **options)
    classifier = classifier or small_classifier(learning_rate=0.01)
    trainer.fit(classifier, data or small_data(), ckpt_path=resumed)
    return classifier, seen, best


def validated(folder, classifier):
    """Validation loss and accuracy of a module as it is."""
    trainer = small_trainer(folder)
    trainer.validate(classifier, small_data(), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def assert_keeps_what_was_judged_best(folder, outcome, monitor, choose):
    """The kept weights are those of the best validation, and give its figures again."""
    classifier, seen, best = outcome
    figures = [each[monitor] for each in seen.figures]
    chosen = figures.index(choose(figures))
    assert (best.best_epoch, best.best_step) == seen.when[chosen]
    assert best.best_score == figures[chosen]
    assert validated(folder, classifier)[monitor] == pytest.approx(figures[chosen], abs=1e-6)
    for name, weight in load_checkpoint(folder / BEST_FILE)["state_dict"].items():
        assert torch.equal(weight, seen.weights[chosen][name])


@pytest.mark.parametrize(("monitor", "choose"), [("val_loss", min), ("val_accuracy", max)])
def test_direction_of_our_own_figures_is_known(tmp_path, monitor, choose):
    best = BestWeights(monitor, patience=50)
    outcome = fit(
        tmp_path, best=best, classifier=small_classifier(seed=1, learning_rate=0.01), max_epochs=8
    )
    assert_keeps_what_was_judged_best(tmp_path, outcome, monitor, choose)
    figures = [each[monitor] for each in outcome[1].figures]
    assert choose(figures) != figures[0]  # or the wrong direction would pass as well


@pytest.mark.parametrize(("monitor", "mode"), [("val_loss", "max"), ("val_accuracy", "min")])
def test_direction_can_be_given(tmp_path, monitor, mode):
    choose = {"min": min, "max": max}[mode]
    best = BestWeights(monitor, patience=50, mode=mode)
    outcome = fit(tmp_path, best=best, max_epochs=5)
    assert_keeps_what_was_judged_best(tmp_path, outcome, monitor, choose)


def test_control_the_other_direction_keeps_other_weights(tmp_path):
    best = BestWeights("val_accuracy", patience=50, mode="min")
    outcome = fit(tmp_path, best=best, max_epochs=8)
    assert_rejects(
        lambda: assert_keeps_what_was_judged_best(tmp_path, outcome, "val_accuracy", max)
    )


def test_direction_of_another_figure_has_to_be_given(tmp_path):
    with pytest.raises(InputError, match=r"'val_acuracy'.*did you mean 'val_accuracy'"):
        fit(tmp_path, best=BestWeights("val_acuracy"))
    with pytest.raises(InputError, match=r"--early_stopping.mode min"):
        fit(tmp_path, best=BestWeights("auroc"))
    with pytest.raises(InputError, match="choose one of auto, min, max"):
        BestWeights(mode="highest")


class LogsItsOwn(LightningModule):
    """A module that is not ours, with a figure that rises: the number of validations so far."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3 * 32 * 32, 10)
        self.rises = 0.0

    def training_step(self, batch, batch_idx):
        return self.layer(batch[0].flatten(1) / 255).square().mean()

    def validation_step(self, batch, batch_idx):
        self.rises += 1.0
        self.log("rises", self.rises)
        self.log("val_loss", self.rises)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_figure_of_a_foreign_module_may_rise(tmp_path):
    best = BestWeights("rises", patience=2, mode="max")
    small_trainer(tmp_path, [best], max_epochs=6).fit(LogsItsOwn(), small_data())
    assert (best.best_epoch, best.waited) == (5, 0)
    falls = BestWeights("val_loss", patience=2)
    small_trainer(tmp_path, [falls], max_epochs=6).fit(LogsItsOwn(), small_data())
    assert (falls.best_epoch, falls.waited) == (0, 2)


@pytest.mark.parametrize(
    ("options", "when"),
    [
        ({"max_epochs": 5, "max_steps": 10}, [(0, 4), (1, 8)]),
        ({"max_epochs": 5, "check_val_every_n_epoch": 2}, [(1, 8), (3, 16)]),
        ({"max_epochs": 2, "val_check_interval": 2}, [(0, 2), (0, 4), (1, 6), (1, 8)]),
        ({"max_epochs": 2, "val_check_interval": 0.5}, [(0, 2), (0, 4), (1, 6), (1, 8)]),
        ({"max_epochs": 3, "val_check_interval": 3}, [(0, 3), (1, 7), (2, 11)]),
        (
            {"max_epochs": 3, "val_check_interval": 5, "check_val_every_n_epoch": None},
            [(1, 5), (2, 10)],
        ),
        ({"max_epochs": 2, "num_sanity_val_steps": 1}, [(0, 4), (1, 8)]),
        ({"max_epochs": 2, "accumulate_grad_batches": 3}, [(0, 2), (1, 4)]),
        ({"max_epochs": 1, "val_check_interval": 1}, [(0, 1), (0, 2), (0, 3), (0, 4)]),
        ({"max_epochs": 2, "limit_train_batches": 1}, [(0, 1), (1, 2)]),
        ({"max_epochs": 4, "limit_train_batches": 2}, [(0, 2), (1, 4), (2, 6), (3, 8)]),
    ],
)
def test_every_validation_is_judged_once_and_nothing_else(tmp_path, options, when):
    outcome = fit(tmp_path, **options)
    _, seen, best = outcome
    assert seen.when == when
    assert best.validations == len(when)
    assert_keeps_what_was_judged_best(tmp_path, outcome, "val_loss", min)


def test_patience_counts_validations(tmp_path):
    best = BestWeights(patience=3)
    options = {"max_epochs": 50, "val_check_interval": 2}
    _, seen, _ = fit(tmp_path, best=best, classifier=small_classifier(learning_rate=0.3), **options)
    figures = [each["val_loss"] for each in seen.figures]
    assert len(figures) == figures.index(min(figures)) + 1 + 3


def test_fit_without_a_validation_keeps_nothing_and_says_nothing_wrong(tmp_path):
    _, seen, best = fit(tmp_path, max_epochs=5, max_steps=3)
    assert seen.when == []
    assert (best.best_epoch, best.best_step) == (-1, -1)
    assert math.isnan(best.best_score)
    assert not (tmp_path / BEST_FILE).exists()


def test_figure_of_the_training_is_judged_after_each_epoch(tmp_path):
    best = BestWeights("train_loss", patience=2)
    fit(tmp_path, best=best, max_epochs=6, val_check_interval=2)
    assert best.best_epoch == 5
    assert best.best_step == 24


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_averaged_weights_that_were_judged_are_kept(tmp_path, decay):
    outcome = fit(tmp_path, EMAWeightAveraging(decay=decay), max_epochs=6)
    assert_keeps_what_was_judged_best(tmp_path, outcome, "val_loss", min)


class SwapsWeights(Callback):
    """Validates with all weights at zero, and puts them back."""

    def on_validation_start(self, trainer, pl_module):
        self.trained = {k: v.clone() for k, v in pl_module.state_dict().items()}
        with torch.no_grad():
            for weight in pl_module.network.parameters():
                weight.zero_()

    def on_validation_end(self, trainer, pl_module):
        pl_module.load_state_dict(self.trained)


class KeepsWhatIsThere(BestWeights):
    """The present weights, whatever was validated."""

    def on_validation_batch_end(self, *_, **__):
        pass


def test_weights_are_those_of_the_validation_and_training_goes_on_with_its_own(tmp_path):
    classifier, _, best = fit(tmp_path, SwapsWeights(), max_epochs=2)
    assert best.best_score == pytest.approx(math.log(10))
    assert all(not weight.any() for weight in classifier.network.parameters())
    alone = fit(tmp_path / "alone", max_epochs=2)[1].weights[-1]
    last = load_checkpoint(tmp_path / "last.ckpt")["state_dict"]
    assert all(torch.equal(weight, alone[name]) for name, weight in last.items())


def test_control_keeping_the_present_weights_is_rejected(tmp_path):
    outcome = fit(tmp_path, SwapsWeights(), best=KeepsWhatIsThere(), max_epochs=2)
    assert_rejects(lambda: assert_keeps_what_was_judged_best(tmp_path, outcome, "val_loss", min))


def test_second_fit_starts_afresh(tmp_path):
    """A stopper that has seen a better model does not put its weights into the next one."""
    best = BestWeights(patience=3)
    fit(tmp_path / "first", best=best, max_epochs=4)
    poor = small_classifier(learning_rate=1e-9)
    outcome = fit(tmp_path / "second", best=best, classifier=poor, max_epochs=2)
    assert_keeps_what_was_judged_best(tmp_path / "second", outcome, "val_loss", min)
    assert best.best_model_path == str(tmp_path / "second" / BEST_FILE)


def test_resuming_in_another_folder_needs_one_file_of_the_old_one(tmp_path):
    """The best epoch lies before the point of resuming, and only last.ckpt was taken along."""
    options = {"classifier": None, "best": None}
    _, seen, first = fit(tmp_path / "old", max_epochs=9, **options)
    assert first.best_epoch < 8
    moved = tmp_path / "moved.ckpt"
    (tmp_path / "old" / "last.ckpt").rename(moved)
    (tmp_path / "old" / BEST_FILE).unlink()
    classifier, _, best = fit(tmp_path / "new", resumed=moved, max_epochs=9)
    best_weights = seen.weights[first.best_epoch]
    assert (best.best_epoch, best.best_score) == (first.best_epoch, first.best_score)
    assert all(torch.equal(v, best_weights[k]) for k, v in classifier.state_dict().items())
    kept = load_checkpoint(tmp_path / "new" / BEST_FILE)["state_dict"]
    assert all(torch.equal(value, best_weights[name]) for name, value in kept.items())


def test_patience_waits_for_the_least_number_of_epochs(tmp_path):
    _, seen, best = fit(
        tmp_path,
        best=BestWeights(patience=1),
        classifier=small_classifier(learning_rate=0.3),
        max_epochs=20,
        min_epochs=6,
    )
    assert len(seen.when) >= 6
    assert best.waited >= 1


def test_trying_the_code_keeps_nothing(tmp_path):
    fit(tmp_path, fast_dev_run=True)
    assert not (tmp_path / BEST_FILE).exists()
