"""Images that stay in their files: the same batches, in less memory than they would take."""

import sys
from functools import partial

import numpy as np
import pytest
import torch
from commands import fit, record_of, working_in
from controls import assert_rejects
from image_examples import CLASSES, encoded, random_images
from processes import ended

from lightning_cifar.data import array_cache, decoding, placement
from lightning_cifar.data.array_cache import DecodedSet, cached_set, read_part
from lightning_cifar.data.array_files import stored
from lightning_cifar.data.images import LabelledImages, image_hashes
from lightning_cifar.data.placement import placed_on, placement_said
from lightning_cifar.runs.checkpoints import load_checkpoint
from lightning_cifar.runs.folders import best_checkpoint
from lightning_cifar.stack.batches import StackedBatches

WHOLE = random_images(30)
ORDER = torch.tensor([7, 0, 29, 7, 12])


def in_file(data, folder):
    """The same images in a file, written in three pieces."""
    pieces = torch.arange(len(data)).tensor_split(3)
    return stored(map(data.select, pieces), folder)


def one_row_off(data, folder):
    found = in_file(data, folder)
    return LabelledImages(found.stored, found.labels, found.rows.roll(1))


def reads_alike(make, folder):
    """Whatever is asked of images in a file is what images in memory give."""

    def check():
        for some in (torch.arange(30), torch.tensor([3, 28, 7, 9, 10]).repeat(6)):
            ours, theirs = make(WHOLE, folder).select(some), WHOLE.select(some)
            assert len(ours) == len(theirs)
            assert ours.shape == tuple(theirs.images.shape)
            assert ours.labels.equal(theirs.labels)
            assert ours.images.equal(theirs.images)
            assert ours.at(ORDER).equal(theirs.images[ORDER])
            assert ours.between(4, 9).equal(theirs.images[4:9])
            assert torch.cat(list(ours.split(7))).equal(theirs.images)
            assert torch.cat(list(ours.pieces())).equal(theirs.images)
            assert (image_hashes(ours) == image_hashes(theirs.images)).all()

    return check


def test_images_in_a_file_read_as_those_in_memory(tmp_path):
    reads_alike(in_file, tmp_path)()
    assert not list(tmp_path.iterdir()), "the file has a name"


def test_check_of_reading_can_fail(tmp_path):
    assert_rejects(reads_alike(one_row_off, tmp_path))


def test_who_changes_a_batch_changes_no_image(tmp_path):
    data = in_file(WHOLE, tmp_path)
    for batch in (data.between(0, 5), data.at(ORDER), data.images):
        batch.zero_()
    assert data.images.equal(WHOLE.images)


def test_no_images_at_all(tmp_path):
    data = stored([WHOLE.select(torch.arange(0))], tmp_path)
    assert data.shape == (0, 3, 32, 32)
    assert stored([], tmp_path).shape == (0, 3, 32, 32)


def reads_as_it_decodes(given, monkeypatch):
    """Pictures are read when there is work for somebody, and come in order."""

    def check():
        asked = []

        def files():
            for number in range(100):
                asked.append(number)
                yield "image", encoded(number)

        chunks = decoding.decode_all(given(files()))
        first = next(chunks)
        assert len(asked) <= 20, "more was read than keeps the processes busy"
        shades = np.concatenate([each.pixels[:, 0, 0, 0] for each in (first, *chunks)])
        assert shades.tolist() == list(range(100))

    monkeypatch.setattr(decoding, "WORTH_PROCESSES", 10)
    monkeypatch.setattr(decoding, "FILES_PER_TASK", 5)
    monkeypatch.setattr(decoding, "TASKS_PER_CORE", 1)
    monkeypatch.setattr(decoding.os, "cpu_count", lambda: 2)
    return check


def test_pictures_are_read_while_others_are_decoded(monkeypatch):
    reads_as_it_decodes(iter, monkeypatch)()


def test_check_of_reading_on_demand_can_fail(monkeypatch):
    assert_rejects(reads_as_it_decodes(list, monkeypatch))


def from_memory(*arguments):
    data = read_part(*arguments)
    return LabelledImages(data.images, data.labels)


def shuffled(*arguments):
    data = read_part(*arguments)
    return LabelledImages(data.stored, data.labels, data.rows.flip(0))


def outcome(capsys, monkeypatch, work, read):
    """The record of a fit, without what tells of time and place, and its weights."""
    name = getattr(read, "__name__", "mapped")
    with monkeypatch.context() as patch:
        patch.setattr(array_cache, "read_part", read)
        fit(capsys, "--data.flip=true", "--data.shift=2", name=name)
    record = record_of(work, name)
    for epoch in (record["best"], *record["epochs"]):
        del epoch["seconds"]
    for key in ("config", "seconds_per_epoch"):
        del record[key]
    return record, load_checkpoint(best_checkpoint(work / name))["state_dict"]


