import os
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from image_examples import (
    CLASSES,
    part_images,
    random_images,
    write_folder,
    write_image,
    zip_folder,
)
from PIL import Image

from lightning_cifar.data import decoding, forms, picture_files
from lightning_cifar.data.containers import opened
from lightning_cifar.data.forms import content_key, load_folder
from lightning_cifar.errors import InputError


@pytest.fixture
def images(tmp_path):
    """A folder of 20 training and 10 test images."""
    return write_folder(tmp_path / "images")


def has_the_images(result):
    for part, written in ((result.train, part_images(2, 0)), (result.test, part_images(1, 1))):
        assert part.images.equal(written.images)
        assert part.labels.equal(written.labels)
    assert result.classes == CLASSES


def test_folder_is_read(images, tmp_path):
    has_the_images(load_folder(images, tmp_path / "cache"))


@pytest.mark.parametrize("prefix", ["", "cifar10/"])
def test_zip_is_read(images, tmp_path, prefix):
    archive = zip_folder(images, tmp_path / "images.zip", prefix)
    has_the_images(load_folder(archive, tmp_path / "cache"))


def test_folder_and_zip_have_the_same_fingerprint(images, tmp_path):
    archive = zip_folder(images, tmp_path / "images.zip")
    first, second = (load_folder(source, tmp_path / "cache") for source in (images, archive))
    assert first.fingerprint == second.fingerprint


def test_jpegs_are_read(images, tmp_path):
    pixels = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    Image.fromarray(np.stack([pixels] * 3, axis=2)).save(images / "train/a/0.JPEG", quality=95)
    (images / "train/a/0.png").unlink()
    image = load_folder(images, tmp_path / "cache").train.images[0].int()
    assert (image - torch.from_numpy(pixels).int()).abs().max() <= 4  # lossy


