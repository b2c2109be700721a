"""Few images: patience is over after a few steps, which a line says."""

import pytest
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.backprop.patience import ENOUGH, short_patience, steps_between_validations
from lightning_cifar.data.notices import say_once
from lightning_cifar.stack.fit import fit_stack
from lightning_cifar.training.best_weights import BestWeights

STEPS = 4  # of an epoch: 54 images to train on in batches of 16, the last one short
LINE = "patience 10 is 40 steps here, because there are few images; if training ends too early, "
ADVICE = "give --early_stopping.patience 38 or a smaller --data.batch_size"


class Looking(Callback):
    """Notes what is found when training starts, and ends the fit there."""

    def on_train_start(self, trainer, pl_module):
        self.steps = steps_between_validations(trainer)
        self.lines = {patience: short_patience(trainer, patience) for patience in (10, 37, 38)}
        trainer.should_stop = True


class LookingAtSteps(Looking):
    """The same with a hook around every step, so that batches come one by one."""

    def on_train_batch_start(self, *arguments):
        """Be there."""


def looked(folder, kind=Looking, **options):
    looking = kind()
    trainer = small_trainer(folder, [looking], **{"max_epochs": 100, **options})
    trainer.fit(small_classifier(), small_data())
    return looking


@pytest.mark.parametrize("kind", [Looking, LookingAtSteps])
def test_steps_are_counted_in_blocks_and_alone(kind, tmp_path):
    assert looked(tmp_path, kind).steps == STEPS


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"accumulate_grad_batches": 2}, STEPS / 2),
        ({"check_val_every_n_epoch": 3}, STEPS * 3),
        ({"val_check_interval": 2}, 2),
        ({"val_check_interval": 0.25}, 1),
        ({"val_check_interval": 5, "check_val_every_n_epoch": None}, 5),
    ],
)
def test_steps_between_validations_are_those_of_the_options(options, steps, tmp_path):
    assert looked(tmp_path, **options).steps == steps


def test_the_line_says_how_few_and_what_is_enough(tmp_path):
    lines = looked(tmp_path).lines
    assert lines[10] == LINE + ADVICE
    assert 37 * STEPS < ENOUGH <= 38 * STEPS
    assert lines[37]
    assert not lines[38]


@pytest.mark.parametrize(
    ("options", "silent"),
    [
        ({"max_epochs": 10}, True),
        ({"max_epochs": 11}, False),
        ({"max_epochs": -1}, False),
        ({"limit_train_batches": 2}, True),
    ],
)
def test_nothing_is_said_of_a_fit_that_patience_cannot_end(options, silent, tmp_path):
    assert (looked(tmp_path, **options).lines[10] == "") is silent


@pytest.mark.parametrize(("fast", "times"), [(False, 1), (True, 0)])
def test_a_fit_says_it_once(fast, times, tmp_path, capsys):
    say_once.cache_clear()
    for number in range(2):
        stopping = [BestWeights(patience=1)]
        trainer = small_trainer(tmp_path / str(number), stopping, max_epochs=2, fast_dev_run=fast)
        trainer.fit(small_classifier(), small_data())
    assert capsys.readouterr().err.count("patience 1 is 4 steps here") == times


@pytest.mark.parametrize(("epochs", "times"), [(2, 1), (1, 0)])
def test_a_stack_of_a_study_says_it_too(epochs, times, tmp_path, capsys):
    say_once.cache_clear()
    members = [small_classifier(seed=seed) for seed in range(2)]
    data = small_data()
    data.setup("fit")
    fit_stack(members, data, seeds=[0, 1], max_epochs=epochs, patience=1, folder=tmp_path)
    assert capsys.readouterr().err.count("patience 1 is 4 steps here") == times
