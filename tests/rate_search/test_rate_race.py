"""Classifiers that race end as a trainer with the same options would have fitted them."""

import copy
import math

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar import networks
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.optim.schedules import mean_factor
from lightning_cifar.rate_search import race as rate_race
from lightning_cifar.rate_search.find import lent_images
from lightning_cifar.rate_search.fit_options import PLAIN, FitOptions, limited, race_length
from lightning_cifar.rate_search.race import (
    candidate_at,
    members_at_once,
    race_in_stacks,
    train_many,
)
from lightning_cifar.runs.records import RUNNING
from lightning_cifar.stack.fit import prepared
from lightning_cifar.stack.network import StackedNetwork

EPOCHS = 4
RATES = (3e-4, 3e-3, 3e-2)
CPU = torch.device("cpu")
SEVEN_BATCHES = {"train": 122, "batch_size": 16}  # of 112 images that train


@pytest.fixture
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def images(**data):
    datamodule = small_data(**(SEVEN_BATCHES | data))
    datamodule.setup("fit")
    return lent_images(datamodule, CPU, 1)


def raced(variant="elu", rates=RATES, *, data=None, options=PLAIN, model=None, **more):
    datamodule = images(**(data or {}))
    member = prepared(small_classifier(VARIANTS[variant], **(model or {})), datamodule)
    settings = {"device": CPU, "epochs": EPOCHS, "options": options} | more
    return train_many([candidate_at(member, rate) for rate in rates], datamodule, **settings)


class Followed(Callback):
    """Keeps what a fit has come to after each epoch."""

    def __init__(self):
        self.losses, self.accuracies, self.states = [], [], []

    def on_train_epoch_end(self, trainer, pl_module):
        self.losses.append(float(trainer.callback_metrics["val_loss"]))
        self.accuracies.append(float(trainer.callback_metrics["val_accuracy"]))
        self.states.append(copy.deepcopy(pl_module.network.state_dict()))


def fitted_alone(folder, variant, rate, options, **model):
    """An ordinary fit as a candidate's is: under 1cycle, whose top is twice a constant rate."""
    followed = Followed()
    trainer = small_trainer(folder, [followed], max_epochs=EPOCHS, **options.for_trainer())
    top = rate if model.get("schedule") == "one_cycle" else rate / mean_factor("one_cycle")
    model = model | {"schedule": "one_cycle", "learning_rate": top}
    classifier = small_classifier(VARIANTS[variant], **model)
    trainer.fit(classifier, small_data(**SEVEN_BATCHES))
    return followed


def races_as_fitted_alone(folder, variant, options, *, race_options=None, near=1e-6, **model):
    """A check of figures by epoch and of the best weights; the race may have other options."""

    def check():
        runs = raced(variant, options=race_options or options, model=model)
        for run, rate in zip(runs, RATES, strict=True):
            alone = fitted_alone(folder, variant, rate, options, **model)
            assert [each.val_loss for each in run.epochs] == pytest.approx(alone.losses, rel=near)
            accuracies = [each.val_accuracy for each in run.epochs]
            assert accuracies == pytest.approx(alone.accuracies, abs=1e-6)
            for name, weights in alone.states[run.best_epoch].items():
                assert torch.allclose(run.best_state[name], weights, rtol=0, atol=near), name

    return check


def options(**chosen):
    """In float64, three and a half updates of two batches in an epoch: the last is a half."""
    return FitOptions(precision="64-true", **chosen)


CLIPPED = {"gradient_clip_val": 0.5, "accumulate_grad_batches": 2}
OPTIONS = {
    "plain": options(),
    "accumulated": options(accumulate_grad_batches=2),
    "clipped by norm": options(**CLIPPED),
    "clipped by value": options(gradient_clip_algorithm="value", gradient_clip_val=0.05),
    "limited": options(limit_train_batches=3, limit_val_batches=1),
    "all": options(**CLIPPED, limit_train_batches=0.8),
}


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("chosen", OPTIONS)
@pytest.mark.parametrize("variant", ["elu", "batch_norm"])
def test_race_trains_as_a_fit_with_the_same_options(tmp_path, variant, chosen):
    races_as_fitted_alone(tmp_path, variant, OPTIONS[chosen])()


@pytest.mark.usefixtures("double_precision")
def test_race_follows_the_schedule_of_a_fit(tmp_path):
    races_as_fitted_alone(tmp_path, "selu", OPTIONS["all"], schedule="one_cycle")()


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed", "bf16-true"])
def test_only_plain_precisions_race_in_stacks(precision):
    """The others fit one candidate after another, by autograd."""
    assert FitOptions().stacks
    assert not FitOptions(precision=precision).stacks


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(
    "forgotten",
    ["accumulate_grad_batches", "gradient_clip_val", "limit_train_batches"],
)
def test_control_an_option_that_is_forgotten_is_noticed(tmp_path, forgotten):
    asked = OPTIONS["all"]
    chosen = {name: value for name, value in vars(asked).items() if name != forgotten}
    race_options = FitOptions(**chosen)
    assert_rejects(races_as_fitted_alone(tmp_path, "elu", asked, race_options=race_options))


@pytest.mark.usefixtures("double_precision")
def test_control_one_norm_for_the_whole_stack_is_noticed(tmp_path, monkeypatch):
    def globally(stack, largest):
        nn.utils.clip_grad_norm_(stack.parameters(), largest)

    monkeypatch.setattr(StackedNetwork, "clip_gradients", globally)
    assert_rejects(races_as_fitted_alone(tmp_path, "elu", OPTIONS["clipped by norm"]))