def same_fit(read, capsys, monkeypatch, work):
    def check():
        ours, theirs = (outcome(capsys, monkeypatch, work, each) for each in (read_part, read))
        assert ours[0] == theirs[0]
        assert all(torch.equal(ours[1][name], theirs[1][name]) for name in theirs[1])

    return check


@pytest.fixture
def check_of(capsys, monkeypatch, tmp_path):
    with working_in(tmp_path / "work", monkeypatch) as work:
        yield partial(same_fit, capsys=capsys, monkeypatch=monkeypatch, work=work)


def test_a_fit_is_the_same_from_file_and_memory(check_of):
    check_of(from_memory)()


def test_check_of_the_fit_can_fail(check_of):
    assert_rejects(check_of(shuffled))


def test_a_stack_sees_the_same_batches(tmp_path):
    for seeds in ((0, 1, 2), (5, 5)):
        ours, theirs = (
            list(StackedBatches(each, batch_size=7, seeds=seeds))
            for each in (in_file(WHOLE, tmp_path), WHOLE)
        )
        for (images, labels), (expected, their_labels) in zip(ours, theirs, strict=True):
            assert images.equal(expected)
            assert labels.equal(their_labels)


IN_LITTLE_MEMORY = """
import ctypes
import resource
import sys
from pathlib import Path

import lightning_cifar.data.images
import torch
from lightning_cifar.data.array_cache import DecodedSet, cached_set
from lightning_cifar.data.array_files import stored
from lightning_cifar.data.contact_sheet import contact_sheet
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.inspection import inspected
from lightning_cifar.stack.batches import StackedBatches

folder, allowed = Path(sys.argv[1]), int(sys.argv[2])
# What is freed goes back at once: holes between small objects would count as well.
M_MMAP_THRESHOLD = -3
ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 16)
lightning_cifar.data.images.PIECE_BYTES = 1 << 20
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
limit = 1024 * int(status["VmData"].split()[0]) + allowed
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def noise(count):
    for _ in range(count):
        pixels = torch.randint(256, (500, 3, 32, 32), dtype=torch.uint8)
        yield LabelledImages(pixels, torch.arange(500) % 10)


def build():
    parts = {"train": stored(noise(30), folder), "test": stored(noise(4), folder)}
    return DecodedSet(tuple("abcdefghij"), parts)


data = CIFAR10DataModule(source="synthetic", batch_size=100)
data._image_set = cached_set(folder, build)
data.setup("fit")
data.setup("test")
loaders = data.train_dataloader(), data.val_dataloader(), data.test_dataloader()
stack = StackedBatches(data.train_images, batch_size=100, seeds=(0, 1, 2))
print([sum(labels.numel() for _, labels in loader) for loader in (*loaders, stack)])
print(sum(inspected(data.image_set()).counts["train"].values()))
contact_sheet(data.image_set().train, data.classes)
try:
    data.train_images.images
except (MemoryError, RuntimeError):
    print("they do not fit")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits this kind of memory")
def test_46_megabytes_of_images_in_20_megabytes_of_memory(tmp_path):
    code, out, error = ended("-c", IN_LITTLE_MEMORY, tmp_path, 20 << 20)
    assert code == 0, error
    assert out.splitlines() == ["[13500, 1500, 2000, 40500]", "15000", "they do not fit"]


def test_a_cache_that_is_rebuilt_leaves_its_readers_alone(tmp_path):
    def build():
        return DecodedSet(CLASSES, {"train": WHOLE, "test": random_images(10, 1)})

    before = cached_set(tmp_path, build).train
    (tmp_path / "train_labels.npy").unlink()
    assert cached_set(tmp_path, build).train.images.equal(WHOLE.images)
    assert before.images.equal(WHOLE.images)


def test_images_go_to_a_device_where_they_fit(tmp_path, monkeypatch):
    device, data = torch.device("meta"), in_file(WHOLE, tmp_path)
    for free, place in ((2 * 30 * 3072, "meta"), (2 * 30 * 3072 - 1, "cpu")):
        monkeypatch.setattr(placement, "free_bytes", lambda _, free=free: free)
        assert placed_on(data, device).device.type == place
        assert placed_on(WHOLE, device).device.type == place
    assert placed_on(data, torch.device("cpu")) is data


def test_where_the_images_are_is_said_if_they_are_large(tmp_path, monkeypatch):
    cpu, data = torch.device("cpu"), in_file(WHOLE, tmp_path)
    assert placement_said(data, cpu) == ""
    assert "read from the cache, batch by batch" in placement_said(data, torch.device("cuda:0"))
    assert "do not fit into half of the free memory of cuda:0" in placement_said(
        WHOLE, torch.device("cuda:0")
    )
    monkeypatch.setattr(placement, "LARGE", 1)
    size = "9.2e-05 GB of images"
    assert placement_said(data, cpu) == f"{size} are read from the cache, batch by batch"
    assert placement_said(WHOLE, cpu) == f"{size} are in the memory of cpu"
