"""CIFAR-100 in its official layout through every command, on generated pixels."""

import json
import tarfile

import pytest
from commands import run, smoke, working_in
from image_forms import drawn, names100, png, python100

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data import official, sources
from lightning_cifar.files import sha256_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on 300 training and 100 test images."""
    folder = tmp_path_factory.mktemp("hundred")
    root = python100(drawn(3, 1, classes=100), folder / "root")
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder / "work", monkeypatch):
        data = ["--data.source", "folder", "--data.path", root, "--data.validation_size", "100"]
        arguments = [*smoke("alpha_dropout"), *data, "--run", folder / "run"]
        assert main(list(map(str, arguments))) == 0
    return folder / "run"


def test_a_fit_has_a_hundred_outputs(trained):
    record = json.loads((trained / "record.json").read_text())
    assert record["images"]["classes"] == 100
    assert record["parameters"] == 16 * 3073 + 2 * 16 * 17 + 100 * 17


def test_test_gives_top_5_accuracy(trained, tmp_path, monkeypatch, capsys):
    with working_in(tmp_path / "work", monkeypatch):
        code, out, error = run(capsys, "test", "--run", trained, "--mc_samples", "2")
    assert code == 0, error
    words = out.split()
    top1, top5 = (
        float(words[words.index(f"test_{name}accuracy") + 1].rstrip("%")) for name in ("", "top5_")
    )
    assert 0 <= top1 < top5 < 100


def test_predict_names_the_fine_classes(trained, tmp_path, capsys):
    (tmp_path / "image.png").write_bytes(png(drawn()["test"][0][0]))
    code, out, error = run(
        capsys, "predict", "--run", trained, "--format", "json", tmp_path / "image.png"
    )
    assert code == 0, error
    assert json.loads(out)[0]["predicted_class"] in names100()


def test_export_writes_a_hundred_logits(trained, tmp_path, capsys):
    path = tmp_path / "model.pt2"
    code, _, error = run(
        capsys, "export", "--run", trained, "--format", "torch-export", "--out", path
    )
    assert code == 0, error


def test_parameters_with_a_hundred_classes():
    """Ninety outputs more than with ten, of 100 weights and a bias each."""
    counts = {
        variant: sum(each.numel() for each in VARIANTS[variant](classes=100).network.parameters())
        for variant in VARIANTS
    }
    assert counts == {
        "elu": 500_210 + 9_090,
        "batch_norm": 508_354 + 9_090,
        "selu": 500_210 + 9_090,
        "alpha_dropout": 500_210 + 9_090,
    }


@pytest.mark.parametrize(("labels", "classes"), [("fine", 100), ("coarse", 20)])
def test_the_official_source_is_verified_and_read(tmp_path, monkeypatch, labels, classes):
    """From an archive that is there already, where torchvision's examples keep it."""
    python100(drawn(2, 1, classes=100), tmp_path / "root")
    (tmp_path / "data").mkdir()
    path = tmp_path / "data/cifar-100-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "root/cifar-100-python", "cifar-100-python")
    known = {"size_bytes": path.stat().st_size, "sha256": sha256_of(path)}
    archive = official.ARCHIVES["cifar100"]._replace(**known)
    monkeypatch.setitem(official.ARCHIVES, "cifar100", archive)
    monkeypatch.chdir(tmp_path)
    reading = sources.Reading(labels=labels)
    images = sources.load_images("cifar100", None, tmp_path / "cache", reading)
    assert len(images.classes) == classes
    assert images.about.verified
    assert (len(images.train), len(images.test)) == (200, 100)
