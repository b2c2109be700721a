"""Whoever changes or watches a fit gets what Lightning's own way of training would give."""

import pytest
import torch
from acting_callbacks import at, fitted
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import LambdaCallback, StochasticWeightAveraging
from lightning.pytorch.utilities.types import LRSchedulerConfig
from small_runs import small_classifier
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR

from lightning_cifar.classifiers import BatchNormClassifier, EluClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.standardise import Standardise

SHAPE = (3, 32, 32)


class WantsGradients(Callback):
    """Leaves the whole fit to autograd, a batch at a time."""

    def on_before_optimizer_step(self, *_):
        """Look at nothing."""


class CountsValidations(Callback):
    def __init__(self):
        self.steps = []

    def on_validation_end(self, trainer, _):
        self.steps.append(trainer.global_step)


class SkipsTheRest(EluClassifier):
    def on_train_batch_start(self, batch, batch_idx):
        return -1 if batch_idx == 2 else None


class ClipsItself(EluClassifier):
    def configure_gradient_clipping(
        self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None
    ):
        self.clip_gradients(optimizer, 0.1, "norm")


class LooksItsOwnWay(EluClassifier):
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + self.training
        return super().forward(images) * 0.3


class Halved(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs) / 2


class HalvedSequence(nn.Sequential):
    def forward(self, inputs):
        return super().forward(inputs) / 2


class HalvedImages(Standardise):
    def forward(self, images):
        return super().forward(images) / 2


def of_class(part, kind):
    """A classifier with a part of another class."""
    classifier = small_classifier()
    classifier.get_submodule(part).__class__ = kind
    return classifier


def with_hook(part):
    classifier = small_classifier()
    classifier.get_submodule(part).register_forward_hook(lambda *args: args[2] / 2)
    return classifier


def with_own_forward():
    classifier = small_classifier()
    layer = classifier.network[3]
    layer.forward = lambda inputs: nn.Linear.forward(layer, inputs) / 2
    return classifier


def doubled(_, module):
    for parameter in module.network.parameters():
        parameter.register_hook(lambda gradient: 2 * gradient + 1e-3)


def doubled_after(_, module):
    def change(parameter):
        parameter.grad.mul_(2).add_(1e-3)

    for parameter in module.network.parameters():
        parameter.register_post_accumulate_grad_hook(change)


def own_schedule(trainer, module):
    schedule = StepLR(trainer.optimizers[0], 1, 0.1)
    trainer.strategy.lr_scheduler_configs.append(LRSchedulerConfig(schedule, interval="epoch"))


def other_optimiser(trainer, module):
    trainer.strategy.optimizers = [SGD(module.network.parameters(), lr=0.1)]


def new_optimiser(trainer, module):
    trainer.strategy.optimizers = [FlatNAdam(module.network.parameters(), lr=0.01)]


def shrinking_steps(trainer, module):
    optimiser, weight = trainer.optimizers[0], module.network[1].weight
    step = optimiser.step

    def shrink(*args, **options):
        step(*args, **options)
        weight.data.mul_(0.9)

    optimiser.step = shrink


def patched_optimiser():
    classifier = small_classifier()

    def configure():
        optimiser = EluClassifier.configure_optimizers(classifier)
        return {"optimizer": optimiser, "lr_scheduler": StepLR(optimiser, 1, 0.1)}

    classifier.configure_optimizers = configure
    return classifier


def sets(owner, name, value):
    """A change of a trainer's option under way."""

    def change(trainer, _):
        setattr(owner(trainer), name, value)

    return change


def stop(trainer, _):
    trainer.should_stop = True


def set_in(part, name, value):
    """A change of a part of the module."""

    def change(_, module):
        setattr(module.get_submodule(part), name, value)

    return change


def within(change):
    """The same after the second batch of an epoch."""

    def later(trainer, module):
        if trainer.fit_loop.epoch_loop.batch_idx == 1:
            change(trainer, module)

    return later


def trainer_of(trainer):
    return trainer


def epoch_loop_of(trainer):
    return trainer.fit_loop.epoch_loop


def pruned(_, module):
    prune.l1_unstructured(module.network[3], "weight", 0.5)


