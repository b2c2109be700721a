import logging
import threading

import pytest
from image_examples import CLASSES, random_images

from lightning_cifar.data.array_cache import DecodedSet, cached_set

FILES = [f"{part}_{what}.npy" for part in ("train", "test") for what in ("images", "labels")]


class Builder:
    """Builds a small set and counts how often."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return DecodedSet(CLASSES, {"train": random_images(20, 0), "test": random_images(10, 1)})


def reads_what_was_built(images):
    assert images.classes == CLASSES
    assert images.train.images.equal(random_images(20, 0).images)
    assert images.train.labels.equal(random_images(20, 0).labels)
    assert images.test.images.equal(random_images(10, 1).images)


def test_built_once(tmp_path):
    build = Builder()
    first, second = cached_set(tmp_path, build), cached_set(tmp_path, build)
    for images in (first, second):
        reads_what_was_built(images)
    assert first.fingerprint == second.fingerprint
    assert build.calls == 1


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("damage", [flip_a_byte, truncate, empty, remove])
def test_damage_is_rebuilt_and_said(tmp_path, caplog, name, damage):
    build = Builder()
    cached_set(tmp_path, build)
    damage(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        reads_what_was_built(cached_set(tmp_path, build))
    # A manifest that only lacks its last newline says all it should.
    harmless = name == "manifest.json" and damage is truncate
    assert build.calls == (1 if harmless else 2)
    assert harmless == ("are rebuilt" not in caplog.text)


def test_an_undamaged_cache_says_nothing(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        reads_what_was_built(cached_set(tmp_path, Builder()))
        reads_what_was_built(cached_set(tmp_path, Builder()))
    assert caplog.text == ""


def test_damaged_test_images_do_not_concern_training(tmp_path):
    build = Builder()
    cached_set(tmp_path, build)
    flip_a_byte(tmp_path / "test_images.npy")
    images = cached_set(tmp_path, build)
    assert images.train.images.equal(random_images(20, 0).images)
    assert build.calls == 1
    reads_what_was_built(images)
    assert build.calls == 2


def test_parts_swapped_on_disk_are_rebuilt(tmp_path):
    build = Builder()
    cached_set(tmp_path, build)
    for what in ("images", "labels"):
        (tmp_path / f"train_{what}.npy").replace(tmp_path / "kept")
        (tmp_path / f"test_{what}.npy").replace(tmp_path / f"train_{what}.npy")
        (tmp_path / "kept").replace(tmp_path / f"test_{what}.npy")
    reads_what_was_built(cached_set(tmp_path, build))
    assert build.calls == 2


def test_two_that_start_together_build_once(tmp_path):
    build = Builder()
    together = threading.Barrier(4)
    results = []

    def start():
        together.wait()
        results.append(cached_set(tmp_path, build))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert build.calls == 1
    for images in results:
        reads_what_was_built(images)


def test_failure_leaves_nothing_that_looks_whole(tmp_path):
    def fail():
        raise RuntimeError("no images")

    with pytest.raises(RuntimeError, match="no images"):
        cached_set(tmp_path, fail)
    build = Builder()
    reads_what_was_built(cached_set(tmp_path, build))
    assert build.calls == 1