def test_processes_decode_the_same(images, tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(decoding, "FILES_PER_TASK", 7)
    has_the_images(load_folder(images, tmp_path / "cache"))


def test_processes_name_an_unreadable_image(images, tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "WORTH_PROCESSES", 0)
    (images / "train/c/1.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"train/c/1.png cannot be read as an image"):
        load_folder(images, tmp_path / "cache")


def decoded_again(*_):
    raise AssertionError("the images are decoded again")


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_second_start_decodes_nothing(images, tmp_path, monkeypatch, form):
    source = images if form == "folder" else zip_folder(images, tmp_path / "images.zip")
    load_folder(source, tmp_path / "cache")
    monkeypatch.setattr(forms, "read_source", decoded_again)
    has_the_images(load_folder(source, tmp_path / "cache"))


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_changed_images_are_decoded_again(images, tmp_path, form):
    def load():
        source = images if form == "folder" else zip_folder(images, tmp_path / "images.zip")
        return load_folder(source, tmp_path / "cache")

    before = load()
    write_image(images / "train/a/0.png", random_images(1, seed=99).images[0])
    os.utime(images / "train/a/0.png", ns=(10**18, 10**18))
    after = load()
    assert after.fingerprint != before.fingerprint
    assert after.train.images[0].equal(random_images(1, seed=99).images[0])


def test_names_sizes_and_times_make_the_key_of_a_folder(images):
    def changes_the_key(act):
        before = content_key(images)
        act()
        return content_key(images) != before

    file = images / "train/a/0.png"
    assert not changes_the_key(lambda: file.read_bytes())
    assert changes_the_key(lambda: os.utime(file, ns=(5, 5)))
    assert changes_the_key(lambda: file.rename(images / "train/a/7.png"))
    assert changes_the_key(lambda: (images / "test/a/0.png").write_bytes(b""))


@pytest.mark.parametrize(
    "name", [".DS_Store", "train/.hidden.png", "train/a/Thumbs.db", "README.md", "train/labels.csv"]
)
def test_files_of_no_concern_are_ignored(images, tmp_path, name):
    (images / name).write_bytes(b"something")
    has_the_images(load_folder(images, tmp_path / "cache"))


def remove_class(images, part):
    shutil.rmtree(images / part / "c")


def empty_class(images, part):
    for file in (images / part / "c").iterdir():
        file.unlink()


def add_class(images, part):
    shutil.copytree(images / part / "c", images / part / "cat")


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize(
    ("damage", "part", "reason"),
    [
        (remove_class, "test", "has train/c but no test/c; add it"),
        (remove_class, "train", "has test/c but no train/c; add or remove it"),
        (empty_class, "train", "has no images in train/c; add some"),
        (empty_class, "test", "has no images in test/c; add some"),
        (add_class, "train", "has train/cat but no test/cat; add it"),
        (add_class, "test", "has test/cat but no train/cat; add or remove it"),
    ],
)
def test_class_folders_missing_empty_or_extra(images, tmp_path, form, damage, part, reason):
    damage(images, part)
    source = images if form == "folder" else zip_folder(images, tmp_path / "images.zip")
    with pytest.raises(InputError, match=f"{source} {reason}"):
        load_folder(source, tmp_path / "cache")


@pytest.mark.parametrize(("damage", "count"), [(remove_class, 9), (add_class, 11)])
def test_classes_are_as_many_as_there_are(images, tmp_path, damage, count):
    for part in ("train", "test"):
        damage(images, part)
    assert len(load_folder(images, tmp_path / "cache").classes) == count


def test_a_single_class_is_refused(images, tmp_path):
    for part in ("train", "test"):
        for name in CLASSES[1:]:
            shutil.rmtree(images / part / name)
    with pytest.raises(InputError, match=r"has 1 class folder \(a\); a classifier needs two"):
        load_folder(images, tmp_path / "cache")


def test_training_images_missing(images, tmp_path):
    shutil.rmtree(images / "train")
    with pytest.raises(InputError, match="has no folder train with class folders; it needs train/"):
        load_folder(images, tmp_path / "cache")


def test_missing_path(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist; give a folder, zip or tar"):
        load_folder(tmp_path / "nowhere", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_not_a_zip(tmp_path):
    (tmp_path / "images.zip").write_bytes(random.Random(0).randbytes(1000))
    with pytest.raises(InputError, match=r"images.zip is not a zip, or a truncated one"):
        load_folder(tmp_path / "images.zip", tmp_path / "cache")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_truncated_zip(images, tmp_path, share):
    archive = zip_folder(images, tmp_path / "images.zip")
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"images.zip is not a zip, or a truncated one"):
        load_folder(archive, tmp_path / "cache")


def test_damaged_member_of_a_zip_is_named(images, tmp_path):
    archive = zip_folder(images, tmp_path / "images.zip")
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened_archive:
        start = opened_archive.getinfo("train/d/1.png").header_offset
    content[start + 200] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"images.zip/train/d/1.png cannot be read .*CRC"):
        load_folder(archive, tmp_path / "cache")


def test_a_member_that_ends_too_early_is_named(images, tmp_path):
    archive = zip_folder(images, tmp_path / "images.zip")
    content = bytearray(archive.read_bytes())
    last = content.rindex(b"PK\1\2")  # the entry of train/j/1.png in the directory of the zip
    content[last + 20 : last + 28] = (10**6).to_bytes(4, "little") * 2  # its sizes
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"train/j/1.png cannot be read \(.+\); replace or remove"):
        load_folder(archive, tmp_path / "cache")


def put(make):
    """A damage that replaces one training image by what ``make`` writes to its path."""

    def damage(images):
        path = images / "train/d/1.png"
        path.unlink()
        make(path)

    return damage


PIXELS = random_images(1).images[0]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (put(lambda path: path.write_bytes(b"")), "cannot be read as an image .*replace or remove"),
        (
            put(lambda path: path.write_bytes(b"GIF89a")),
            "cannot be read as an image",
        ),
        (
            put(lambda path: path.write_bytes(b"x" * 20000)),
            "has more than 19,999 bytes",
        ),
    ],
)
def test_images_that_cannot_be_used_are_named(images, tmp_path, damage, reason, monkeypatch):
    monkeypatch.setattr(picture_files, "LARGEST_BYTES", 19_999 if "19,999" in reason else 1 << 20)
    damage(images)
    with pytest.raises(InputError, match=f"images/train/d/1.png {reason}"):
        load_folder(images, tmp_path / "cache")


def test_truncated_image_is_named(images, tmp_path):
    path = images / "train/d/1.png"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"train/d/1.png cannot be read as an image"):
        load_folder(images, tmp_path / "cache")


@pytest.mark.parametrize("name", ["train/d/notes.txt", "train/d/more/0.png"])
def test_files_out_of_place_are_named(images, tmp_path, name):
    (images / name).parent.mkdir(exist_ok=True)
    (images / name).write_bytes(b"something")
    with pytest.raises(InputError, match=f"{name} in .* is out of place"):
        load_folder(images, tmp_path / "cache")


def test_nothing_is_kept_of_a_refused_folder(images, tmp_path):
    (images / "test/d/0.png").write_bytes(b"")
    with pytest.raises(InputError):
        load_folder(images, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").rglob("*.npy")] == []


@pytest.mark.data
@pytest.mark.skipif("CIFAR10_IMAGES" not in os.environ, reason="CIFAR10_IMAGES is not set")
def test_real_images_are_read(tmp_path):
    result = load_folder(Path(os.environ["CIFAR10_IMAGES"]), tmp_path)
    assert (len(result.train), len(result.test)) == (50_000, 10_000)
    assert result.classes[:3] == ("airplane", "automobile", "bird")


def test_a_zip_is_closed_again(images, tmp_path):
    archive = zip_folder(images, tmp_path / "images.zip")
    with opened(archive) as (entries, read):
        assert read(entries[-1].name, 10)
    with pytest.raises(ValueError, match="closed"):
        read(entries[-1].name, 10)
