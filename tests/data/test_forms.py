"""Every form of CIFAR that people have on their disks is recognised, and read to the last pixel."""

import dataclasses
import hashlib
import json
import os
import pickle
import sys
import tarfile
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from image_examples import zip_folder
from image_forms import (
    CLASSES,
    FORMS,
    binary10,
    binary100,
    class_folders,
    drawn,
    kaggle,
    npy,
    npz,
    parquet,
    python10,
    python100,
    tar_folder,
)
from torchvision.datasets import CIFAR10 as TheirCifar10
from torchvision.datasets import CIFAR100 as TheirCifar100

from lightning_cifar.data import cifar_layouts, form_cifar
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.forms import load_folder
from lightning_cifar.data.reading import Reading
from lightning_cifar.errors import InputError

SETS = drawn()
PACKINGS = {
    "folder": lambda folder, path: folder,
    "zip": lambda folder, path: zip_folder(folder, path.with_suffix(".zip")),
    "tar": lambda folder, path: tar_folder(folder, path.with_suffix(".tar")),
    "tar.gz": lambda folder, path: tar_folder(folder, path.with_suffix(".tar.gz")),
}


def needing_pyarrow(case):
    """The case; marked if only the extra ``parquet`` makes it possible."""
    missing = "parquet" in case and find_spec("pyarrow") is None
    reason = "pyarrow is not installed: pip install 'lightning-cifar[parquet]'"
    return pytest.param(case, marks=pytest.mark.skipif(missing, reason=reason))


def has_the_images(loaded, sets=SETS):
    for part, (images, labels) in sets.items():
        data = loaded.read(part)
        assert np.array_equal(data.images.permute(0, 2, 3, 1).numpy(), images), part
        assert data.labels.tolist() == labels.tolist(), part


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", [needing_pyarrow(form) for form in FORMS])
def test_every_form_is_recognised_and_gives_the_same_images(tmp_path, form, packing):
    write, title = FORMS[form]
    source = PACKINGS[packing](write(SETS, tmp_path / "images"), tmp_path / "packed")
    loaded = load_folder(source, tmp_path / "cache")
    has_the_images(loaded)
    assert loaded.about.form == title
    assert not loaded.about.verified
    assert loaded.classes == CLASSES
    assert loaded.fingerprint == fingerprint()


def fingerprint():
    """The fingerprint by its definition, from NumPy's arrays alone."""
    sums = []
    for images, labels in SETS.values():
        content = labels.astype("<i8").tobytes() + images.transpose(0, 3, 1, 2).tobytes()
        sums.append(hashlib.sha256(content).hexdigest())
    return hashlib.sha256(json.dumps([list(CLASSES), sums]).encode()).hexdigest()


def test_control_other_pixels_have_another_fingerprint(tmp_path):
    changed = {part: (images.copy(), labels) for part, (images, labels) in SETS.items()}
    changed["test"][0][0, 0, 0, 0] ^= 1
    loaded = load_folder(npz(changed, tmp_path / "images"), tmp_path / "cache")
    assert loaded.fingerprint != fingerprint()


