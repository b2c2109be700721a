"""The dropout masks of a single fit: new ones for each batch, the same ones after resuming."""

from itertools import combinations
from types import SimpleNamespace

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar.classifiers import AlphaDropoutClassifier, DenseClassifier
from lightning_cifar.runs.folders import LAST_FILE
from lightning_cifar.seeds import derived_seed
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.uncertainty.masks import unit_rule

EPOCHS, BATCHES = 3, 4  # 64 images, 54 of which train, in batches of 16
WIDTH, RATE = 64, 0.5
# Bounds for the share of units on which two masks of 16 or 6 images agree: 0.5, give or take 6
# standard errors of 0.016 and 0.026.
AGREEMENT = {16: (0.40, 0.60), 6: (0.34, 0.66)}


class Blackout(Exception):
    """The end of a process, in the middle of anything."""


class MaskDiary(Callback):
    """Notes which units each dropout layer keeps, by epoch and batch; may end a fit at one."""

    def __init__(self, end=None):
        self.end, self.masks, self.now = end, {}, None

    def on_train_start(self, trainer, pl_module):
        for layer in pl_module.network:
            if isinstance(layer, nn.AlphaDropout):
                layer.register_forward_hook(self.note)

    def note(self, layer, inputs, outputs):
        if layer.training:
            kept = ~torch.isclose(outputs, torch.tensor(unit_rule(layer).dropped))
            self.masks.setdefault(self.now, []).append(kept.detach())

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.now = (trainer.current_epoch, batch_idx)
        if self.now == self.end:
            raise Blackout


def masks_of_fit(folder, *, seed=0, end=None, checkpoint=None, **options):
    """The masks (images, units) of both layers, by epoch and batch."""
    folder.mkdir(exist_ok=True)
    diary = MaskDiary(end)
    classifier = small_classifier(
        AlphaDropoutClassifier,
        width=WIDTH,
        seed=seed,
        dropout_rate=RATE,
        dropout_everywhere=True,
        learning_rate=1e-5,  # so that no unit comes to lie where dropped ones do
    )
    trainer = small_trainer(folder, [diary, ResumePoint()], max_epochs=EPOCHS, **options)
    try:
        trainer.fit(classifier, small_data(seed=seed), ckpt_path=checkpoint)
    except Blackout:
        assert end is not None
    return diary.masks


def assert_independent(one, other):
    """Units agree as often as by chance, in each pair of layers."""
    for mine in one:
        for theirs in other:
            images = min(len(mine), len(theirs))
            low, high = AGREEMENT[images]
            agreement = (mine[:images] == theirs[:images]).double().mean().item()
            assert low < agreement < high


def every_batch_has_its_own(folder, **options):
    """No two batches share masks, whether of one epoch, of two, or of runs with two seeds."""

    def check():
        masks = masks_of_fit(folder, **options)
        assert sorted(masks) == [
            (epoch, batch) for epoch in range(EPOCHS) for batch in range(BATCHES)
        ]
        assert all(len(layers) == 2 for layers in masks.values())
        for one, other in combinations(masks, 2):
            assert_independent(masks[one], masks[other])
        for layers in masks.values():
            assert_independent(layers[:1], layers[1:])
        elsewhere = masks_of_fit(folder, seed=1, **options)
        for place, layers in masks.items():
            assert_independent(layers, elsewhere[place])

    return check


@pytest.mark.parametrize("batches_per_step", [1, 2])
def test_every_batch_of_every_epoch_has_its_own_masks(tmp_path, batches_per_step):
    every_batch_has_its_own(tmp_path, accumulate_grad_batches=batches_per_step)()


def numbers_drawn_by(rank):
    """What the generator gives in one of several processes, at one step."""
    classifier = small_classifier(AlphaDropoutClassifier)
    classifier._trainer = SimpleNamespace(global_rank=rank)
    classifier.seed_masks(5, 0)
    return torch.rand(8)


def test_processes_have_masks_of_their_own():
    assert torch.equal(numbers_drawn_by(0), numbers_drawn_by(0))
    assert not torch.equal(numbers_drawn_by(0), numbers_drawn_by(1))


def resumed_has_those_of_the_uncut(folder, end):
    def check():
        uncut = masks_of_fit(folder / "uncut")
        cut = masks_of_fit(folder / "cut", end=end)
        torch.manual_seed(99)  # a new process knows nothing of the old one's generator
        resumed = masks_of_fit(folder / "cut", checkpoint=folder / "cut" / LAST_FILE)
        assert sorted(resumed) == [place for place in sorted(uncut) if place[0] >= end[0]]
        for place, layers in (cut | resumed).items():
            assert all(map(torch.equal, layers, uncut[place])), place

    return check


@pytest.mark.parametrize("end", [(1, 0), (1, 2), (2, 3)])
def test_resumed_run_has_the_masks_of_the_uncut_one(tmp_path, end):
    resumed_has_those_of_the_uncut(tmp_path, end)()


def seeded_with(number_of):
    """Masks that are seeded by something else than the number of the step."""

    def mutant(classifier, step, part):
        number = number_of(classifier.trainer, step)
        torch.manual_seed(derived_seed(classifier.hparams["seed"], "dropout", 0, number))

    return mutant


MISTAKES = {
    "batch": seeded_with(lambda trainer, step: step % BATCHES),
    "epoch": seeded_with(lambda trainer, step: trainer.current_epoch),
    "constant": seeded_with(lambda trainer, step: 0),
    "every other step": seeded_with(lambda trainer, step: step // 2),
    "not the run's seed": lambda classifier, step, part: torch.manual_seed(step),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_control_masks_that_come_again_are_rejected(tmp_path, monkeypatch, mistake):
    monkeypatch.setattr(DenseClassifier, "seed_masks", MISTAKES[mistake])
    assert_rejects(every_batch_has_its_own(tmp_path))


def unseeded(*_):
    """Masks follow from whatever was drawn before."""


def counted_from_the_start(classifier, *_):
    """The steps are counted in this process alone."""
    steps = classifier.__dict__["steps"] = classifier.__dict__.get("steps", -1) + 1
    torch.manual_seed(steps)


@pytest.mark.parametrize("mistake", [unseeded, counted_from_the_start])
def test_control_masks_that_resuming_changes_are_rejected(tmp_path, monkeypatch, mistake):
    monkeypatch.setattr(DenseClassifier, "seed_masks", mistake)
    assert_rejects(resumed_has_those_of_the_uncut(tmp_path, (1, 2)))