# Name → classifier, callbacks, options of the trainer.
CASES = {
    "a module that skips batches": (lambda: small_classifier(SkipsTheRest), [], {}),
    "a module that clips": (lambda: small_classifier(ClipsItself), [], {}),
    "a method of an object": (patched_optimiser, [], {}),
    "another linear layer": (lambda: of_class("network.3", Halved), [], {}),
    "another sequence": (lambda: of_class("network", HalvedSequence), [], {}),
    "another standardisation": (lambda: of_class("standardise", HalvedImages), [], {}),
    "a hook on images": (lambda: with_hook("network.0"), [], {}),
    "a hook on the standardisation": (lambda: with_hook("standardise"), [], {}),
    "a forward of a layer's own": (with_own_forward, [], {}),
    "hooks on parameters": (small_classifier, [("on_train_start", doubled, 0)], {}),
    "hooks behind gradients": (small_classifier, [("setup", doubled_after, 0)], {}),
    "hooks on parameters, later": (small_classifier, [("on_train_epoch_start", doubled, 1)], {}),
    "the same under a schedule": (
        lambda: small_classifier(schedule="one_cycle"),
        [("on_train_epoch_start", doubled, 1)],
        {},
    ),
    "weights of others": (small_classifier, [("on_train_epoch_end", pruned, 0)], {}),
    "another schedule": (small_classifier, [("on_train_start", own_schedule, 0)], {}),
    "another optimiser": (small_classifier, [("on_train_epoch_start", other_optimiser, 1)], {}),
    "a new optimiser, within an epoch": (
        small_classifier,
        [("on_train_batch_end", within(new_optimiser), 1)],
        {},
    ),
    "steps of its own": (small_classifier, [("on_train_start", shrinking_steps, 0)], {}),
    "fewer steps": (
        small_classifier,
        [("on_train_start", sets(epoch_loop_of, "max_steps", 6), 0)],
        {},
    ),
    "fewer batches": (
        small_classifier,
        [("on_fit_start", sets(trainer_of, "limit_train_batches", 3), 0)],
        {},
    ),
    "parts of a step, later": (
        small_classifier,
        [("on_train_epoch_start", sets(trainer_of, "accumulate_grad_batches", 2), 1)],
        {},
    ),
    "a limit for later loaders": (
        small_classifier,
        [("on_train_epoch_start", sets(trainer_of, "limit_train_batches", 2), 1)],
        {},
    ),
    "the same, and such loaders": (
        small_classifier,
        [("on_train_epoch_start", sets(trainer_of, "limit_train_batches", 2), 1)],
        {"reload_dataloaders_every_n_epochs": 1},
    ),
    "validations within an epoch": (
        small_classifier,
        [("on_train_epoch_start", sets(trainer_of, "val_check_batch", 2), 1)],
        {},
    ),
    "another slope, within an epoch": (
        small_classifier,
        [("on_train_batch_end", within(set_in("network.2", "alpha", 0.1)), 1)],
        {},
    ),
    "another layer, within an epoch": (
        small_classifier,
        [("on_train_batch_end", within(set_in("network", "2", nn.SELU())), 1)],
        {},
    ),
    "another scale, within an epoch": (
        small_classifier,
        [
            (
                "on_train_batch_end",
                within(set_in("standardise", "scale", torch.full(SHAPE, 1e-3))),
                1,
            )
        ],
        {},
    ),
    "another momentum, within an epoch": (
        lambda: small_classifier(BatchNormClassifier).double(),
        [("on_train_batch_end", within(set_in("network.3", "momentum", 0.9)), 1)],
        {},
    ),
    "least steps": (small_classifier, [("on_train_epoch_end", stop, 0)], {"min_steps": 6}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fit_is_what_lightning_makes_of_it(tmp_path, case):
    make, actions, options = CASES[case]
    acting = [at(*action) for action in actions]
    first, second = CountsValidations(), CountsValidations()
    trainer, classifier = fitted(tmp_path / "one", make, [*acting, first], options)
    lightnings = [*acting, second, WantsGradients()]
    theirs, wanted = fitted(tmp_path / "two", make, lightnings, options)
    assert first.steps == second.steps
    assert trainer.global_step == theirs.global_step
    assert trainer.callback_metrics.keys() == theirs.callback_metrics.keys()
    for name, figure in theirs.callback_metrics.items():
        assert torch.allclose(trainer.callback_metrics[name], figure, atol=1e-4)
    for mine, other in zip(classifier.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def test_averaged_weights_are_autograds(tmp_path):
    fits = [
        fitted(tmp_path, small_classifier, [StochasticWeightAveraging(1e-2, 1), *more], {})[1]
        for more in ([], [WantsGradients()])
    ]
    for mine, other in zip(*(each.parameters() for each in fits), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def frozen(_, module):
    module.network[1].requires_grad_(False)


@pytest.mark.parametrize(
    ("action", "reason", "when"),
    [
        (
            doubled,
            "somebody has hooks on the network's parameters",
            "in on_train_epoch_start or before the fit",
        ),
        (frozen, "some of the network's parameters are not trained", "before the fit"),
    ],
)
def test_what_comes_in_the_middle_of_an_epoch_is_refused(tmp_path, action, reason, when):
    within = LambdaCallback(on_train_batch_end=lambda trainer, module, *_: action(trainer, module))
    with pytest.raises(InputError) as refused:
        fitted(tmp_path, small_classifier, [within], {})
    assert str(refused.value) == (
        f"{reason}, since the middle of an epoch that is trained by hand; change it {when}"
    )


@pytest.mark.parametrize(
    "hook", ["on_train_batch_start", "on_train_batch_end", "on_before_optimizer_step"]
)
def test_functions_given_as_hooks_are_called_for_each_batch(tmp_path, hook):
    calls = []
    fitted(tmp_path, small_classifier, [LambdaCallback(**{hook: lambda *_: calls.append(1)})], {})
    assert len(calls) == 12


def test_a_hook_on_a_layer_is_called_for_each_batch_and_no_more(tmp_path):
    classifier, calls = small_classifier(), []

    def count(layer, inputs, outputs):
        if layer.training:
            calls.append(len(outputs))

    classifier.network[3].register_forward_hook(count)
    fitted(tmp_path, lambda: classifier, [], {})
    assert calls == 12 * [16]


def test_a_forward_of_a_modules_own_is_trained(tmp_path):
    _, classifier = fitted(tmp_path, lambda: small_classifier(LooksItsOwnWay), [], {})
    assert classifier.calls == 12


def test_normalised_weights_are_trained(tmp_path):
    def make():
        classifier = small_classifier()
        weight_norm(classifier.network[3])
        return classifier

    _, mine = fitted(tmp_path, make, [], {})
    _, wanted = fitted(tmp_path, make, [WantsGradients()], {})
    assert torch.allclose(mine.network[3].weight, wanted.network[3].weight, atol=1e-5)
