"""What a search refuses, word for word, and the small things its fits are made of."""

import logging
import math
import warnings
from types import SimpleNamespace

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import BatchSizeFinder
from lightning.pytorch.plugins.environments import LightningEnvironment
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.data.sources import cache_folder
from lightning_cifar.errors import InputError
from lightning_cifar.optim.schedules import one_cycle
from lightning_cifar.rate_search.callback import LearningRateSearch, data_of
from lightning_cifar.rate_search.find import search_settings, start_of
from lightning_cifar.rate_search.fit_options import PLAIN, options_of
from lightning_cifar.rate_search.short_fits import (
    OneCycle,
    RisingRate,
    ValidationLosses,
    placed,
    quiet,
)
from lightning_cifar.runs.checkpoints import SealedCheckpoints
from lightning_cifar.stack.fit import silent_trainer


class Rateless(LightningModule):
    """A module that has no rate to be searched."""


class Waiting(LightningModule):
    """A module of somebody else's that waits for its rate."""

    learning_rate = None


def refusal_of(function, *arguments, **named):
    with pytest.raises(InputError) as refusal:
        function(*arguments, **named)
    return str(refusal.value)


@pytest.mark.parametrize(("candidates", "epochs"), [(1, None), (2, 0), (0, 3)])
def test_a_race_of_nothing_is_refused(candidates, epochs):
    said = refusal_of(LearningRateSearch, candidates, epochs)
    assert said == f"a race needs candidates >= 2 and epochs >= 1, got {candidates} and {epochs}"


@pytest.mark.parametrize(("candidates", "epochs"), [(2, None), (2, 1)])
def test_the_smallest_race_is_accepted(candidates, epochs):
    search = LearningRateSearch(candidates, epochs)
    assert (search.candidates, search.epochs) == (candidates, epochs)


def test_results_are_kept_beside_the_images(tmp_path):
    assert LearningRateSearch().cache == cache_folder(None) / "learning_rate"
    assert LearningRateSearch(cache=str(tmp_path)).cache == tmp_path / "learning_rate"


def fit_of(folder, module, **options):
    """A trainer as a search meets it, before its fit."""
    trainer = small_trainer(folder, **options)
    trainer.strategy.connect(module)
    return trainer


def test_a_module_without_a_rate_is_refused_by_name(tmp_path):
    module = Rateless()
    said = refusal_of(LearningRateSearch().setup, fit_of(tmp_path, module), module, "fit")
    assert said == (
        "LearningRateSearch sets the learning_rate of a module, and Rateless has none; add "
        "`self.learning_rate = None` to it and read it in configure_optimizers"
    )


def test_somebody_elses_module_is_searched_in_one_process(tmp_path):
    several = SimpleNamespace(world_size=2)
    said = refusal_of(LearningRateSearch()._serve, several, Waiting(), PLAIN)
    assert said == (
        "the search for Waiting with these data runs in one process, got 2; search once with "
        "devices=1, then give it its learning_rate"
    )


def test_another_process_leaves_the_search_to_the_first():
    other = SimpleNamespace(is_global_zero=False)
    assert LearningRateSearch()._find(other, None, None, PLAIN) == (0.0, "")


def test_a_fit_without_validation_is_refused(tmp_path):
    trainer = small_trainer(tmp_path, limit_val_batches=0)
    assert refusal_of(data_of, trainer) == (
        "a search compares validation losses; give the fit validation batches"
    )


def test_a_callback_that_a_search_cannot_follow_is_named(tmp_path):
    assert refusal_of(options_of, small_trainer(tmp_path, [BatchSizeFinder()])) == (
        "a search cannot train as a fit with BatchSizeFinder does, which changes the training "
        "under way; leave the callback out or give a learning_rate"
    )


@pytest.mark.parametrize(
    ("logged", "shown"), [({}, "nothing"), ({"b": 1, "a": 2}, "'a', 'b'"), ({"a": 2}, "'a'")]
)
def test_a_module_without_a_validation_loss_is_told_what_it_logs(logged, shown):
    losses = ValidationLosses(lambda _: None)
    trainer = SimpleNamespace(callback_metrics=logged, should_stop=False)
    assert refusal_of(losses.on_validation_end, trainer, Waiting()) == (
        f"a search needs 'val_loss' in validation, but Waiting logs {shown}; log it, or give the "
        "module a learning_rate"
    )


@pytest.mark.parametrize("loss", [2.0, math.inf, math.nan])
def test_a_fit_that_diverges_ends_when_its_loss_is_told(loss):
    told = []
    trainer = SimpleNamespace(callback_metrics={"val_loss": torch.tensor(loss)}, should_stop=False)
    ValidationLosses(lambda losses: told.append(list(losses))).on_validation_end(trainer, None)
    assert trainer.should_stop is not math.isfinite(loss)
    assert str(told) == str([[loss]])


