import itertools
from dataclasses import replace

import pytest
import torch
from image_examples import random_images, write_folder
from small_modules import ready, small_modules
from torch.utils.data import DataLoader

from lightning_cifar import networks
from lightning_cifar.data import images
from lightning_cifar.data.batches import TensorBatches
from lightning_cifar.data.cifar_layouts import CIFAR10
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.sources import cache_folder
from lightning_cifar.data.statistics import measure
from lightning_cifar.errors import InputError


@pytest.fixture
def small(monkeypatch, tmp_path):
    return small_modules(monkeypatch, tmp_path / "cache")


def test_one_image_in_ten_validates_by_default(small):
    datamodule = ready(small())
    assert (len(datamodule.train_images), len(datamodule.validation_images)) == (180, 20)
    assert datamodule.validation_images.labels.bincount().tolist() == [2] * 10


def test_first_images_validate_if_asked_for(small):
    datamodule = ready(small(validation="first", validation_size=60))
    everything = datamodule.image_set().train
    assert datamodule.validation_images.images.equal(everything.images[:60])
    assert datamodule.train_images.images.equal(everything.images[60:])


def test_the_seed_of_the_run_decides_the_order_of_its_batches(small):
    def order(**options):
        return torch.cat([labels for _, labels in ready(small(**options)).train_dataloader()])

    assert order(seed=1).equal(order(seed=1))
    assert not order(seed=1).equal(order(seed=2))
    assert not order(seed=0).equal(order(seed=1))


def test_split_does_not_depend_on_the_seed_of_the_run(small):
    labels = [ready(small(seed=seed)).validation_images.images for seed in (0, 1)]
    assert labels[0].equal(labels[1])
    assert not ready(small(split_seed=1)).validation_images.images.equal(labels[0])


def ignores_validation_pixels(statistics_of):
    """Changing a validation pixel changes nothing; changing a training pixel does."""
    train, validation = random_images(50, seed=0), random_images(20, seed=1)
    before = statistics_of(train, validation)
    validation.images[3, 1, 5, 7] ^= 255
    assert torch.equal(statistics_of(train, validation), before)
    train.images[3, 1, 5, 7] ^= 255
    assert not torch.equal(statistics_of(train, validation), before)


def through_the_data_module(train, validation):
    """The mean that a data module takes when its source gives these two parts."""
    datamodule = CIFAR10DataModule(source="synthetic", validation="first", validation_size=20)
    everything = LabelledImages(
        torch.cat([validation.images, train.images]), torch.cat([validation.labels, train.labels])
    )
    datamodule._image_set = images.ImageSet(tuple("abcdefghij"), "", lambda part: everything)
    datamodule.setup("fit")
    return datamodule.standardisation.mean


def of_everything(train, validation):
    return measure(torch.cat([train.images, validation.images]), "per_pixel").mean


def test_statistics_are_of_the_training_part_only():
    ignores_validation_pixels(through_the_data_module)


def test_check_of_the_statistics_can_fail():
    with pytest.raises(AssertionError):
        ignores_validation_pixels(of_everything)


def parts_read(datamodule, stage):
    read = []
    whole = datamodule.image_set()

    def recorded(part):
        read.append(part)
        return whole.read(part)

    datamodule._image_set = replace(whole, read=recorded)
    datamodule.setup(stage)
    return read


@pytest.mark.parametrize(
    ("stage", "parts"),
    [("fit", ["train"]), ("validate", ["train"]), ("predict", ["train"]), ("test", ["test"])],
)
def test_test_images_are_read_by_test_alone(small, stage, parts):
    assert parts_read(small(), stage) == parts


def test_fit_works_without_readable_test_images(small, tmp_path):
    ready(small())
    for file in (tmp_path / "cache").rglob("test_*.npy"):
        file.unlink()
    datamodule = ready(small())
    assert len(datamodule.train_images) == 180
    assert not list((tmp_path / "cache").rglob("test_*.npy"))


def test_each_part_serves_its_loader(small):
    datamodule = ready(ready(small()), "test")
    parts = (
        (datamodule.train_dataloader(), datamodule.train_images),
        (datamodule.val_dataloader(), datamodule.validation_images),
        (datamodule.predict_dataloader(), datamodule.validation_images),
        (datamodule.test_dataloader(), datamodule.image_set().test),
    )
    for loader, data in parts:
        assert isinstance(loader, TensorBatches)
        pixels, labels = (torch.cat(pieces) for pieces in zip(*loader, strict=True))
        assert pixels.dtype == torch.uint8
        assert pixels.sum(dtype=torch.int64) == data.images.sum(dtype=torch.int64)
        assert labels.bincount().equal(data.labels.bincount())


def test_loaders_agree(small):
    memory, stock = (ready(small(loader=kind, flip=True, shift=2)) for kind in ("memory", "stock"))
    assert isinstance(stock.train_dataloader(), DataLoader)
    for name in ("train_dataloader", "val_dataloader"):
        batches = zip(getattr(memory, name)(), getattr(stock, name)(), strict=True)
        for (pixels, labels), (stock_pixels, stock_labels) in batches:
            assert pixels.equal(stock_pixels)
            assert labels.equal(stock_labels)


