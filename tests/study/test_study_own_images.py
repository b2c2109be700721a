"""Studies of images that are not CIFAR-10: records and report follow classes and size."""

import re

import pytest
import torch
from commands import run, working_in
from image_forms import class_folders, drawn, python100
from small_studies import TINY, again, make_quick
from study_samples import sample_record

from lightning_cifar.study.outcome import further_accuracies
from lightning_cifar.study.records import read_study
from lightning_cifar.study.report.formats import images_of

STUDY = """
variants: [elu, selu]
seeds: 2
set_ups:
  own: {overlays: [tiny]}
"""
WEIGHED = """
trainer: {max_epochs: 2, accelerator: cpu}
data: {batch_size: 50, image_size: 16}
model: {init_args: {depth: 2, width: 8, learning_rate: 2e-3, class_weights: balanced}}
"""


def lopsided(folder):
    """Class folders of 30, 12 and 12 training and 6, 3 and 3 test images."""
    sets = {}
    for part, counts in (("train", (30, 12, 12)), ("test", (6, 3, 3))):
        images, labels = drawn(max(counts), 1, classes=3)["train"]
        kept = [i for c, count in enumerate(counts) for i in (labels == c).nonzero()[0][:count]]
        sets[part] = (images[kept], labels[kept])
    return class_folders(sets, folder, names=("a", "b", "c"))


def studied(folder, source, monkeypatch, capsys, tiny):
    """The records of a study of the images, and the words of its report."""
    make_quick(monkeypatch)
    with working_in(folder / "work", monkeypatch) as work:
        code, _, error = again(work, capsys, "--data.path", source, study=STUDY, tiny=tiny)
        assert code == 0, error
        records, damaged = read_study(work / "study")
        assert (len(records), damaged) == (4, [])
        code, _, error = run(
            capsys, "report", work / "study", "--out", work / "page", "--results", work / "page.md"
        )
        assert code == 0, error
        page = (work / "page/index.html").read_text()
        words = (work / "page.md").read_text()
    for kind in ("JPEG copy", "CIFAR-10,", "ln 10"):
        assert kind not in words
        assert kind not in page
    return records, words


def test_study_of_pictures_of_ones_own(tmp_path, monkeypatch, capsys):
    source = lopsided(tmp_path / "pictures")
    records, words = studied(tmp_path, source, monkeypatch, capsys, WEIGHED)
    for record in records:
        assert record.run.images["classes"] == 3
        # 27, 11 and 11 images train, 3, 1 and 1 validate.
        weights = {"a": 49 / 81, "b": 49 / 33, "c": 49 / 33}
        assert record.run.class_weights == pytest.approx(weights)
        assert record.logits["test"] == [12, 3]
        assert 0 <= record.test["balanced_accuracy"] <= 1
        assert "top5_accuracy" not in record.test
        assert record.run.parameters == 8 * (3 * 16**2 + 1) + 8 * 9 + 3 * 9
    assert "images of 3 classes, 16x16, from class folders (content not verified)" in words
    assert re.search(r"\| \d+\.\d\d ± \d+\.\d\d %; balanced \d+\.\d\d ± \d+\.\d\d % \|", words)
    assert "top-5" not in words


def test_study_of_a_hundred_classes(tmp_path, monkeypatch, capsys):
    source = python100(drawn(10, 1, classes=100), tmp_path / "cifar")
    records, words = studied(tmp_path, source, monkeypatch, capsys, TINY)
    for record in records:
        assert record.run.class_weights == {}
        assert record.logits["test"] == [100, 100]
        assert record.test["accuracy"] <= record.test["top5_accuracy"] <= 1
        assert "balanced_accuracy" not in record.test
    assert (
        "images of 100 classes, 32x32, from CIFAR's python version (content not verified)" in words
    )
    assert re.search(r"\| \d+\.\d\d ± \d+\.\d\d %; top-5 \d+\.\d\d ± \d+\.\d\d % \|", words)
    assert "balanced" not in words


def test_further_accuracies_by_hand():
    logits = torch.eye(12)[[0, 0, 1, 2]] + torch.linspace(0.5, 0, 12)
    labels = torch.tensor([0, 0, 2, 5])  # right, right, third guess, beyond the fifth
    found = further_accuracies(logits, labels)
    assert found["top5_accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx(1 / 3)
    assert further_accuracies(logits[:3, :3], torch.tensor([0, 1, 2])) == {}


@pytest.mark.parametrize(
    ("source", "images", "words"),
    [
        ("official", {}, "the official archive of CIFAR-10"),
        ("cifar100", {}, "the official archive of CIFAR-100"),
        ("synthetic", {}, "made-up images, not CIFAR-10"),
        ("folder", {}, "a JPEG copy of CIFAR-10, not the official archive"),
        (
            "folder",
            {"classes": 7, "image_size": 48, "form": "NumPy arrays", "verified": False},
            "images of 7 classes, 48x48, from NumPy arrays (content not verified)",
        ),
        ("unheard of", {}, "unknown images"),
    ],
)
def test_images_in_words(source, images, words):
    record = sample_record("exercise", "elu", 0)
    record.run.config["data"] = {"source": source}
    record.run.images.update(images)
    assert images_of(record) == words
