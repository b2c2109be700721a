"""Copies of one image in two parts are counted and said, whatever their files are called."""

import shutil

import numpy as np
import pytest
import torch
from commands import run, smoke, working_in
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from image_examples import random_images, write_folder, write_image, write_part, zip_folder

from lightning_cifar.data import array_cache
from lightning_cifar.data.copies import copies_said, count_copies
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.forms import load_folder
from lightning_cifar.data.images import image_hashes

VALIDATION, TEST = "validation in training", "test in training or validation"


@pytest.fixture
def images(tmp_path):
    """A folder with validation images, all of its images different."""
    write_folder(tmp_path / "images", train=4)
    write_part(tmp_path / "images/valid", 3, 5)
    return tmp_path / "images"


def copy(images, source, *targets):
    for target in targets:
        shutil.copy(images / source, images / target)


def ready(images, stage="fit", **options):
    cache = str(images.parent / "cache")
    datamodule = CIFAR10DataModule(source="folder", path=str(images), cache=cache, **options)
    datamodule.prepare_data()
    datamodule.setup(stage)
    return datamodule


def counts_as_a_double_loop(count):
    """The number of images that equal, pixel by pixel, at least one of the others."""

    some_of_six = st.lists(st.integers(0, 5), min_size=1, max_size=12)

    @given(some_of_six, some_of_six)
    def check(some, others):
        pool = random_images(6).images
        pool[5] = pool[4]
        pool[5, 2, 31, 31] ^= 1  # almost a copy
        first, second = pool[torch.tensor(some, dtype=int)], pool[torch.tensor(others, dtype=int)]
        expected = sum(any(torch.equal(one, other) for other in second) for one in first)
        assert count(first, second) == expected

    return check


def by_hashes(first, second):
    return count_copies(image_hashes(first), image_hashes(second))


def test_copies_are_counted_as_a_double_loop_counts_them():
    counts_as_a_double_loop(by_hashes)()


def by_the_mean_colour(first, second):
    return count_copies(*(x.float().mean((1, 2, 3)).round().numpy() for x in (first, second)))


def in_the_other_direction(first, second):
    return by_hashes(second, first)


def without_repetitions(first, second):
    return len(set(image_hashes(first).tolist()) & set(image_hashes(second).tolist()))


@pytest.mark.parametrize("wrong", [by_the_mean_colour, in_the_other_direction, without_repetitions])
def test_wrong_counts_are_caught(wrong):
    assert_rejects(counts_as_a_double_loop(wrong))


def test_copies_of_a_folder_are_counted_and_said(images, capsys):
    copy(images, "train/a/0.png", "valid/b/x.png", "valid/a/y.png", "train/c/z.png")
    copy(images, "train/d/1.png", "valid/d/x.png", "test/e/x.png")
    copy(images, "valid/f/1.png", "test/g/x.png")
    datamodule = ready(images)
    assert datamodule.copies == {VALIDATION: 3, TEST: 2}
    assert capsys.readouterr().err.splitlines()[-1] == (
        "3 validation images are also training images and 2 test images are also training or "
        "validation images: figures measured on copies are too good; remove them"
    )


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_without_copies_nothing_is_said(images, capsys, form):
    # Almost a copy; and the same image twice within one part.
    pixels = random_images(40, 0).images[0]
    pixels[0, 0, 0] ^= 1
    write_image(images / "valid/a/almost.png", pixels)
    copy(images, "train/a/0.png", "train/a/twice.png")
    source = images if form == "folder" else zip_folder(images, images.parent / "images.zip")
    assert ready(source, validation="folder").copies == {VALIDATION: 0, TEST: 0}
    assert "also" not in capsys.readouterr().err


def test_copies_that_a_split_tears_apart_are_counted(images, capsys):
    for number in range(4):
        copy(images, f"train/a/{number}.png", f"train/b/{number}_.png", f"train/c/{number}_.png")
    datamodule = ready(images, validation="stratified", validation_size=20)
    train, validation = datamodule.train_images.images, datamodule.validation_images.images
    counted = sum(any(torch.equal(one, other) for other in train) for one in validation)
    assert counted > 0
    assert datamodule.copies == {VALIDATION: counted, TEST: 0}
    assert f"{counted} validation image" in capsys.readouterr().err