def test_torchvision_reads_the_same_from_its_root(tmp_path, monkeypatch):
    """The judge: it reads the folder that we read, by its own code."""
    root = python10(SETS, tmp_path / "root")
    monkeypatch.setattr(TheirCifar10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    loaded = load_folder(root, tmp_path / "cache")
    for part, train in (("train", True), ("test", False)):
        theirs = TheirCifar10(str(root), train=train)
        assert np.array_equal(theirs.data, SETS[part][0])
        assert np.array_equal(loaded.read(part).images.permute(0, 2, 3, 1).numpy(), theirs.data)
        assert loaded.read(part).labels.tolist() == theirs.targets
    assert list(loaded.classes) == theirs.classes


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz"])
def test_a_root_with_the_archive_alone_is_read(tmp_path, name):
    """As torchvision and Keras keep it; extracted beside it, the folder is taken."""
    tar_folder(python10(SETS, tmp_path / "images"), tmp_path / "archive.gz")
    root = tmp_path / "root"
    root.mkdir()
    os.rename(tmp_path / "archive.gz", root / name)
    loaded = load_folder(root, tmp_path / "cache")
    has_the_images(loaded)
    assert loaded.about.form == f"CIFAR's python version, in {name}"
    python10(SETS, root)
    assert load_folder(root, tmp_path / "cache").about.form == "CIFAR's python version"


def test_an_archive_in_a_zip_is_read(tmp_path):
    (tmp_path / "root").mkdir()
    tar_folder(python10(SETS, tmp_path / "images"), tmp_path / "root/cifar.tar.gz")
    has_the_images(load_folder(zip_folder(tmp_path / "root", tmp_path / "x.zip"), tmp_path / "c"))


# CIFAR-100, its two kinds of labels.

HUNDRED = drawn(2, 1, classes=100)


@pytest.mark.parametrize("write", [python100, binary100])
@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_cifar_100_has_fine_and_coarse_labels(tmp_path, write, labels):
    source = write(HUNDRED, tmp_path / "images")
    loaded = load_folder(source, tmp_path / "cache", Reading(labels=labels))
    by = 5 if labels == "coarse" else 1
    has_the_images(loaded, {part: (x, y // by) for part, (x, y) in HUNDRED.items()})
    assert (len(loaded.classes), loaded.classes[0]) == (
        (20, "c0") if labels == "coarse" else (100, "fine00")
    )


def test_torchvision_reads_the_same_cifar_100(tmp_path, monkeypatch):
    root = python100(HUNDRED, tmp_path / "root")
    monkeypatch.setattr(TheirCifar100, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    theirs = TheirCifar100(str(root), train=True)
    assert theirs.targets == HUNDRED["train"][1].tolist()
    assert theirs.classes == list(load_folder(root, tmp_path / "cache").classes)


def test_coarse_labels_are_refused_where_there_are_none(tmp_path):
    for write in (python10, binary10):
        source = write(SETS, tmp_path / write.__name__)
        with pytest.raises(InputError, match="CIFAR-10, which has no coarse labels"):
            load_folder(source, tmp_path / "cache", Reading(labels="coarse"))
    for name in ("npz", "npy", "kaggle", "folders"):
        write, title = FORMS[name]
        source = write(SETS, tmp_path / name)
        with pytest.raises(InputError, match=f"{name} is {title}, without coarse labels; leave"):
            load_folder(source, tmp_path / "cache", Reading(labels="coarse"))
    with pytest.raises(InputError, match="labels is coarse, which CIFAR-100 alone has"):
        CIFAR10DataModule(source="official", labels="coarse")


# Official hashes.


def test_the_hashes_are_those_that_torchvision_knows():
    for ours, theirs in (
        (cifar_layouts.CIFAR10, TheirCifar10),
        (cifar_layouts.CIFAR100, TheirCifar100),
    ):
        known = dict([*theirs.train_list, *theirs.test_list])
        assert ours.md5 == known | {theirs.meta["filename"]: theirs.meta["md5"]}


def test_content_with_the_official_hashes_is_verified(tmp_path, monkeypatch):
    root = python10(SETS, tmp_path / "root")
    md5 = {
        path.name: hashlib.md5(path.read_bytes()).hexdigest()
        for path in (root / "cifar-10-batches-py").iterdir()
    }
    monkeypatch.setattr(form_cifar, "CIFAR10", dataclasses.replace(cifar_layouts.CIFAR10, md5=md5))
    assert load_folder(root, tmp_path / "cache").about.verified
    meta = root / "cifar-10-batches-py/batches.meta"
    meta.write_bytes(pickle.dumps({"label_names": list(CLASSES)}, protocol=3))
    assert not load_folder(root, tmp_path / "cache").about.verified


def test_a_binary_archive_with_the_official_hash_is_verified(tmp_path, monkeypatch):
    archive = tar_folder(binary10(SETS, tmp_path / "images"), tmp_path / "binary.gz")
    known = frozenset({hashlib.md5(archive.read_bytes()).hexdigest()})
    layout = dataclasses.replace(cifar_layouts.CIFAR10, archives=known)
    monkeypatch.setattr(form_cifar, "CIFAR10", layout)
    assert load_folder(archive, tmp_path / "cache").about.verified
    assert not load_folder(tmp_path / "images", tmp_path / "cache").about.verified


# More than one set, and none.


def test_mixed_forms_are_refused_by_name(tmp_path):
    root = python10(SETS, tmp_path / "root")
    binary10(SETS, root)
    message = (
        r"root holds more than one set of images.*python version in cifar-10-batches-py, "
        r".*binary version in cifar-10-batches-bin; name one of them"
    )
    with pytest.raises(InputError, match=message):
        load_folder(root, tmp_path / "cache")
    has_the_images(load_folder(root / "cifar-10-batches-bin", tmp_path / "cache"))


def test_two_data_sets_of_one_form_are_refused_by_name(tmp_path):
    root = python10(SETS, tmp_path / "root")
    python100(HUNDRED, root)
    with pytest.raises(InputError, match=r"cifar-10-batches-py.*cifar-100-python; name one"):
        load_folder(root, tmp_path / "cache")


def test_nothing_recognised_says_what_is_read(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root/notes.txt").write_text("nothing")
    with pytest.raises(InputError, match=r"it needs train/<class>/\* and test/<class>/\*.*CIFAR"):
        load_folder(tmp_path / "root", tmp_path / "cache")


def test_the_package_for_parquet_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "train-0.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"pip install 'lightning-cifar\[parquet\]'"):
        load_folder(tmp_path, tmp_path / "cache")


# What is damaged is named.


def without(name):
    def damage(root):
        next(root.rglob(name)).unlink()

    return damage


def cut(name, share=0.5):
    def damage(root):
        path = next(root.rglob(name))
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return damage


def label_out_of_range(root):
    path = next(root.rglob("data_batch_2.bin"))
    content = bytearray(path.read_bytes())
    content[3073] = 10
    path.write_bytes(content)


def object_array(root):
    np.save(next(root.rglob("train_labels.npy")), np.array([{"a": 1}], dtype=object))


def labels_beyond_the_names(root):
    np.save(root / "train_labels.npy", np.full(50, 10))


def negative_labels(root):
    np.save(root / "train_labels.npy", np.full(50, -1))


def floats(root):
    np.save(root / "train_images.npy", np.zeros((50, 32, 32, 3)))


def row_without_label(root):
    with (root / "trainLabels.csv").open("a") as file:
        file.write("9999\n")


def label_for_no_picture(root):
    with (root / "trainLabels.csv").open("a") as file:
        file.write("9999,cat\n")


def label_twice(root):
    with (root / "trainLabels.csv").open("a") as file:
        file.write("1,cat\n")


def class_in_test_only(root):
    path = root / "testLabels.csv"
    path.write_text(path.read_text().replace("truck", "unicorn"))


def other_name(root):
    next(root.rglob("test-*.parquet")).rename(next(root.rglob("test-*.parquet")).with_stem("more"))


DAMAGES = {
    "python file missing": (python10, without("data_batch_3"), "lacks the file data_batch_3"),
    "python file cut": (python10, cut("data_batch_3"), "data_batch_3 is not a usable CIFAR"),
    "no meta file": (python10, without("batches.meta"), "lacks the file batches.meta"),
    "100 without meta": (python100, without("meta"), "lacks the file meta"),
    "binary cut": (
        binary10,
        cut("data_batch_2.bin", 0.55),
        r"data_batch_2.bin has \d+ bytes",
    ),
    "binary empty": (binary10, cut("test_batch.bin", 0), "test_batch.bin has 0 bytes"),
    "binary label": (binary10, label_out_of_range, "gives image 1 the label 10; CIFAR-10 has"),
    "binary names": (binary10, cut("batches.meta.txt"), "batches.meta.txt holds . class names"),
    "parquet cut": (parquet, cut("test-00000-of-00001.parquet"), "no usable parquet file"),
    "parquet of no part": (parquet, other_name, "more.parquet is of no part that is known"),
    "picture missing": (
        kaggle,
        without("7.png"),
        "/7: the labels name this picture",
    ),
    "no such picture": (kaggle, label_for_no_picture, "train/9999: the labels name this picture"),
    "row without label": (kaggle, row_without_label, "no picture and label in line 52"),
    "picture twice": (kaggle, label_twice, "names 1 twice, in line 52"),
    "class in test only": (kaggle, class_in_test_only, "'unicorn' of .* none of the training"),
    "npz cut": (npz, cut("cifar10.npz"), "cifar10.npz is no usable archive of arrays"),
    "npy cut": (npy, cut("train_images.npy"), "train_images.npy is no usable array"),
    "npy of objects": (npy, object_array, "Object arrays cannot be loaded"),
    "labels missing": (npy, without("train_labels.npy"), "but there are no train labels"),
    "labels too high": (npy, labels_beyond_the_names, "labels from 10 to 10 in its train part"),
    "labels below 0": (npy, negative_labels, "labels from -1 to -1 in its train part"),
    "floats": (npy, floats, "images of type float64; they must be uint8"),
    "tar.gz cut": (class_folders, None, "is not a tar, or a truncated one"),
}


@pytest.mark.parametrize("case", [needing_pyarrow(case) for case in DAMAGES])
def test_damages_are_named_in_one_line(tmp_path, case):
    write, damage, message = DAMAGES[case]
    source = write(HUNDRED if write is python100 else SETS, tmp_path / "images")
    if damage is None:
        source = tar_folder(source, tmp_path / "images.gz")
        source.write_bytes(source.read_bytes()[:-2000])
    else:
        damage(source)
    with pytest.raises(InputError, match=message) as caught:
        load_folder(source, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").rglob("*.npy")) == []


@pytest.mark.parametrize("blocks", [2, 20])
def test_a_tar_that_ends_at_a_member_is_not_whole(tmp_path, blocks):
    """The control: Python's reader takes it for all there is."""
    path = tar_folder(class_folders(SETS, tmp_path / "images"), tmp_path / "images.tar")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    path.write_bytes(path.read_bytes()[: members[-blocks].offset])
    with tarfile.open(path) as archive:
        assert len(archive.getmembers()) == len(members) - blocks
    with pytest.raises(InputError, match="it is damaged or ends too early after"):
        load_folder(path, tmp_path / "cache")


def test_no_code_in_a_pickle_runs(tmp_path):
    root = python10(SETS, tmp_path / "root")
    mark = tmp_path / "ran"

    class Harmful:
        def __reduce__(self):
            return (os.mkdir, (str(mark),))

    (root / "cifar-10-batches-py/test_batch").write_bytes(pickle.dumps({"data": Harmful()}))
    with pytest.raises(InputError, match=r"it asks for posix.mkdir, which is not admitted"):
        load_folder(root, tmp_path / "cache")
    assert not mark.exists()


# What follows the classes.


def test_a_data_module_says_what_was_recognised(tmp_path, capsys):
    root = python100(HUNDRED, tmp_path / "root")
    cache = str(tmp_path / "cache")
    datamodule = CIFAR10DataModule(path=str(root), cache=cache, validation_size=100)
    datamodule.setup("fit")
    said = capsys.readouterr().err
    assert f"{root}: CIFAR's python version, 100 classes (content not verified)" in said
    assert "there are 200 training and 100 test images, not the official 50000 and 10000" in said
    assert datamodule.class_count == 100
    assert datamodule.found["form"] == "CIFAR's python version"
    assert torch.equal(torch.unique(datamodule.validation_images.labels), torch.arange(100))
