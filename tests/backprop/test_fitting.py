"""When steps are made by hand, and how many at once."""

from types import SimpleNamespace

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import (
    GradientAccumulationScheduler,
    LambdaCallback,
    ModelPruning,
    StochasticWeightAveraging,
)
from lightning.pytorch.plugins import Precision
from small_runs import small_classifier, small_trainer
from torch import nn

from lightning_cifar.backprop.fitting import (
    callbacks_of,
    overridden,
    steps_at_once,
    why_no_layers,
    why_not_by_hand,
)
from lightning_cifar.classifiers import DenseClassifier, EluClassifier


class LooksAtBatches(Callback):
    def on_train_batch_end(self, *_):
        """Wants to see every batch."""


class LooksBefore(Callback):
    def on_train_batch_start(self, *_):
        """Wants to be there before every batch."""


class LooksAtTheStart(Callback):
    def on_train_start(self, *_):
        """May want to know how many batches there will be."""


class KnowsBlocks(LooksAtBatches):
    knows_blocks = True


class WantsGradients(Callback):
    def on_before_optimizer_step(self, *_):
        """Wants to see gradients."""


LOOKS = [
    {"max_steps": 9},
    {"min_steps": 9},
    {"limit_train_batches": 0.5},
    {"limit_train_batches": 3},
    {"limit_train_batches": 1},  # a batch, where 1.0 is all of them
    {"val_check_interval": 1},
    {"overfit_batches": 1},
    {"overfit_batches": 0.01},
    {"val_check_interval": 0.5},
    {"accumulate_grad_batches": 2},
    {"accumulate_grad_batches": 3},
    {"fast_dev_run": True},
    {"callbacks": [LooksAtBatches()]},
    {"callbacks": [LooksBefore()]},
    {"callbacks": [LooksAtTheStart()]},
    {"callbacks": [LambdaCallback(on_train_batch_end=print)]},
]


def plain(folder, **options):
    return small_trainer(folder, options.pop("callbacks", ()), **options)


@pytest.mark.parametrize("options", LOOKS)
def test_a_fit_that_looks_between_batches_has_one_in_a_step(tmp_path, options):
    assert steps_at_once(plain(tmp_path, **options), "cpu") == 1


@pytest.mark.parametrize(("device", "steps"), [("cpu", 25), ("cuda", 100), ("mps", 1)])
@pytest.mark.parametrize("callbacks", [[], [KnowsBlocks()], [WantsGradients()], [Callback()]])
def test_any_other_fit_has_many(tmp_path, device, steps, callbacks):
    assert steps_at_once(plain(tmp_path, callbacks=callbacks), device) == steps


def test_callbacks_that_know_of_steps_by_hand_are_not_asked(tmp_path):
    mine = [KnowsBlocks(), LooksAtBatches()]
    assert callbacks_of(plain(tmp_path, callbacks=mine)) == mine[1:]


def test_the_first_changed_method_is_named():
    names = ("on_train_start", "on_train_batch_start", "on_train_batch_end")
    assert overridden(LooksAtBatches(), Callback, names) == "on_train_batch_end"
    assert overridden(Callback(), Callback, names) is None


class OwnStep(DenseClassifier):
    build_network = EluClassifier.build_network

    def training_step(self, batch, batch_index):
        return super().training_step(batch, batch_index)


class OwnPrecision(Precision):
    """May do anything to a backward pass."""


def hooked(whole):
    classifier = small_classifier()
    owner = classifier if whole else classifier.network
    owner.register_forward_hook(lambda *_: None)
    return classifier


REASONS = {
    "bits": (small_classifier, {"precision": "bf16-mixed"}, "the precision is bf16-mixed"),
    "anomaly": (
        small_classifier,
        {"detect_anomaly": True},
        "anomalies are looked for in autograd's backward pass",
    ),
    "hook": (lambda: hooked(True), {}, "somebody has hooks on the network"),
    "hook inside": (lambda: hooked(False), {}, "somebody has hooks on the network"),
    "own step": (lambda: small_classifier(OwnStep), {}, "OwnStep has its own training_step"),
    "scheduler": (
        small_classifier,
        {"callbacks": [GradientAccumulationScheduler({0: 2})]},
        "GradientAccumulationScheduler serves automatic optimisation alone",
    ),
    "gradients": (
        small_classifier,
        {"callbacks": [WantsGradients()]},
        "WantsGradients wants to be called in on_before_optimizer_step",
    ),
    "averages": (
        small_classifier,
        {"callbacks": [StochasticWeightAveraging(1e-2)]},
        "StochasticWeightAveraging serves automatic optimisation alone",
    ),
    "prunes": (
        small_classifier,
        {"callbacks": [ModelPruning("l1_unstructured", amount=0.5)]},
        "ModelPruning serves automatic optimisation alone",
    ),
    "plug-in": (
        small_classifier,
        {"plugins": [OwnPrecision()]},
        "OwnPrecision has its own way with a step",
    ),
    "function": (
        small_classifier,
        {"callbacks": [LambdaCallback(on_after_backward=print)]},
        "LambdaCallback wants to be called in on_after_backward",
    ),
    "nothing": (small_classifier, {}, None),
    "double": (small_classifier, {"precision": "64-true"}, None),
    "looks": (small_classifier, {"callbacks": [LooksAtBatches(), KnowsBlocks()]}, None),
}


@pytest.mark.parametrize("case", REASONS)
def test_what_stands_against_steps_by_hand_is_said(tmp_path, case):
    make, options, reason = REASONS[case]
    assert why_not_by_hand(make(), DenseClassifier, plain(tmp_path, **options)) == reason


def test_several_devices_stand_against_it():
    trainer = SimpleNamespace(strategy=object())
    reason = "several devices share each step"
    assert why_not_by_hand(small_classifier(), DenseClassifier, trainer) == reason


def frozen():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.Linear(2, 2))
    network[1].bias.requires_grad_(False)
    return network


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(2, 2)), None),
        (nn.Linear(2, 2), "the network is no sequence of layers that begins with Flatten"),
        (
            nn.Sequential(nn.Linear(2, 2)),
            "the network is no sequence of layers that begins with Flatten",
        ),
        (frozen(), "some of the network's parameters are not trained"),
    ],
)
def test_why_layers_cannot_be_taken_one_by_one(network, reason):
    assert why_no_layers(network) == reason
