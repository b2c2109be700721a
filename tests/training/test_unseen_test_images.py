"""Changing the test images changes no number that is fitted: not in a fit, a test or a study."""

import copy
import json
import math

import pytest
import torch
from commands import configured
from controls import assert_rejects
from image_examples import CLASSES, random_images
from matplotlib.figure import Figure
from small_studies import write_study

from lightning_cifar.__main__ import main
from lightning_cifar.cli import command
from lightning_cifar.data import sources
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.data.statistics import measure
from lightning_cifar.rate_search import callback
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.study import outcome, rates
from lightning_cifar.uncertainty import bootstrap

TRAIN = random_images(80)
TEST = random_images(30, seed=1)
CHANGES = {
    "other images": random_images(30, seed=2),
    "other labels": LabelledImages(TEST.images, TEST.labels.flip(0)),
    "fewer and black": LabelledImages(TEST.images[:10] * 0, TEST.labels[:10]),
}
SEARCH = {"candidates": 2, "epochs": 1}
SIZES = {"depth": 1, "width": 8, "dropout_rate": 0.5}
TRAINING = {"max_epochs": 3, "accelerator": "cpu"}
DATA = {"source": "synthetic", "batch_size": 20, "validation_size": 20}
STUDY = """
variants: [alpha_dropout]
seeds: 1
set_ups:
  plain: {overlays: [synthetic, tiny]}
"""


def use(monkeypatch, folder, test):
    """Let the commands see these test images, beside training images that are always the same."""
    fingerprint = f"{float(test.images.double().sum())} {test.labels.tolist()}"
    parts = {"train": TRAIN, "test": test}
    images = ImageSet(CLASSES, fingerprint, parts.__getitem__)
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr(sources, "load_synthetic", lambda cache: images)
    # Neither pictures nor intervals are fitted numbers; they would take half of the time.
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: None)
    monkeypatch.setattr(bootstrap, "RESAMPLES", 20)


def flags_of(**sections):
    """``{"data": {"seed": 0}}`` as ``--data.seed=0``."""
    return [
        f"--{section}.{key}={value}"
        for section, values in sections.items()
        for key, value in values.items()
    ]


def numbers_of_fit(monkeypatch, folder, test):
    """All that ``fit`` and ``test`` fit, and what they judge by; the rate is searched."""
    use(monkeypatch, folder, test)
    sections = {"data": DATA, "trainer": TRAINING, "learning_rate_search": SEARCH}
    flags = [*flags_of(**sections), *(f"--model.init_args.{k}={v}" for k, v in SIZES.items())]
    assert main(["fit", *configured("alpha_dropout"), *flags, "--run=run"]) == 0
    assert main(["test", "--run=run", "--mc_samples=2"]) == 0
    record = json.loads((folder / "run" / "record.json").read_text())
    judged = json.loads((folder / "run" / "uncertainty_test.json").read_text())
    return numbers(
        load_checkpoint(folder / "run" / "best.ckpt"),
        json.loads((folder / "run" / "learning_rate.json").read_text()),
        record,
        judged,
    ), judged["scores"]


def numbers_of_study(monkeypatch, folder, test):
    """The same of a study of one run, without a limit below which a run counts as failed."""
    use(monkeypatch, folder, test)
    monkeypatch.setattr(outcome, "MONTE_CARLO_SAMPLES", 2)
    monkeypatch.setattr(outcome, "guessing", lambda classes: math.inf)
    tiny = {
        "data": {key: value for key, value in DATA.items() if key != "source"},
        "trainer": TRAINING,
        "learning_rate_search": SEARCH,
        "model": {"init_args": SIZES},
    }
    arguments = write_study(folder, STUDY, tiny=json.dumps(tiny))
    assert main([str(each) for each in arguments]) == 0
    (record,), (weights,), (rate,) = (
        list((folder / "study").glob(pattern))
        for pattern in ("records/*.json", "weights/*.ckpt", "rates/*.json")
    )
    content = json.loads(record.read_text())
    fitted = numbers(
        load_checkpoint(weights),
        json.loads(rate.read_text()),
        content["run"],
        content["monte_carlo"],
    )
    second = {
        "second epoch": content["most_accurate"]["epoch"],
        "temperature of the samples": content["monte_carlo"]["monte_carlo_temperature"],
    }
    return fitted | second, content["test"]


