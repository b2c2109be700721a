"""What is kept of a set: files, manifest, hashes; when it is built again, and what is said."""

import json
import logging
import tempfile

import numpy as np
import pytest
import torch
from image_examples import random_images

from lightning_cifar.data import array_files, images
from lightning_cifar.data.array_cache import (
    DamagedCacheError,
    DecodedSet,
    Manifest,
    build_into,
    cached_set,
    checksum,
    kept_hashes,
    read_manifest,
    read_part,
    write_set,
)
from lightning_cifar.data.array_files import pieces_of_size, stored
from lightning_cifar.data.images import image_hashes
from lightning_cifar.data.reading import UNKNOWN, About

TRAIN, TEST, VALIDATION = random_images(6), random_images(4, 1), random_images(3, 2)
ABOUT = About("a form", True, ("one", "two"), ("left out",), {"8x9": 2})
WHOLE = DecodedSet(("a", "b"), {"validation": VALIDATION, "test": TEST, "train": TRAIN}, ABOUT)
SUMS = {"train": checksum(TRAIN), "test": checksum(TEST), "validation": checksum(VALIDATION)}


def never():
    raise AssertionError("nothing is to be built")


def test_a_manifest_says_what_was_written(tmp_path):
    manifest = Manifest(("a", "b"), SUMS, ABOUT)
    assert write_set(tmp_path, WHOLE) == manifest == read_manifest(tmp_path)
    assert list(manifest.checksums) == list(read_manifest(tmp_path).checksums)
    content = {
        "classes": ["a", "b"],
        "sha256": SUMS,
        "about": {
            "form": "a form",
            "verified": True,
            "notes": ["one", "two"],
            "skipped": ["left out"],
            "sizes": {"8x9": 2},
        },
    }
    text = (tmp_path / "manifest.json").read_text()
    assert text == json.dumps(content, indent=2) + "\n"
    names = [f"{part}_{what}.npy" for part in SUMS for what in ("images", "labels")]
    assert {path.name for path in tmp_path.iterdir()} == {*names, "manifest.json"}


def test_a_manifest_of_an_earlier_version_says_nothing_of_the_form(tmp_path):
    write_set(tmp_path, WHOLE)
    content = json.loads((tmp_path / "manifest.json").read_text())
    del content["about"], content["sha256"]["validation"]
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    left = {part: SUMS[part] for part in ("train", "test")}
    assert read_manifest(tmp_path) == Manifest(("a", "b"), left, UNKNOWN)


MANIFESTS = {
    "no json": ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    "no checksums": ("{}", "'sha256'"),
    "no test part": ('{"sha256": {"train": 1}}', "'test'"),
    "no classes": ('{"sha256": {"train": 1, "test": 1}}', "'classes'"),
    "another kind": ("[]", "list indices must be integers or slices, not str"),
    "nothing about": (
        '{"sha256": {"train": 1, "test": 1}, "about": 1}',
        "'int' object has no attribute 'items'",
    ),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_cannot_be_read_is_named(tmp_path, case):
    text, said = MANIFESTS[case]
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DamagedCacheError) as caught:
        read_manifest(tmp_path)
    assert str(caught.value) == f"manifest.json cannot be read ({said})"


def test_a_part_is_read_if_it_is_what_was_written(tmp_path):
    write_set(tmp_path, WHOLE)
    found = read_part(tmp_path, "validation", SUMS["validation"])
    assert found.images.equal(VALIDATION.images)
    assert found.labels.equal(VALIDATION.labels)
    with pytest.raises(DamagedCacheError) as caught:
        read_part(tmp_path, "test", SUMS["train"])
    assert str(caught.value) == "the test images do not have their checksum"
    (tmp_path / "test_labels.npy").write_bytes(b"")
    with pytest.raises(DamagedCacheError) as caught:
        read_part(tmp_path, "test", SUMS["test"])
    assert str(caught.value) == "the test images cannot be read (No data left in file)"


def test_what_is_readable_is_not_built(tmp_path):
    write_set(tmp_path, WHOLE)
    for needed in (None, "train", "test", "validation"):
        assert build_into(tmp_path, never, needed).checksums == SUMS
    (tmp_path / "test_labels.npy").unlink()
    assert build_into(tmp_path, never).checksums == SUMS
    assert build_into(tmp_path, never, "train").checksums == SUMS
    assert (tmp_path / "lock").exists()
    assert build_into(tmp_path, lambda: WHOLE, "test").checksums == SUMS
    assert (tmp_path / "test_labels.npy").exists()