def test_only_training_images_are_augmented(small):
    plain, augmented = (ready(small(**options)) for options in ({}, {"flip": True, "shift": 4}))

    def first(loader):
        return next(iter(loader))[0]

    assert first(plain.val_dataloader()).equal(first(augmented.val_dataloader()))
    assert not first(plain.train_dataloader()).equal(first(augmented.train_dataloader()))


def test_stock_loader_is_refused_for_several_processes(small):
    datamodule = ready(small(loader="stock"))

    class Several:
        world_size, global_rank, overfit_batches = 2, 0, 0.0

    datamodule.trainer = Several()
    with pytest.raises(InputError, match=r"loader is stock and there are 2 processes.*=memory"):
        datamodule.train_dataloader()


def test_processes_share_the_training_images(small):
    shares = []
    for rank in range(3):
        datamodule = ready(small())
        datamodule.loader = "memory"

        class Several:
            world_size, global_rank, overfit_batches = 3, rank, 0.0

            class strategy:
                root_device = torch.device("cpu")

        datamodule.trainer = Several()
        shares.append([int(x.sum(dtype=torch.int64)) for x, _ in datamodule.train_dataloader()])
    total = int(datamodule.train_images.images.sum(dtype=torch.int64))
    assert sum(itertools.chain(*shares)) == total
    assert len({len(share) for share in shares}) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"source": "imagenet"}, "source is 'imagenet'; choose one of official, cifar100, folder"),
        ({"validation": "last"}, "validation is 'last'; choose one of stratified, first, folder"),
        (
            {"standardise": "yes"},
            "standardise is 'yes'; choose one of per_pixel, per_channel, none",
        ),
        ({"loader": "fast"}, "loader is 'fast'; choose one of memory, stock"),
        ({"batch_size": 0}, "batch_size is 0; it must be 1 or more"),
        ({"validation_size": 0}, "validation_size is 0; it must be 1 or more"),
        ({"validation_size": -5}, "validation_size is -5; it must be 1 or more"),
        ({"split_seed": -1}, "split_seed is -1; it must be 0 or more"),
        ({"seed": -1}, "seed is -1; it must be 0 or more"),
        ({"shift": -1}, "shift is -1; it must be between 0 and 31 pixels"),
        ({"shift": 32}, "shift is 32; it must be between 0 and 31 pixels"),
        ({"source": "folder"}, "source is folder and path is None"),
        ({"path": "images"}, "source is synthetic and path is 'images'"),
        ({"path": ""}, "source is synthetic and path is ''"),
        ({"source": "folder", "path": ""}, "path is '', which names no folder"),
        ({"source": "folder", "path": " \t"}, r"path is ' \\t', which names no folder"),
        ({"cache": ""}, "cache is '', which names no folder"),
        ({"cache": "~nobody_of_this_name/x"}, "there is no home folder of that name"),
        ({"validation": "folder"}, "validation is folder and source is synthetic"),
        ({"validation": "first", "split_seed": 3}, "split_seed is 3, but with validation=first"),
    ],
)
def test_arguments_out_of_range(small, options, reason):
    with pytest.raises(InputError, match=reason):
        small(**options)


def test_validation_size_beyond_the_set(small):
    datamodule = small(validation_size=200)
    datamodule.prepare_data()
    with pytest.raises(InputError, match=r"validation_size is 200.* between 1 and 199"):
        datamodule.setup("fit")


def test_folder_is_a_source(tmp_path):
    write_folder(tmp_path / "images", train=4)
    datamodule = CIFAR10DataModule(
        source="folder", path=str(tmp_path / "images"), cache=str(tmp_path), validation_size=10
    )
    ready(datamodule)
    assert (len(datamodule.train_images), len(datamodule.validation_images)) == (30, 10)
    assert datamodule.classes == tuple("abcdefghij")


def test_sorted_files_need_a_stratified_split(tmp_path):
    write_folder(tmp_path / "images", train=4)
    datamodule = CIFAR10DataModule(
        source="folder", path=str(tmp_path / "images"), cache=str(tmp_path), validation="first"
    )
    with pytest.raises(InputError, match="The validation part of 4 images holds 1 of 10 classes"):
        ready(datamodule)


def test_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    datamodule = CIFAR10DataModule(source="synthetic", cache=str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be kept in .*file .*--data.cache"):
        datamodule.prepare_data()


def test_place_of_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder(None) == tmp_path / ".cache/lightning-cifar"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder(None) == tmp_path / "xdg/lightning-cifar"
    assert cache_folder("~/mine") == tmp_path / "mine"


def test_settings_tell_runs_apart(small):
    plain = small().settings
    assert small(batch_size=64).settings != plain
    assert small(flip=True).settings != plain
    assert small(seed=1).settings == plain


def test_images_are_asked_for_after_setup(small):
    with pytest.raises(RuntimeError, match="call setup first"):
        _ = small().train_images


def test_networks_take_what_the_data_gives():
    assert networks.IMAGE_SHAPE == images.IMAGE_SHAPE
    assert len(CIFAR10.class_names) == networks.CLASSES