def numbers(checkpoint, search, record, judged):
    """Statistics and weights, rate and race, epochs and the best of them, temperature."""
    return {
        "statistics and weights": {
            name: value.tolist() for name, value in checkpoint["state_dict"].items()
        },
        "search": [search["rate"], search["race"], search["test"]],
        "rate": record["learning_rate"],
        "best epoch": record["best_epoch"],
        "epochs": [without_seconds(epoch) for epoch in record["epochs"]],
        "temperature": judged["temperature"],
    }


def without_seconds(epoch):
    return {key: value for key, value in epoch.items() if key != "seconds"}


WAYS = {"fit and test": numbers_of_fit, "study": numbers_of_study}


def changed_by_nothing(way, folder, monkeypatch, changes=("other images",), only=None):
    """A check that fitted numbers stay with other test images; figures on them do change.

    only: one kind of number, for controls.
    """

    def check():
        fitted, judged = WAYS[way](monkeypatch, folder / "as it was", TEST)
        for change in changes:
            found, figures = WAYS[way](monkeypatch, folder / change, CHANGES[change])
            assert figures != judged
            for name in [only] if only else fitted:
                assert found[name] == fitted[name], f"{change} changed the {name}"

    return check


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_test_images_change_no_fitted_number(tmp_path, monkeypatch, way):
    changed_by_nothing(way, tmp_path, monkeypatch, CHANGES)()


def statistics_of_all(monkeypatch):
    """Test images among those whose statistics are taken."""
    divide = CIFAR10DataModule._divide

    def mutant(datamodule):
        divide(datamodule)
        everything = torch.cat([datamodule.train_images.images, datamodule.image_set().test.images])
        datamodule._standardisation = measure(everything, datamodule.standardise)

    monkeypatch.setattr(CIFAR10DataModule, "_divide", mutant)


def race_on_test_images(monkeypatch):
    """The rates of a search are compared by their loss on the test images."""
    for module, name in ((callback, "find_rate"), (rates, "searched")):
        monkeypatch.setattr(module, name, judging_on_test_images(getattr(module, name)))


def judging_on_test_images(find):
    """A search whose second argument is given other validation images."""

    def mutant(classifiers, datamodule, *options):
        other = copy.copy(datamodule)
        other._validation = datamodule.image_set().test
        return find(classifiers, other, *options)

    return mutant


def epoch_by_test_images(monkeypatch):
    """The test images validate."""
    divide = CIFAR10DataModule._divide

    def mutant(datamodule):
        divide(datamodule)
        datamodule._validation = datamodule.image_set().test

    monkeypatch.setattr(CIFAR10DataModule, "_divide", mutant)


def temperature_of_test_images(monkeypatch):
    """The images that are judged serve for fitting the temperature."""
    compare = command.compare_predictions

    def mutant(classifier, images, validation, **options):
        return compare(classifier, images, images, **options)

    monkeypatch.setattr(command, "compare_predictions", mutant)
    monkeypatch.setattr(outcome, "compare_predictions", mutant)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("mistake", "number"),
    [
        (statistics_of_all, "statistics and weights"),
        (race_on_test_images, "search"),
        (epoch_by_test_images, "epochs"),
        (temperature_of_test_images, "temperature"),
    ],
)
def test_control_numbers_fitted_on_test_images_are_rejected(
    tmp_path, monkeypatch, way, mistake, number
):
    mistake(monkeypatch)
    assert_rejects(changed_by_nothing(way, tmp_path, monkeypatch, only=number))


def test_control_a_temperature_of_samples_fitted_on_test_images_is_rejected(tmp_path, monkeypatch):
    compare = outcome.monte_carlo

    def mutant(classifier, datamodule, seed):
        other = copy.copy(datamodule)
        other._validation = datamodule.test_images
        return compare(classifier, other, seed)

    monkeypatch.setattr(outcome, "monte_carlo", mutant)
    only = "temperature of the samples"
    assert_rejects(changed_by_nothing("study", tmp_path, monkeypatch, only=only))