def test_only_what_was_there_is_said_to_be_rebuilt(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = cached_set(tmp_path / "a/b", lambda: WHOLE)
        assert caplog.messages == []
        (tmp_path / "a/b/manifest.json").write_text("{}")
        cached_set(tmp_path / "a/b", lambda: WHOLE)
        (tmp_path / "a/b/train_labels.npy").unlink()
        assert found.train.labels.equal(TRAIN.labels)
    first, second = caplog.messages
    start = f"The decoded images in {tmp_path}/a/b are rebuilt: "
    assert first == f"{start}manifest.json cannot be read ('sha256')."
    assert second.startswith(f"{start}the train images cannot be read ([Errno 2] No such file or")


def test_a_set_is_what_its_manifest_says(tmp_path):
    found = cached_set(tmp_path, lambda: WHOLE)
    again = cached_set(tmp_path, never)
    for each in (found, again):
        assert each.classes == ("a", "b")
        assert each.parts == ("train", "test", "validation")
        assert each.about == ABOUT
        assert each.read("validation").images.equal(VALIDATION.images)
        assert each.known_hashes["test"].tolist() == image_hashes(TEST).tolist()
        assert each.fingerprint == found.fingerprint


def test_hashes_are_kept_under_the_checksums(tmp_path):
    parts = {"train": TRAIN, "test": TEST}
    read = []

    def reading(part):
        read.append(part)
        return parts[part]

    for _ in range(2):
        kept = kept_hashes(tmp_path, {"train": "x", "test": "y"}, reading)
        assert kept["train"].tolist() == image_hashes(TRAIN).tolist()
        assert read == ["train", "test"]
    with np.load(tmp_path / "hashes.npz") as file:
        assert sorted(file) == ["x", "y"]
        assert file["y"].tolist() == image_hashes(TEST).tolist()


# Arrays in files.


def test_images_are_stored_in_the_folder_that_is_given(tmp_path, monkeypatch):
    places, make = [], tempfile.TemporaryFile

    def recorded(**options):
        places.append(options)
        return make(**options)

    monkeypatch.setattr(array_files.tempfile, "TemporaryFile", recorded)
    for folder in (tmp_path, None):
        found = stored([TRAIN, TEST], folder)
        assert found.images.equal(torch.cat([TRAIN.images, TEST.images]))
        assert found.labels.equal(torch.cat([TRAIN.labels, TEST.labels]))
        assert places.pop() == {"dir": folder}


def test_no_images_keep_their_size(tmp_path):
    values = np.zeros((0, 3, 8, 8), np.uint8)
    none = images.LabelledImages(torch.from_numpy(values), torch.zeros(0).long())
    found = stored([none], tmp_path)
    assert (found.shape, found.labels.dtype) == ((0, 3, 8, 8), torch.int64)
    assert found.images.dtype == torch.uint8
    assert found.rows is None


def drawn(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("at_once", "pieces"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (9, [5])])
def test_images_are_brought_to_size_some_at_a_time(monkeypatch, at_once, pieces):
    monkeypatch.setattr(images, "PIECE_BYTES", at_once * 3 * 8 * 8)
    values, labels = drawn(5, 3, 8, 8), torch.arange(5)
    found = list(pieces_of_size(values, labels, 8))
    assert [len(each) for each in found] == pieces
    assert torch.cat([each.images for each in found]).equal(torch.from_numpy(values))
    assert torch.cat([each.labels for each in found]).equal(labels)
    found[0].images.zero_()
    assert values[0].any()


@pytest.mark.parametrize(
    ("shape", "size"), [((2, 3, 8, 8), 9), ((2, 1, 9, 9), 9), ((2, 4, 9, 9), 9), ((2, 3, 9, 8), 9)]
)
def test_images_of_another_shape_are_fitted(shape, size):
    (found,) = pieces_of_size(drawn(*shape), torch.arange(2), size)
    assert found.shape == (2, 3, size, size)
    assert found.labels.tolist() == [0, 1]
