"""Validation images in a folder of their own, beside the training and test images."""

import json
import shutil

import pytest
from commands import refused, run, smoke, working_in
from controls import assert_rejects
from image_examples import part_images, write_folder, write_part, zip_folder

from lightning_cifar.data.array_cache import fingerprint_of, read_manifest
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.forms import load_folder
from lightning_cifar.errors import InputError

USED = "the validation images are those of the validation folder; to take them from training: "
NOT_USED = "the validation folder is not used, because validation is "
# Of write_folder's ten classes of two and one images, as versions without validation folders had it
FINGERPRINT = "8f19ccf0e4bcc26273668d8934345e57d54c9e964b20b9a9727020bdb929cf49"


def with_validation(folder, *names):
    """Four training images and one test image of each class, and three in each folder of a name."""
    write_folder(folder, train=4)
    for number, name in enumerate(names, start=2):
        write_part(folder / name, 3, number)
    return folder


@pytest.fixture
def images(tmp_path):
    return with_validation(tmp_path / "images", "valid")


def module(path, **options):
    cache = str(path.parent / "cache")
    return CIFAR10DataModule(source="folder", path=str(path), cache=cache, **options)


def ready(datamodule):
    datamodule.prepare_data()
    datamodule.setup("fit")
    return datamodule


def validates_on_its_folder(make, path):
    """All training images train, those of the folder validate; the statistics are of the first."""

    def check():
        datamodule = ready(make(path))
        train, validation = part_images(4, 0), part_images(3, 2)
        assert datamodule.train_images.images.equal(train.images)
        assert datamodule.train_images.labels.equal(train.labels)
        assert datamodule.validation_images.images.equal(validation.images)
        assert datamodule.validation_images.labels.equal(validation.labels)
        mean = train.images.double().mean(0)
        assert float((datamodule.standardisation.mean - mean).abs().max()) < 1e-3  # of 255

    return check


@pytest.mark.parametrize("name", ["valid", "val", "validation", "Valid", "VAL"])
@pytest.mark.parametrize("form", ["folder", "zip", "zip with a folder at the top"])
def test_an_own_validation_folder_is_used(tmp_path, capsys, name, form):
    path = with_validation(tmp_path / "images", name)
    if form != "folder":
        path = zip_folder(path, tmp_path / "images.zip", "top/" if "top" in form else "")
    validates_on_its_folder(module, path)()
    assert capsys.readouterr().err.splitlines()[-1:] == [f"{USED}--data.validation=stratified"]
    validates_on_its_folder(lambda path: module(path, validation="folder"), path)()
    (line,) = capsys.readouterr().err.splitlines()  # as asked for, and nothing is decoded again
    assert line == f"{path}: class folders, 10 classes (content not verified)"


def test_a_split_in_spite_of_the_folder_is_said(images, capsys):
    asked = {"validation": "stratified", "validation_size": 10}
    datamodule = ready(module(images, **asked))
    assert capsys.readouterr().err.splitlines()[-1] == f"{NOT_USED}stratified"
    assert (len(datamodule.train_images), len(datamodule.validation_images)) == (30, 10)
    assert_rejects(validates_on_its_folder(lambda path: module(path, **asked), images))


def test_the_first_images_in_spite_of_the_folder_are_said(images, capsys):
    datamodule = module(images, validation="first")
    with pytest.raises(InputError, match="4 images holds 1 of 10 classes"):
        ready(datamodule)  # of files that are sorted by class
    assert capsys.readouterr().err.splitlines()[-1] == f"{NOT_USED}first"


def test_one_line_is_said_once(images, capsys):
    datamodule = ready(module(images))
    for stage in ("validate", "test", "fit"):
        datamodule.setup(stage)
    assert capsys.readouterr().err.count(USED) == 1
    ready(module(write_folder(images.parent / "plain", train=4), validation_size=10))
    assert "validation" not in capsys.readouterr().err


def test_settings_hold_what_was_resolved(images, tmp_path):
    plain = write_folder(tmp_path / "plain", train=4)
    assert module(images).settings["validation"] == "folder"
    assert module(plain).settings["validation"] == "stratified"
    assert module(images).settings == module(images, validation="folder").settings
    assert module(plain).settings == module(plain, validation="stratified").settings
    assert module(images).settings != module(images, validation="stratified").settings


def test_the_fingerprint_is_of_the_validation_images_too(images, tmp_path):
    first = module(images).fingerprint
    shutil.rmtree(images / "valid")
    without = module(images).fingerprint
    write_part(images / "valid", 3, 99)
    assert len({first, without, module(images).fingerprint}) == 3


