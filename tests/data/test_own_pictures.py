"""Pictures of one's own: any classes, sizes and colours, trained and predicted alike."""

import json
import shutil

import numpy as np
import pytest
import torch
from commands import refused, run, smoke, working_in
from image_examples import zip_folder
from image_forms import class_folders, drawn
from PIL import Image
from small_runs import small_classifier, small_data, small_trainer
from torch.nn import functional
from torchmetrics.classification import MulticlassAccuracy

from lightning_cifar.__main__ import main
from lightning_cifar.classifiers import VARIANTS, EluClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.forms import load_folder
from lightning_cifar.data.reading import Reading
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.evaluation import load_classifier
from lightning_cifar.uncertainty.user_images import load_images

COLOURS = {"blue": (30, 30, 200), "green": (30, 180, 30), "red": (200, 30, 30)}
COUNTS = {"blue": 20, "green": 40, "red": 30}
MODES = ("RGB", "RGBA", "P", "CMYK")


def drawn_pictures(folder, size=(200, 150)):
    """Noisy pictures of three colours, in mixed modes; no test folder."""
    random = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(COUNTS[name]):
            mode = MODES[number % len(MODES)]
            noise = random.normal(0, 25, (size[1], size[0], 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            ending = "tif" if mode == "CMYK" else "png"
            Image.fromarray(pixels).convert(mode).save(folder / name / f"{number}.{ending}")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return drawn_pictures(tmp_path_factory.mktemp("own") / "pictures")


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """A run on them in 24 x 24 pixels, in a folder beside."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder / "work", monkeypatch):
        arguments = [*smoke("selu"), "--trainer.max_epochs", "12", "--data.image_size", "24"]
        source = ["--data.source", "folder", "--data.path", pictures]
        assert main([str(each) for each in [*arguments, *source, "--run", folder / "run"]]) == 0
    return folder / "run"


def test_separable_pictures_are_learned(trained, tmp_path, monkeypatch, capsys):
    with working_in(tmp_path / "work", monkeypatch):
        code, out, _ = run(capsys, "test", "--run", trained)
    assert code == 0
    figures = dict(zip(out.split()[::2], out.split()[1::2], strict=False))
    assert float(figures["test_accuracy"].rstrip("%")) >= 95
    assert float(figures["test_balanced_accuracy"].rstrip("%")) >= 95


def test_the_record_says_what_the_images_are(trained):
    record = json.loads((trained / "record.json").read_text())
    assert record["images"]["classes"] == 3
    assert record["images"]["image_size"] == 24
    assert record["images"]["form"] == "class folders"
    assert not record["images"]["verified"]
    assert "there are no test images: 15 of the 90 images" in record["images"]["notes"][-1]
    inputs, outputs = 3 * 24 * 24, 3
    assert record["parameters"] == 16 * (inputs + 1) + 2 * 16 * 17 + outputs * 17


def test_predictions_are_those_of_training_from_file_folder_and_zip(
    trained, pictures, tmp_path, monkeypatch, capsys
):
    packed = zip_folder(pictures, tmp_path / "pictures.zip")
    found = {}
    for path in (pictures, packed, pictures / "green/1.png"):
        code, out, _ = run(capsys, "predict", "--run", trained, "--format", "json", path)
        assert code == 0
        found[path] = {
            "/".join(row["name"].split("/")[-2:]): (row["predicted_class"], row["probability"])
            for row in json.loads(out)
        }
    assert found[pictures] == found[packed]
    assert len(found[pictures]) == sum(COUNTS.values())
    (alone,) = found[pictures / "green/1.png"].values()
    assert alone == ("green", pytest.approx(found[pictures]["green/1.png"][1]))
    classifier = load_classifier(trained)
    images = load_folder(pictures, tmp_path / "cache", Reading(image_size=24))
    shown = load_images([pictures], 24).images
    ours = torch.cat([images.train.images, images.test.images])
    assert {each.tobytes() for each in ours.numpy()} == {each.tobytes() for each in shown.numpy()}
    assert classifier(ours).shape == (90, 3)


@pytest.mark.parametrize("form", ["safetensors", "torch-export"])
def test_export_follows_classes_and_size(trained, tmp_path, capsys, form):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / "model"
    code, _, _ = run(capsys, "export", "--run", trained, "--format", form, "--out", path)
    assert code == 0
    if form == "torch-export":
        module = torch.export.load(path).module()
        assert module(torch.zeros(2, 3, 24, 24, dtype=torch.uint8)).shape == (2, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F", "RGB"])
def test_training_and_prediction_treat_every_mode_alike(tmp_path, mode):
    random = np.random.default_rng(0)
    deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}.get(mode)
    folder = tmp_path / "images"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            if deep:
                picture = Image.fromarray(random.integers(0, 60000, (40, 60)).astype(deep))
            else:
                pixels = random.integers(0, 256, (40, 60, 3), dtype=np.uint8)
                picture = Image.fromarray(pixels).convert(mode)
            picture.save(folder / name / f"{number}.{'png' if mode == 'P' else 'tif'}")
    loaded = load_folder(folder, tmp_path / "cache")
    ours = torch.cat([loaded.train.images, loaded.test.images]).numpy()
    shown = load_images([folder]).images.numpy()
    assert {each.tobytes() for each in ours} == {each.tobytes() for each in shown}
    assert len({each.tobytes() for each in ours}) == 8


def test_the_centre_is_kept(tmp_path):
    """A wide picture of three parts, red, green and blue: what is left is the green one."""
    pixels = np.zeros((30, 90, 3), np.uint8)
    for part in range(3):
        pixels[:, 30 * part : 30 * part + 30, part] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    Image.fromarray(pixels.transpose(1, 0, 2)).save(tmp_path / "high.png")
    for image in load_images([tmp_path / "wide.png", tmp_path / "high.png"], 30).images:
        assert image.flatten(1).float().mean(1).tolist() == [0, 255, 0]


# The test part that is split off.


def split_off(folder, cache):
    loaded = load_folder(folder, cache)
    parts = loaded.train, loaded.test
    return [{each.tobytes() for each in part.images.numpy()} for part in parts]


def test_test_images_are_split_off_by_class_and_always_the_same(tmp_path):
    sets = {"train": drawn(18, 1, classes=3)["train"]}
    folder = class_folders(sets, tmp_path / "images", names=("a", "b", "c"))
    loaded = load_folder(folder, tmp_path / "cache")
    assert loaded.test.labels.bincount().tolist() == [3, 3, 3]
    assert loaded.train.labels.bincount().tolist() == [15, 15, 15]
    train, test = split_off(folder, tmp_path / "cache")
    assert not train & test
    assert len(train | test) == 54
    assert split_off(folder, tmp_path / "other cache") == [train, test]
    assert "9 of the 54 images" in loaded.about.notes[0]


# What cannot be read.


@pytest.fixture
def damaged(tmp_path):
    folder = class_folders(drawn(8, 2, classes=3), tmp_path / "images", names=("a", "b", "c"))
    (folder / "train/a/0000.png").write_bytes(b"no picture")
    path = folder / "test/c/0005.png"
    path.write_bytes(path.read_bytes()[:900])
    return folder


def test_unreadable_pictures_are_named_or_skipped_and_counted(damaged, tmp_path, capsys):
    with pytest.raises(InputError, match=r"train/a/0000.png cannot .*unknown format.*skip_unread"):
        load_folder(damaged, tmp_path / "cache")
    options = {"path": str(damaged), "cache": str(tmp_path / "cache"), "skip_unreadable": True}
    datamodule = CIFAR10DataModule(**options, validation_size=6)
    datamodule.setup("fit")
    datamodule.setup("test")
    counts = datamodule.image_set().train.labels.bincount().tolist()
    assert counts == [7, 8, 8]
    assert datamodule.test_images.labels.bincount().tolist() == [2, 2, 1]
    assert [line.rpartition("/")[2][:8] for line in datamodule.found["skipped"]] == [
        "0000.png",
        "0005.png",
    ]
    assert "skipped 2 unreadable images" in capsys.readouterr().err


def test_skipping_keeps_images_and_labels_together(damaged, tmp_path):
    """The control of a shift by one: every picture has the label of its folder."""
    loaded = load_folder(damaged, tmp_path / "cache", Reading(skip_unreadable=True))
    shown = load_images([damaged / "train/b"]).images
    assert loaded.train.images[loaded.train.labels == 1].equal(shown)


def test_a_class_of_which_nothing_is_left_is_named(damaged, tmp_path):
    for path in (damaged / "train/b").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="no training images of the class 'b'"):
        load_folder(damaged, tmp_path / "cache", Reading(skip_unreadable=True))


# Bad input.


def test_names_that_differ_in_case_alone_are_refused(tmp_path):
    folder = class_folders(drawn(2, 1, classes=3), tmp_path / "images", names=("a", "b", "c"))
    shutil.copy(folder / "train/a/0000.png", folder / "train/a/0000.PNG")
    with pytest.raises(InputError, match=r"0000.(png|PNG) and .* differ in case alone"):
        load_folder(folder, tmp_path / "cache")


def test_sizes_that_show_nothing_are_refused(tmp_path, monkeypatch, capsys):
    with working_in(tmp_path / "work", monkeypatch):
        (tmp_path / "work/x").mkdir()
        flags = ["--data.source=folder", "--data.path=x"]
        error = refused(capsys, *smoke(), *flags, "--data.image_size=7")
        assert "image_size is 7; it must be 8 or more" in error
        assert "image_size goes with images of your own" in refused(
            capsys, *smoke(), "--data.image_size=16"
        )
        assert "as many classes as the images" in refused(capsys, *smoke(), "--model.classes=3")


# Networks.


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("classes", "size"), [(3, 32), (100, 32), (10, 48)])
def test_networks_have_the_outputs_and_inputs_that_are_asked_for(variant, classes, size):
    network = VARIANTS[variant](classes=classes, image_size=size).eval()
    assert network(torch.zeros(2, 3, size, size, dtype=torch.uint8)).shape == (2, classes)
    with_ten = sum(each.numel() for each in VARIANTS[variant]().parameters())
    pixels = 3 * size**2 - 3 * 32**2
    per_pixel = 100 + (2 if variant == "batch_norm" else 0)
    assert sum(each.numel() for each in network.parameters()) == (
        with_ten + (classes - 10) * 101 + pixels * per_pixel
    )


def test_a_checkpoint_without_classes_means_ten(tmp_path):
    classifier = small_classifier()
    settings = {k: v for k, v in classifier.hparams.items() if k not in ("classes", "image_size")}
    checkpoint = {"state_dict": classifier.state_dict(), "hyper_parameters": settings}
    classifier.on_save_checkpoint(checkpoint)
    small_classifier().on_load_checkpoint(checkpoint)
    with pytest.raises(InputError, match=r"for 10 classes of 32x32 pixels, .* for 3 classes of"):
        small_classifier(classes=3).on_load_checkpoint(checkpoint)


def test_images_of_other_classes_are_refused_in_words(tmp_path):
    message = r"tells 3 classes of 32x32 pixels apart, the images are 10 classes .* classes=10"
    with pytest.raises(InputError, match=message):
        small_trainer(tmp_path).fit(small_classifier(classes=3), small_data())


def test_balanced_accuracy_is_the_mean_of_the_classes_accuracies():
    metrics = EluClassifier(depth=1, width=2, classes=3).test_metrics
    labels = torch.tensor([0] * 6 + [1] * 2 + [2] * 2)
    guesses = torch.tensor([0] * 6 + [0, 1] + [2, 2])
    metrics["balanced_accuracy"].update(functional.one_hot(guesses), labels)
    assert float(metrics["balanced_accuracy"].compute()) == pytest.approx((1 + 0.5 + 1) / 3)
    assert float((guesses == labels).float().mean()) == pytest.approx(0.9)  # the control


def test_a_class_without_images_is_not_part_of_balanced_accuracy():
    labels, guesses = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 2, 1])
    logits = functional.one_hot(guesses, 3).float()
    ours = EluClassifier(depth=1, width=2, classes=3).test_metrics["balanced_accuracy"]
    assert float(ours(logits, labels)) == pytest.approx((2 / 3 + 1) / 2)
    theirs = MulticlassAccuracy(3, average="macro")  # the control
    assert float(theirs(logits, labels)) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_top_5_accuracy_counts_five_guesses():
    metric = EluClassifier(depth=1, width=2, classes=20).test_metrics["top5_accuracy"]
    logits = torch.arange(20.0).expand(4, 20)
    metric.update(logits, torch.tensor([19, 15, 14, 0]))
    assert float(metric.compute()) == 0.5
    assert "top5_accuracy" not in EluClassifier(depth=1, width=2).test_metrics
