"""What ``export`` writes predicts as the runs do, in a process that knows nothing of the runs."""

import json

import exported_files
import numpy as np
import pytest
import torch
from commands import configured
from controls import assert_rejects
from exported_files import BATCH_SIZES, logits_of, skip_without_packages
from image_examples import random_images, write_folder, write_image
from processes import ended

from lightning_cifar.__main__ import main
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.export_formats import SUFFIXES
from lightning_cifar.standardise import Standardise
from lightning_cifar.uncertainty import ensembles

VARIANTS = {"batch_norm": [], "alpha_dropout": ["--model.init_args.dropout_rate=0.5"]}
TOGETHER = "+".join(VARIANTS)  # both as an ensemble
SUBJECTS = [*VARIANTS, TOGETHER]
PICTURES = 20
FIT = {
    "data.source": "folder",
    "data.batch_size": 20,
    "data.validation_size": 10,
    "model.init_args.depth": 2,
    "model.init_args.width": 16,
    "model.init_args.learning_rate": 2e-3,
    "trainer.max_epochs": 3,
    "trainer.accelerator": "cpu",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run of each variant on images of noise, and further such images as files."""
    folder = tmp_path_factory.mktemp("exported")
    data = {"data.path": write_folder(folder / "set", train=6), "data.cache": folder / "cache"}
    for variant, flags in VARIANTS.items():
        arguments = {**FIT, **data, "run": folder / variant}
        flags = [*flags, *(f"--{key}={value}" for key, value in arguments.items())]
        assert main(["fit", *configured(variant), *flags]) == 0
    (folder / "pictures").mkdir()
    for number, pixels in enumerate(raw_images()):
        write_image(folder / "pictures" / f"{number:02}.png", pixels)
    return folder


def raw_images():
    return random_images(PICTURES, seed=7).images


def runs_of(place, subject):
    """The arguments that name a run, or the runs of an ensemble."""
    return [part for name in subject.split("+") for part in ("--run", str(place / name))]


def exported(place, subject, name):
    """The file that ``export`` writes of a run or an ensemble."""
    path = place / f"{subject}{SUFFIXES[name]}"
    run = ["export", *runs_of(place, subject), "--format", name, "--out", str(path)]
    assert main(run) == 0
    return path


def predictions_of(place, subject, capsys):
    """Class and probability of each picture, as ``predict`` says them."""
    capsys.readouterr()
    run = ["predict", *runs_of(place, subject), str(place / "pictures"), "--format=json"]
    assert main(run) == 0
    return json.loads(capsys.readouterr().out)


def assert_predicts_as_the_run(found, place, subject, rows):
    """The logits of batches of 1, 7 and all pictures are the runs' own, and so are the classes."""
    checkpoint = load_checkpoint(place / subject.partition("+")[0] / "best.ckpt")
    statistics, names = checkpoint["state_dict"], checkpoint["class_names"]
    # Statistics that are reset, or left out, would show: they are nowhere near 0 and 1.
    assert float(statistics["standardise.scale"].max()) < 0.1
    assert float(statistics["standardise.shift"].max()) < -0.5
    for size, logits in zip(BATCH_SIZES, found, strict=True):
        assert logits.shape == (size or PICTURES, 10)
        probabilities = torch.from_numpy(logits).softmax(1)
        for row, own in zip(rows, probabilities, strict=False):
            assert names[int(own.argmax())] == row["predicted_class"]
            assert float(own.max()) == pytest.approx(row["probability"], rel=1e-4)


@pytest.fixture(scope="module")
def found_elsewhere(place, tmp_path_factory):
    """Logits by file name and batch size, from one fresh process for all files."""
    folder = tmp_path_factory.mktemp("elsewhere")
    np.save(folder / "images.npy", raw_images().numpy())
    files = []
    for name in SUFFIXES:
        if all(map(exported_files.installed, exported_files.PACKAGES.get(name, []))):
            files += [exported(place, subject, name) for subject in SUBJECTS]
    script = ["-m", "exported_files", "images.npy", "logits.npz"]
    code, _, error = ended(*script, *files, cwd=folder)
    assert code == 0, error
    return np.load(folder / "logits.npz")


@pytest.mark.slow
@pytest.mark.parametrize("name", SUFFIXES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_exported_file_predicts_as_the_run(place, found_elsewhere, capsys, subject, name):
    skip_without_packages(name)
    found = [found_elsewhere[f"{subject}{SUFFIXES[name]} {size}"] for size in BATCH_SIZES]
    rows = predictions_of(place, subject, capsys)
    assert_predicts_as_the_run(found, place, subject, rows)


def without_standardisation(classifier):
    """The statistics of the training images are forgotten."""
    classifier.standardise = Standardise()
    return classifier


def without_running_statistics(classifier):
    """Those of batch normalisation are."""
    for layer in classifier.modules():
        if hasattr(layer, "reset_running_stats"):
            layer.reset_running_stats()
    return classifier


def as_begun(classifier):
    """The first weights, with the right statistics."""
    fresh = type(classifier)(**classifier.hparams)
    fresh.standardise = classifier.standardise
    return fresh.eval()


@pytest.mark.parametrize("mistake", [without_standardisation, without_running_statistics, as_begun])
def test_control_files_of_other_networks_are_rejected(place, capsys, monkeypatch, mistake):
    def check():
        found = logits_of(exported(place, "batch_norm", "torch-export"), raw_images().numpy())
        assert_predicts_as_the_run(found, place, "batch_norm", rows)

    rows = predictions_of(place, "batch_norm", capsys)
    check()
    load = ensembles.load_classifier
    monkeypatch.setattr(ensembles, "load_classifier", lambda run: mistake(load(run)))
    assert_rejects(check)


def test_control_the_file_of_one_member_is_rejected(place, capsys):
    rows = predictions_of(place, TOGETHER, capsys)
    images = raw_images().numpy()

    def check(subject):
        found = logits_of(exported(place, subject, "torch-export"), images)
        assert_predicts_as_the_run(found, place, TOGETHER, rows)

    check(TOGETHER)
    assert_rejects(lambda: check("batch_norm"))