@pytest.mark.usefixtures("double_precision")
def test_control_values_clipped_instead_of_norms_are_noticed(tmp_path):
    value = options(**CLIPPED, gradient_clip_algorithm="value")
    norm = OPTIONS["clipped by norm"]
    assert_rejects(races_as_fitted_alone(tmp_path, "elu", norm, race_options=value))


def test_one_gradient_that_is_not_finite_is_clipped_alone():
    networks_of_one_kind = [networks.elu_network(2, 4, torch.Generator().manual_seed(0))] * 2
    stack = StackedNetwork(networks_of_one_kind)
    for parameter in stack.parameters():
        parameter.grad = torch.ones_like(parameter)
        parameter.grad[1] = torch.inf
    stack.clip_gradients(0.5)
    total = sum(float(parameter.grad[0].square().sum()) for parameter in stack.parameters())
    assert math.sqrt(total) == pytest.approx(0.5, rel=1e-5)


def test_classifier_given_is_not_changed():
    member = small_classifier(VARIANTS["batch_norm"])
    before = copy.deepcopy(member.state_dict())
    train_many([candidate_at(member, rate) for rate in RATES], images(), device=CPU, epochs=1)
    assert member.learning_rate == 1e-3
    assert all(torch.equal(value, before[name]) for name, value in member.state_dict().items())


def test_all_see_the_same_batches_and_masks():
    model = {"dropout_rate": 0.5, "dropout_everywhere": True}
    first, second = raced("alpha_dropout", (1e-3, 1e-3), model=model)
    other = raced("alpha_dropout", (1e-3,), model=model, data={"split_seed": 1})[0]
    assert figures(first) == figures(second)
    assert figures(first) != figures(other)


def figures(run):
    return [(epoch.train_loss, epoch.val_loss) for epoch in run.epochs]


def test_diverged_member_leaves_and_disturbs_nobody():
    undisturbed = raced(rates=(1e-3, 1e-2))
    runs = raced(rates=(1e-3, 1e38, 1e-2))
    assert "not finite at step" in runs[1].stop_reason
    assert len(runs[1].epochs) < EPOCHS
    for run, expected in zip((runs[0], runs[2]), undisturbed, strict=True):
        assert run.stop_reason == f"all {EPOCHS} epochs done"
        assert [each.val_loss for each in run.epochs] == pytest.approx(
            [each.val_loss for each in expected.epochs], rel=1e-5
        )


def test_many_stacks_give_the_figures_of_one(monkeypatch):
    together = raced()
    monkeypatch.setattr(rate_race, "members_at_once", lambda network, batch_size: 2)
    for run, other in zip(raced(), together, strict=True):
        for mine, theirs in zip(figures(run), figures(other), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_race_tells_how_far_it_is(monkeypatch, at_once):
    """One that diverges ends in infinity; one that has not begun is not among them."""
    monkeypatch.setattr(rate_race, "members_at_once", lambda network, batch_size: at_once)
    datamodule, told = images(), []
    member = prepared(small_classifier(), datamodule)

    def note(*state):
        told.append(state)

    rates = (1e-3, 1e38, 1e-2)
    result = race_in_stacks(member, datamodule, CPU, PLAIN, rates, epochs=3, note=note)
    chunks = math.ceil(3 / at_once)
    assert [each.diverged for each in result] == [False, True, False]
    assert [each.rate for each in result] == [1e-3, 1e38, 1e-2]
    assert told[-1] == (result, chunks * 3, chunks * 3)
    assert len(told[0][0]) == at_once


def test_patience_ends_a_member():
    """Labels of noise: the loss rises soon."""
    (run,) = raced(rates=(3e-2,), epochs=30, patience=2)
    losses = [epoch.val_loss for epoch in run.epochs]
    assert run.stop_reason == "val_loss had not fallen for 2 validations"
    assert len(losses) == losses.index(min(losses)) + 3 < 30
    assert run.stop_reason != RUNNING


def test_members_at_once_keep_to_the_memory():
    network = networks.elu_network(20, 100, torch.Generator().manual_seed(0))
    count = members_at_once(network, 32)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert 16 <= count <= rate_race.MEMORY / (4 * parameters * rate_race.COPIES)
    assert members_at_once(network, 10_000) < count
    assert members_at_once(nn.Sequential(nn.Linear(3072, 100_000, device="meta")), 32) == 1


@pytest.mark.parametrize(
    ("batches", "asked", "limit", "epochs", "steps"),
    [
        (1406, None, 1.0, 1, 300),  # 45,000 images in batches of 32
        (352, None, 1.0, 1, 176),  # of 128
        (352, None, 0.5, 1, 176),  # a fit that sees half of them: a whole one of its epochs
        (20, None, 1.0, 8, 20),  # few images: whole epochs, until there are enough steps
        (352, 3, 1.0, 3, 352),  # as asked for
    ],
)
def test_race_is_half_an_epoch_if_that_is_enough(batches, asked, limit, epochs, steps):
    options = FitOptions(limit_train_batches=limit)
    found, chosen = race_length(batches, asked, options)
    assert found == epochs
    assert limited(batches, chosen.limit_train_batches) == steps
