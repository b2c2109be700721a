"""What prediction under uncertainty refuses, in whole sentences."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import (
    comparison,
    corruptions,
    detection,
    dropout_modes,
    ensembles,
    evaluation,
    foreign_images,
    masks,
    monte_carlo,
    scores,
    shared_images,
    stages,
    temperature,
    user_images,
)

IMAGES = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
DROPPED = nn.Sequential(nn.Flatten(), nn.Dropout(0.5))


class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)


def member(name, classes=2, size=8, names=("a", "b")):
    classifier = SimpleNamespace(classes=classes, image_shape=(3, size, size), class_names=names)
    return ensembles.Member(Path(name), "", classifier)


CASES = {
    "no dropout": (
        lambda: dropout_modes.active_dropout_layers(nn.Sequential(nn.Dropout(0), nn.Flatten())),
        "the model has no active dropout layer, so Monte Carlo samples would all be equal; "
        "use a model with a dropout rate above 0, or predict without samples",
    ),
    "channels": (
        lambda: masks.unit_rule(nn.Dropout2d(0.5)),
        "Dropout2d cannot be sampled behind a cached prefix; allowed are Dropout, "
        "AlphaDropout and FeatureAlphaDropout on rows of features: use naive_logits instead",
    ),
    "hidden": (
        lambda: list(stages.flat_layers(nn.Sequential(nn.Flatten(), Hidden()))),
        "the dropout inside Hidden cannot be sampled behind a cached prefix; allowed are dropout "
        "layers of an nn.Sequential: use naive_logits instead",
    ),
    "not rows": (
        lambda: stages.plan_of(nn.Sequential(nn.Dropout(0.5)), torch.zeros(1, 3, 8, 9)),
        "dropout behind a cached prefix must act on rows of features, got activations of shape "
        "(1, 3, 8, 9): put nn.Flatten before it or use naive_logits",
    ),
    "no samples": (
        lambda: monte_carlo.sample_logits(DROPPED, IMAGES, samples=0, seed=0),
        "the number of samples must be at least 1, got 0",
    ),
    "no images": (
        lambda: monte_carlo.sample_logits(DROPPED, IMAGES[:0], samples=1, seed=0),
        "there are no images to predict; give at least one",
    ),
    "no images, naively": (
        lambda: monte_carlo.naive_logits(DROPPED, IMAGES[:0], samples=1, seed=0),
        "there are no images to predict; give at least one",
    ),
    "no samples, naively": (
        lambda: monte_carlo.naive_logits(DROPPED, IMAGES, samples=-3, seed=0),
        "the number of samples must be at least 1, got -3",
    ),
    "masks": (
        lambda: monte_carlo.sample_logits(DROPPED, IMAGES, samples=1, seed=0, masks="both"),
        "masks must be 'shared' or 'per_image', got 'both'",
    ),
    "samples of a classifier": (
        lambda: evaluation.require_sampling(SimpleNamespace(network=DROPPED), 0),
        "the number of samples must be at least 1, got 0",
    ),
    "temperature of 0": (
        lambda: comparison.compare(
            DROPPED, IMAGES, torch.zeros(2), temperature=0, samples=1, seed=0
        ),
        "the temperature must be above 0, got 0",
    ),
    "labels of a comparison": (
        lambda: comparison.compare(
            DROPPED, IMAGES, torch.zeros(3), temperature=1, samples=1, seed=0
        ),
        "measures need one label per image and at least one image, got 3 labels for 2 images",
    ),
    "no labels": (
        lambda: scores.require_labels(torch.zeros(0, 2), torch.zeros(0)),
        "measures need one label per image and at least one image, got 0 labels for 0 images",
    ),
    "labels of a temperature": (
        lambda: temperature.fit_temperature(torch.zeros(2, 3), torch.zeros(1)),
        "fitting a temperature needs one label per image and at least one image, got 1 labels for "
        "2 images",
    ),
    "nothing to fit on": (
        lambda: temperature.fit_temperature(torch.zeros(0, 3), torch.zeros(0)),
        "fitting a temperature needs one label per image and at least one image, got 0 labels for "
        "0 images",
    ),
    "logits": (
        lambda: temperature.fit_temperature(torch.tensor([[1.0, torch.inf]]), torch.zeros(1)),
        "logits must be finite to fit a temperature; the network's output is not",
    ),
    "no foreign images": (
        lambda: detection.detection_auroc(torch.zeros(3), torch.zeros(0)),
        "detection needs images of both kinds, got 3 known and 0 foreign ones",
    ),
    "no known images": (
        lambda: detection.detection_auroc(torch.zeros(0), torch.zeros(1)),
        "detection needs images of both kinds, got 0 known and 1 foreign ones",
    ),
    "foreign kind": (
        lambda: foreign_images.foreign_images(IMAGES, "cats", torch.Generator()),
        "unknown kind of images 'cats'; there are noise, stripes, clouds, scrambled",
    ),
    "corruption": (
        lambda: corruptions.corrupt(IMAGES, "rain", 1, torch.Generator()),
        "unknown corruption 'rain'; there are gaussian_noise, shot_noise, gaussian_blur, "
        "defocus_blur, contrast, brightness, pixelate, jpeg",
    ),
    "strength": (
        lambda: corruptions.corrupt(IMAGES, "contrast", 6, torch.Generator()),
        "the strength of contrast must be from 0 to 5, got 6",
    ),
    "strength below 0": (
        lambda: corruptions.corrupt(IMAGES, "contrast", -1, torch.Generator()),
        "the strength of contrast must be from 0 to 5, got -1",
    ),
    "strength of JPEG": (
        lambda: corruptions.corrupt(IMAGES, "jpeg", 0, torch.Generator()),
        "the strength of jpeg must be from 1 to 5, got 0",
    ),
    "numbers of classes": (
        lambda: ensembles.check_alike(member("x"), member("y", classes=3)),
        "x has 2 classes and y 3, so they are no ensemble; give runs that were trained on images "
        "of one kind",
    ),
    "sizes": (
        lambda: ensembles.check_alike(member("x"), member("y", size=9)),
        "x has 8 pixels to a side of an image and y 9, so they are no ensemble; give runs that "
        "were trained on images of one kind",
    ),
    "names of classes": (
        lambda: ensembles.check_alike(member("x"), member("y", names=("a", "c"))),
        "x calls class 1 'b' and y 'c', so they are no ensemble; give runs that were trained with "
        "the same classes in the same order",
    ),
    "settings of images": (
        lambda: shared_images.images_of(Path("x"), {"shape": 3}),
        "the data settings of x cannot be used (CIFAR10DataModule.__init__() got an unexpected "
        "keyword argument 'shape'); test the run alone to see why",
    ),
    "no path": (
        lambda: user_images.load_images([Path("none.png")]),
        "none.png does not exist; give image files, folders, zips or tars",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_a_sentence(case):
    call, message = CASES[case]
    with pytest.raises(InputError) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.parametrize("kind", ["noise", "stripes", "clouds", "scrambled"])
def test_a_refused_kind_is_not_one_that_there_is(kind):
    generator = torch.Generator().manual_seed(0)
    drawn = foreign_images.foreign_images(IMAGES, kind, generator)
    assert (drawn.shape, drawn.dtype) == (IMAGES.shape, torch.uint8)


def test_networks_of_one_kind_are_alike():
    ensembles.check_alike(member("x"), member("y"))


def test_weights_that_count_double_are_refused(monkeypatch):
    monkeypatch.setattr(ensembles, "best_checkpoint", lambda run: run)
    monkeypatch.setattr(ensembles, "sha256_of", lambda path: path.suffix)
    monkeypatch.setattr(ensembles, "load_classifier", lambda run: member("").classifier)
    runs = [Path("a.1"), Path("b.2"), Path("c.1")]
    with pytest.raises(InputError) as refusal:
        ensembles.load_members(runs)
    assert str(refusal.value) == (
        "a.1 and c.1 hold the same weights, which would count double; "
        "give each network of an ensemble once"
    )
    assert [(each.name, each.sha256) for each in ensembles.load_members(runs[:2])] == [
        ("a.1", ".1"),
        ("b.2", ".2"),
    ]


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        (
            {"variant": "resnet"},
            "best contains the variant 'resnet'; the variants are " + ", ".join(VARIANTS),
        ),
        ({}, "best contains the variant None; the variants are " + ", ".join(VARIANTS)),
        (
            {"variant": "elu"},
            "best does not say how large its network is; use a checkpoint that 'fit' wrote",
        ),
        (
            {"variant": "elu", "hyper_parameters": {"colour": 1}},
            "best does not say how large its network is; use a checkpoint that 'fit' wrote",
        ),
    ],
)
def test_a_checkpoint_of_no_network_is_refused(monkeypatch, checkpoint, message):
    monkeypatch.setattr(evaluation, "best_checkpoint", lambda run: Path("best"))
    monkeypatch.setattr(evaluation, "load_checkpoint", lambda path: checkpoint)
    with pytest.raises(InputError) as refusal:
        evaluation.load_classifier(Path("run"))
    assert str(refusal.value) == message


def test_pictures_that_cannot_be_read_are_listed(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as refusal:
        user_images.load_images([tmp_path / "empty"])
    assert str(refusal.value) == (
        f"there is no image to predict: no files found in {tmp_path / 'empty'}; "
        "give PNG, JPEG or similar files"
    )
    with pytest.raises(InputError) as refusal:
        user_images.load_images([tmp_path / "empty", tmp_path / "empty"])
    assert f"no files found in {tmp_path / 'empty'}, {tmp_path / 'empty'};" in str(refusal.value)


def test_the_first_three_of_them_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(user_images, "picture", lambda content, size: 1 / 0)
    monkeypatch.setattr(user_images, "reason", lambda error: type(error).__name__)
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path in paths:
        path.write_bytes(b"x")
    with pytest.raises(InputError) as refusal:
        user_images.load_images(paths)
    listed = "; ".join(
        f"{path}: cannot be read as an image (ZeroDivisionError)" for path in paths[:3]
    )
    assert str(refusal.value) == (
        f"there is no image to predict: {listed}; give PNG, JPEG or similar files"
    )


def test_a_file_may_have_just_the_bytes_that_are_allowed(monkeypatch):
    monkeypatch.setattr(user_images, "LARGEST_BYTES", 1234)
    asked = []
    assert user_images.whole(lambda most: asked.append(most) or b"x" * 1234) == b"x" * 1234
    assert asked == [1235]
    with pytest.raises(InputError) as refusal:
        user_images.whole(lambda most: b"x" * 1235)
    assert str(refusal.value) == "its bytes are more than the 1,234 allowed"
