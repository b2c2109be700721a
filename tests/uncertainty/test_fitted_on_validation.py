"""The temperature is that of the validation images, wherever it is fitted: known in closed form.

All images get the same logits: a margin for class 0, and 0 for the nine others. With a share q of
images of class 0 the loss is least where softmax(margin / T) gives class 0 the probability q:
margin / T = ln(9 q / (1 - q)). Validation and test images have different shares.
"""

import json
import math

import pytest
import torch
from commands import configured
from controls import assert_rejects
from image_examples import CLASSES, random_images

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.cli import command
from lightning_cifar.data import sources
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.runs.checkpoints import load_checkpoint, save_checkpoint
from lightning_cifar.study import outcome
from lightning_cifar.uncertainty.evaluation import compare_predictions

MARGIN = 3.0
FIRST, EACH_OTHER = {"train": 28, "test": 22}, {"train": 8, "test": 2}  # images of a class
SHARE = {"validate": 0.28, "test": 0.55}  # of class 0; a stratified half has the whole's share
FIT = {
    "data.source": "synthetic",
    "data.validation_size": 50,
    "model.init_args.depth": 1,
    "model.init_args.width": 4,
    "model.init_args.learning_rate": 1e-3,
    "trainer.max_epochs": 1,
    "trainer.accelerator": "cpu",
}


def best_temperature(share):
    return MARGIN / math.log(9 * share / (1 - share))


def part(name):
    """Images of noise, more of class 0 than of each other."""
    sizes = torch.tensor([FIRST[name]] + [EACH_OTHER[name]] * 9)
    labels = torch.arange(10).repeat_interleave(sizes)
    return LabelledImages(random_images(len(labels), seed=FIRST[name]).images, labels)


def set_of_two_shares(cache=None):
    return ImageSet(CLASSES, "of two shares", part)


def see_nothing(state):
    """The last layer's weights become 0, its bias the margin: what is seen makes no difference."""
    weight, bias = list(state)[-2:]
    state[weight].zero_()
    state[bias].zero_()
    state[bias][0] = MARGIN


@pytest.fixture
def blind():
    """A classifier that gives every image the same logits, with dropout and without."""
    classifier = AlphaDropoutClassifier(depth=1, width=4)
    see_nothing(classifier.network.state_dict())
    return classifier


@pytest.fixture
def datamodule():
    found = CIFAR10DataModule(source="synthetic", validation_size=50)
    found._image_set = set_of_two_shares()
    found.setup("fit")
    found.setup("test")
    return found


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """A run on images of two shares, whose best weights see nothing."""
    monkeypatch.setattr(sources, "load_synthetic", set_of_two_shares)
    folder = tmp_path / "run"
    flags = [f"--{key}={value}" for key, value in {**FIT, "run": folder}.items()]
    assert main(["fit", *configured("alpha_dropout"), *flags]) == 0
    checkpoint = load_checkpoint(folder / "best.ckpt")
    see_nothing(checkpoint["state_dict"])
    save_checkpoint(checkpoint, folder / "best.ckpt")
    return folder


def by_comparison(classifier, datamodule, compare=compare_predictions):
    """As a caller in Python asks for it."""
    validation, test = datamodule.validation_images, datamodule.test_images
    return compare(classifier, test, validation, samples=2, seed=0).temperature


def by_study(classifier, datamodule):
    """As the record of a study has it."""
    return outcome.monte_carlo(classifier, datamodule, 0)["temperature"]


def by_command(run, stage):
    """As ``test`` or ``validate`` writes it."""
    assert main([stage, "--run", str(run), "--mc_samples=2"]) == 0
    file = {"validate": "uncertainty_val.json", "test": "uncertainty_test.json"}[stage]
    return json.loads((run / file).read_text())["temperature"]


def is_of_validation(temperature):
    """A check of what a function returns."""

    def check():
        found = temperature()
        assert found == pytest.approx(best_temperature(SHARE["validate"]), rel=1e-4)

    return check


def test_the_two_parts_have_different_temperatures(datamodule):
    for images, share in (
        (datamodule.validation_images, SHARE["validate"]),
        (datamodule.test_images, SHARE["test"]),
    ):
        assert (images.labels == 0).double().mean().item() == pytest.approx(share, abs=1e-12)
    assert best_temperature(SHARE["validate"]) > 1.9 * best_temperature(SHARE["test"])


@pytest.mark.parametrize("found", [by_comparison, by_study])
def test_temperature_is_that_of_the_validation_images(blind, datamodule, found):
    is_of_validation(lambda: found(blind, datamodule))()


@pytest.mark.parametrize("stage", ["test", "validate"])
def test_commands_fit_on_the_validation_images(run_folder, stage):
    is_of_validation(lambda: by_command(run_folder, stage))()


def fitted_on_what_it_judges(classifier, images, validation, **options):
    """The mistake: the images that are judged serve for fitting too."""
    return compare_predictions(classifier, images, images, **options)


def fitted_on_both(classifier, images, validation, **options):
    """The mistake: all images serve for fitting."""
    both = LabelledImages(
        torch.cat([images.images, validation.images]), torch.cat([images.labels, validation.labels])
    )
    return compare_predictions(classifier, images, both, **options)


MISTAKES = [fitted_on_what_it_judges, fitted_on_both]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_control_other_temperatures_are_rejected(
    blind, datamodule, run_folder, monkeypatch, mistake
):
    assert_rejects(is_of_validation(lambda: by_comparison(blind, datamodule, mistake)))
    monkeypatch.setattr(outcome, "compare_predictions", mistake)
    assert_rejects(is_of_validation(lambda: by_study(blind, datamodule)))
    monkeypatch.setattr(command, "compare_predictions", mistake)
    assert_rejects(is_of_validation(lambda: by_command(run_folder, "test")))