def test_the_fingerprint_of_other_sets_is_what_it_was(tmp_path):
    loaded = load_folder(write_folder(tmp_path / "images"), tmp_path / "cache")
    assert loaded.fingerprint == FINGERPRINT
    (folder,) = (tmp_path / "cache" / "folder").iterdir()
    assert fingerprint_of(read_manifest(folder)) == FINGERPRINT


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"validation": "folder", "validation_size": 9},
            "validation_size is 9, but the validation",
        ),
        ({"validation_size": 9}, "validation_size is 9, but the validation images are those of a"),
        ({"validation": "folder", "split_seed": 9}, "split_seed is 9, but with validation=folder"),
        ({"split_seed": 9}, "split_seed is 9, but with validation=folder nothing is drawn"),
    ],
)
def test_what_a_folder_has_no_use_for_is_refused(images, options, reason):
    with pytest.raises(InputError, match=reason):
        module(images, **options).prepare_data()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    plain = write_folder(tmp_path / "plain", train=4)
    with pytest.raises(InputError, match="there is no folder valid, val or validation beside"):
        module(plain, validation="folder").prepare_data()


def test_two_validation_folders_are_refused_by_name(tmp_path):
    path = with_validation(tmp_path / "images", "valid", "val")
    with pytest.raises(InputError, match="has the folders val and valid, and only one can hold"):
        module(path).prepare_data()


@pytest.mark.parametrize("validation", [None, "stratified"])
def test_a_validation_folder_must_have_the_ten_classes(images, validation):
    shutil.rmtree(images / "valid/c")
    with pytest.raises(InputError, match="has train/c but no valid/c; add it"):
        module(images, validation=validation).prepare_data()
    shutil.copytree(images / "train/c", images / "valid/c")
    shutil.copytree(images / "train/c", images / "valid/k")
    with pytest.raises(InputError, match="has valid/k but no train/k; add or remove it"):
        module(images, validation=validation).prepare_data()


@pytest.mark.parametrize("content", ["nothing", "images without classes"])
def test_a_validation_folder_without_classes_is_refused(tmp_path, content):
    path = write_folder(tmp_path / "images")
    (path / "val").mkdir()
    if content != "nothing":
        shutil.copy(path / "train/a/0.png", path / "val/0.png")
    with pytest.raises(InputError, match="has no folder val with class folders; it needs train"):
        module(path).prepare_data()


def test_a_cache_of_an_earlier_version_is_not_taken_for_the_set(images):
    """Its arrays lack the validation part, and nothing in them says so."""
    ready(module(images))
    (folder,) = (images.parent / "cache/folder").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]["validation"]
    old = folder.with_name(folder.name.removeprefix("version4-"))
    shutil.copytree(folder, old)
    (old / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(folder)
    validates_on_its_folder(module, images)()


def test_damaged_validation_images_are_decoded_again(images, caplog):
    ready(module(images))
    (file,) = (images.parent / "cache").rglob("validation_images.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    validates_on_its_folder(module, images)()
    assert "are rebuilt: the validation images do not have their checksum" in caplog.text


def test_a_run_validates_on_the_folder(images, tmp_path, monkeypatch, capsys):
    """The kept weights' figures are those of the folder's images; a changed folder changes them."""
    with working_in(tmp_path / "work", monkeypatch) as here:
        flags = ["--data.source=folder", f"--data.path={images}", "--data.batch_size=10"]
        fit = [*smoke(), *flags, "--model.learning_rate=0.001", "--trainer.max_epochs=2"]
        code, _, error = run(capsys, *fit, "--run=run")
        assert code == 0, error
        assert [line for line in error.splitlines() if "validation folder" in line] == [
            f"{USED}--data.validation=stratified"
        ]
        best = json.loads((here / "run/record.json").read_text())["best"]
        code, out, _ = run(capsys, "validate", "--run=run")
        assert f"val_loss {best['val_loss']:.4f}" in out
        (images / "valid").rename(images / "elsewhere")
        # The control: images of a split have another loss.
        code, out, _ = run(
            capsys,
            "validate",
            "--run=run",
            "--data.validation=stratified",
            "--data.validation_size=10",
        )
        assert code == 0
        assert f"val_loss {best['val_loss']:.4f}" not in out
        error = refused(capsys, *fit, "--run=other", "--data.validation=folder")
        assert "there is no folder valid, val or validation" in error
