"""A data module's defaults, what it tells of itself, and the loaders that it gives a trainer."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from files_in_memory import refusal, said_of
from image_examples import CLASSES, random_images
from small_runs import lopsided_data, small_data
from torch.utils.data import DataLoader

from lightning_cifar.data import datamodule as module
from lightning_cifar.data.augmentation import Augmentation
from lightning_cifar.data.batches import InOrder, TensorBatches
from lightning_cifar.data.blocks import Blocks
from lightning_cifar.data.datamodule import CIFAR10DataModule, ready
from lightning_cifar.data.images import ImageSet
from lightning_cifar.data.reading import About, Reading


def test_defaults_are_those_of_the_exercise(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    made = CIFAR10DataModule()
    assert (made.source, made.path, made.cache) == (
        "official",
        None,
        Path("/cache/lightning-cifar"),
    )
    assert made.reading == Reading(32, "fine", False)
    assert (made.batch_size, made.loader, made.seed, made.augmentation) == (128, "memory", 0, None)
    assert (made.validation, made.validation_size, made.split_seed) == (None, None, 0)
    assert made.standardise == "per_pixel"
    assert (made.image_size, made.copies) == (32, {})
    assert CIFAR10DataModule(path="x").source == "folder"


@pytest.mark.parametrize(
    ("options", "augmentation"),
    [
        ({"flip": True}, Augmentation(True, 0)),
        ({"shift": 3}, Augmentation(False, 3)),
        ({"flip": True, "shift": 3}, Augmentation(True, 3)),
    ],
)
def test_augmentation_is_what_is_asked_for(options, augmentation):
    made = CIFAR10DataModule(**options)
    assert made.augmentation == augmentation
    wanted = (augmentation.flip, augmentation.shift)
    assert (small_data(**options).settings["flip"], made.augmentation.shift) == wanted


def test_settings_are_what_decides_the_batches():
    assert small_data().settings == {
        "batch_size": 16,
        "validation": "stratified",
        "validation_size": 10,
        "split_seed": 0,
        "standardise": "per_pixel",
        "flip": False,
        "shift": 0,
    }
    other = {
        "batch_size": 8,
        "validation": "stratified",
        "validation_size": 20,
        "split_seed": 3,
        "standardise": "none",
        "flip": True,
        "shift": 2,
    }
    assert small_data(**other).settings == other


def with_set(images, **options):
    made = CIFAR10DataModule(source="synthetic", **options)
    made._image_set = images
    return made


def test_what_was_found_is_plain():
    parts = {"train": random_images(4), "test": random_images(4, 1)}
    about = About("a form", True, ("one", "two"), ("left out",), {"8x9": 2})
    made = with_set(ImageSet(("a", "b"), "hash", parts.__getitem__, about=about))
    assert made.found == {
        "classes": 2,
        "image_size": 32,
        "form": "a form",
        "verified": True,
        "notes": ["one", "two"],
        "skipped": ["left out"],
    }
    assert (made.fingerprint, made.classes, made.class_count) == ("hash", ("a", "b"), 2)


def test_a_network_for_other_images_is_refused():
    made = with_set(ImageSet(("a", "b"), "", None))
    assert said_of(made.check_network, 2, 32) == ""
    for classes, size in ((3, 32), (2, 16)):
        assert refusal(made.check_network, classes, size) == (
            f"the network tells {classes} classes of {size}x{size} pixels apart, the images are 2 "
            "classes of 32x32; give the classifier classes=2 and image_size=32"
        )


@pytest.mark.parametrize(
    "name", ["standardisation", "train_images", "validation_images", "test_images"]
)
def test_nothing_is_there_before_setup(name):
    with pytest.raises(RuntimeError) as caught:
        getattr(small_data(), name)
    assert str(caught.value) == "the images are not loaded yet: call setup first"
    assert ready(0) == 0


def test_each_stage_is_judged_by_its_own_images():
    made = lopsided_data()
    made.setup("fit")
    made.setup("test")
    assert made.has_equal_classes("test")
    assert not made.has_equal_classes("fit")


def test_the_images_of_a_source_are_loaded_once_as_they_are_asked_for(monkeypatch):
    asked = []
    images = ImageSet(CLASSES, "", None)

    def load(*given):
        asked.append(given)
        return images

    monkeypatch.setattr(module, "load_images", load)
    made = CIFAR10DataModule(
        path="x", cache="y", image_size=16, labels="coarse", skip_unreadable=True
    )
    assert made.image_set() is made.image_set() is images
    assert asked == [("folder", "x", Path("y"), Reading(16, "coarse", True))]


def test_copies_are_counted_for_each_stage():
    made = small_data(train=40)
    made.setup("test")
    assert made.copies == {"test in training or validation": 0}
    made.setup("fit")
    assert made.copies == {"test in training or validation": 0, "validation in training": 0}
    made.copies["more"] = 1
    assert len(made.copies) == 2


def trainer(**options):
    defaults = {
        "world_size": 1,
        "global_rank": 0,
        "overfit_batches": 0.0,
        "lightning_module": None,
        "strategy": SimpleNamespace(root_device=torch.device("cpu")),
    }
    return SimpleNamespace(**{**defaults, **options})


def made_ready(**options):
    made = small_data(**options)
    made.setup("fit")
    made.setup("test")
    return made


def test_training_batches_are_shuffled_and_those_that_judge_are_large():
    made = made_ready(flip=True, seed=5)
    train, *others = (
        made.train_dataloader(),
        made.val_dataloader(),
        made.test_dataloader(),
        made.predict_dataloader(),
    )
    assert (train.shuffle, train.seed, train.augmentation) == (True, 5, Augmentation(True, 0))
    assert train.bounds[0] == (0, 16)
    for each in others:
        assert (each.shuffle, each.augmentation) == (False, None)
        assert isinstance(each.sampler, InOrder)
    large = TensorBatches(random_images(2500), batch_size=module.EVALUATION_BATCH, shuffle=False)
    assert large.bounds == [(0, 1000), (1000, 2000), (2000, 2500)]
    assert [each.data for each in others] == [
        made.validation_images,
        made.test_images,
        made.validation_images,
    ]


def test_a_trainer_says_which_share_a_process_takes():
    made = made_ready()
    made.trainer = trainer(world_size=2, global_rank=1)
    batches = made.train_dataloader()
    assert batches.rank == 1
    assert batches.bounds == [(16, 32), (43, 54)]


@pytest.mark.parametrize(("overfits", "shuffled"), [(0.0, True), (0.1, False), (1, False)])
def test_who_overfits_wants_the_same_batches(overfits, shuffled):
    made = made_ready()
    made.trainer = trainer(overfit_batches=overfits)
    assert made.train_dataloader().shuffle is shuffled


def test_a_module_may_take_several_batches_at_once():
    made = made_ready()
    made.trainer = trainer(lightning_module=SimpleNamespace(steps_at_once=3))
    blocks = made.train_dataloader()
    assert isinstance(blocks, Blocks)
    assert blocks.size == 3
    assert isinstance(made.val_dataloader(), TensorBatches)
    made.trainer = trainer(lightning_module=SimpleNamespace())
    assert isinstance(made.train_dataloader(), TensorBatches)
    stock = made_ready(loader="stock")
    stock.trainer = trainer(lightning_module=SimpleNamespace(steps_at_once=3))
    assert isinstance(stock.train_dataloader(), DataLoader)


def test_images_are_placed_on_the_device_and_it_is_said_once(monkeypatch, capsys):
    made = made_ready()
    made.trainer = trainer(strategy=SimpleNamespace(root_device=torch.device("meta")))
    monkeypatch.setattr(module, "placement_said", lambda data, device: f"on {data.device}")
    capsys.readouterr()
    for _ in range(2):
        assert made.train_dataloader().data.device.type == "meta"
        made.val_dataloader()
    made.test_dataloader()
    assert capsys.readouterr().err == "on meta\n"
    assert {made.train_images.device, made.validation_images.device, made.test_images.device} == {
        torch.device("meta")
    }