def test_test_alone_says_what_concerns_it(images, capsys):
    copy(images, "train/a/0.png", "valid/b/x.png", "test/a/x.png")
    assert ready(images, "test").copies == {TEST: 1}
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("1 test image is also a training or validation image: figures")


def test_each_count_is_said_once(images, capsys):
    copy(images, "train/a/0.png", "valid/b/x.png", "test/a/x.png")
    datamodule = ready(images)
    for stage in ("test", "validate", "fit"):
        datamodule.setup(stage)
    assert capsys.readouterr().err.count("also") == 2  # of one line


def test_training_compares_hashes_and_reads_no_test_image(images):
    copy(images, "train/a/0.png", "test/a/x.png")
    ready(images)
    for file in (images.parent / "cache").rglob("test_*.npy"):
        file.unlink()
    assert ready(images).copies[TEST] == 1
    assert not list((images.parent / "cache").rglob("test_*.npy"))


def hashes_file(images):
    (file,) = (images.parent / "cache").rglob(array_cache.HASHES)
    return file


def remove(file):
    file.unlink()


def cut(file):
    file.write_bytes(file.read_bytes()[:-30])


def flip_each_byte(file):
    file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))


def flip_one_in_the_middle(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)


def of_other_images(file):
    with np.load(file) as kept:
        others = {f"{name[:-1]}x": hashes for name, hashes in kept.items()}
    np.savez(file, **others)


@pytest.mark.parametrize(
    "damage", [remove, cut, flip_each_byte, flip_one_in_the_middle, of_other_images]
)
def test_hashes_that_are_absent_or_damaged_are_made_again(images, damage):
    """Caches of earlier versions have none, and need not be built anew."""
    copy(images, "train/a/0.png", "test/a/x.png", "valid/a/x.png")
    ready(images)
    damage(hashes_file(images))
    arrays = {file: file.stat().st_mtime_ns for file in (images.parent / "cache").rglob("*.npy")}
    assert ready(images).copies == {VALIDATION: 1, TEST: 1}
    assert {file: file.stat().st_mtime_ns for file in arrays} == arrays
    with np.load(hashes_file(images)) as kept:
        assert sorted(map(len, kept.values())) == [11, 31, 40]


def test_a_cache_that_can_only_be_read_serves_as_well(images, monkeypatch):
    copy(images, "train/a/0.png", "test/a/x.png")
    ready(images)
    hashes_file(images).unlink()

    def refuse(path, write):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(array_cache, "write_atomically", refuse)
    assert ready(images).copies[TEST] == 1


def test_a_hash_is_of_the_pixels(images):
    loaded = load_folder(images, images.parent / "cache")
    for part in loaded.parts:
        assert np.array_equal(loaded.hashes(part), image_hashes(loaded.read(part).images))


@pytest.mark.parametrize(
    ("copies", "line"),
    [
        ({}, ""),
        ({VALIDATION: 0, TEST: 0}, ""),
        (
            {VALIDATION: 1, TEST: 0},
            "1 validation image is also a training image: figures measured on copies are too good; "
            "remove them",
        ),
    ],
)
def test_the_line_about_copies(copies, line):
    assert copies_said(copies) == line


def test_a_run_says_it_in_one_line(images, tmp_path, monkeypatch, capsys):
    copy(images, "train/a/0.png", "valid/b/x.png")
    with working_in(tmp_path / "work", monkeypatch):
        flags = ["--data.source=folder", f"--data.path={images}", "--data.batch_size=10"]
        fit = [*smoke(), *flags, "--model.learning_rate=0.001", "--trainer.max_epochs=1"]
        code, _, error = run(capsys, *fit, "--run=run")
        assert code == 0, error
        assert [line for line in error.splitlines() if "also" in line] == [
            "1 validation image is also a training image: figures measured on copies are too good; "
            "remove them"
        ]