def rates_of(callback, steps, **trainer):
    """The rates that a callback sets in two groups of parameters, step by step."""
    groups = [{"lr": 9.0}, {"lr": 9.0}]
    fit = SimpleNamespace(optimizers=[SimpleNamespace(param_groups=groups)], **trainer)
    rates = []
    for fit.global_step in range(steps):
        callback.on_train_batch_start(fit, None, None, 0)
        assert groups[0] == groups[1]
        rates.append(groups[0]["lr"])
    return rates


def test_a_race_goes_once_up_and_down():
    expected = [0.5 * one_cycle(step / 4) for step in range(5)]
    assert rates_of(OneCycle(0.5), 5, estimated_stepping_batches=5) == pytest.approx(expected)
    # More steps than there should be stay at the end; of an unknown number all are the first.
    assert rates_of(OneCycle(0.5), 6, estimated_stepping_batches=5)[5] == expected[4]
    assert rates_of(OneCycle(0.5), 1, estimated_stepping_batches=1) == [expected[0]]
    assert rates_of(OneCycle(0.5), 2, estimated_stepping_batches=math.inf) == [expected[0]] * 2


def rises_by_equal_factors(make):
    rates = rates_of(make(7), 9)
    assert rates[:7] == pytest.approx([10.0**power for power in range(-6, 1)])
    assert rates[7:] == rates[6:7] * 2


def test_a_range_test_rises_by_equal_factors_to_one():
    rises_by_equal_factors(RisingRate)


def test_control_a_range_test_of_another_length_is_rejected():
    assert_rejects(lambda: rises_by_equal_factors(lambda steps: RisingRate(steps + 1)))


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"),
    [("cpu", "cpu", 1), ("cpu:0", "cpu", 1), ("cuda", "cuda", 1), ("cuda:3", "cuda", [3])],
)
def test_a_fit_is_placed_on_exactly_its_device(device, accelerator, devices):
    assert placed(torch.device(device)) == {"accelerator": accelerator, "devices": devices}


def test_lightning_is_quiet_during_a_short_fit_and_only_then():
    logger = logging.getLogger("lightning.pytorch")
    before, within = logger.level, []

    def fails():
        with quiet():
            within.append((logger.level, warnings.filters[0][0]))
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert within == [(logging.ERROR, "ignore")]
    assert logger.level == before


def test_a_silent_trainer_writes_nothing_and_asks_nobody(monkeypatch):
    """Not a cluster's scheduler either, under which it may run."""
    for name, value in (("NTASKS", "2"), ("JOB_NAME", "x"), ("PROCID", "0"), ("LOCALID", "0")):
        monkeypatch.setenv(f"SLURM_{name}", value)
    trainer = silent_trainer([], accelerator="cpu", max_epochs=1)
    strategy = trainer.strategy
    assert isinstance(trainer._accelerator_connector.cluster_environment, LightningEnvironment)
    assert isinstance(strategy.checkpoint_io, SealedCheckpoints)
    assert (trainer.loggers, trainer.checkpoint_callbacks) == ([], [])
    assert (trainer.progress_bar_callback, trainer.num_sanity_val_steps) == (None, 0)
    assert [type(each).__name__ for each in trainer.callbacks] == []


def settings_of(classifier, datamodule, **changes):
    return search_settings(classifier, datamodule, PLAIN, changes.get("candidates", 4), None)


def test_everything_that_decides_a_rate_stands_in_its_settings():
    datamodule = small_data()
    datamodule.setup("fit")
    settings = settings_of(small_classifier(learning_rate=None, seed=5), datamodule)
    assert list(settings) == [
        *("variant", "network", "weights", "optimiser", "images"),
        *("batches", "fit", "search", "torch"),
    ]
    assert settings["variant"] == "elu"
    assert not settings["network"].keys() & {
        *("seed", "classes", "image_size", "optimiser", "class_weights")
    }
    assert settings["network"].keys() >= {"depth", "width", "schedule"}
    assert (settings["optimiser"], settings["images"]) == ("NAdam", datamodule.fingerprint)
    assert settings["fit"] == PLAIN.settings(4, 1)
    assert settings["search"].keys() == {"candidates", "epochs", "version"}
    assert settings["torch"] == torch.__version__


def test_weights_are_told_apart_from_those_of_the_seed():
    classifier = small_classifier()
    assert start_of(classifier) == "torch.float32"
    assert start_of(classifier.double()) == "torch.float64"
    with torch.no_grad():
        next(classifier.network.parameters()).view(-1)[0].add_(1)
    kind, digest = start_of(classifier).split(" ")
    assert kind == "torch.float64"
    assert len(digest) == 16
