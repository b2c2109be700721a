"""Where batches begin and end, what loaders keep and give back; every message whole."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from files_in_memory import refusal
from image_examples import numbered_images
from torch import nn

from lightning_cifar.data.batches import InOrder, TensorBatches, batch_bounds
from lightning_cifar.data.blocks import Block, Blocks, in_blocks
from lightning_cifar.data.data_loader import EpochBatchSampler, stock
from lightning_cifar.data.loaders import LONG, left_as_found, parts_of, training_batches


@pytest.mark.parametrize(
    ("count", "batch_size", "world_size", "bounds"),
    [
        (12, 4, 1, [(0, 4), (4, 8), (8, 12)]),
        (13, 2, 3, [(0, 2), (6, 8)]),
        (12, 2, 2, [(0, 2), (4, 6), (8, 10)]),
        (11, 2, 2, [(0, 2), (4, 7)]),
        (3, 4, 3, [(0, 1)]),
    ],
)
def test_the_first_process_has_these_bounds(count, batch_size, world_size, bounds):
    assert batch_bounds(count, batch_size, world_size=world_size) == bounds


def test_bounds_that_cannot_be_are_named():
    assert refusal(batch_bounds, 3, 0) == "batch_size is 0; it must be 1 or more."
    assert refusal(batch_bounds, 3, 1, world_size=4) == (
        "3 images cannot be shared by 4 processes; use at most 3."
    )


def test_a_checkpoint_of_another_epoch_is_named():
    batches = TensorBatches(numbered_images(10), batch_size=4)
    batches.load_state_dict({"epoch": 0, "position": 1, "batches": 5})
    assert refusal(next, iter(batches)) == (
        "The checkpoint stands within an epoch of 5 batches, but an epoch now has 3; resume with "
        "the same batch size, data and processes."
    )


def test_batches_know_where_they_are():
    batches = TensorBatches(numbered_images(10), batch_size=4)
    assert (batches.shuffle, batches.seed, batches.rank, batches.augmentation) == (True, 0, 0, None)
    batches.set_epoch(2)
    iterator = iter(batches)
    assert batches.state_dict() == {"epoch": 2, "position": 0, "batches": 3}
    next(iterator)
    next(iterator)
    assert batches.state_dict() == {"epoch": 2, "position": 2, "batches": 3}
    batches.set_epoch(2)
    assert batches.state_dict()["position"] == 2
    batches.set_epoch(3)
    assert batches.state_dict() == {"epoch": 3, "position": 0, "batches": 3}


def test_the_sampler_says_whether_images_are_shuffled():
    shuffled = TensorBatches(numbered_images(10), batch_size=4)
    plain = TensorBatches(numbered_images(10), batch_size=4, shuffle=False)
    assert shuffled.sampler is shuffled
    assert isinstance(plain.sampler, InOrder)
    assert list(plain.sampler) == list(range(10))
    plain.sampler.set_epoch(4)
    assert plain.epoch == 4
    sampler = EpochBatchSampler(plain)
    assert (sampler.sampler, sampler.epoch, sampler.number, len(sampler)) == (sampler, 0, -1, 3)
    assert list(sampler) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert sampler.number == 2


def test_stock_loaders_of_several_processes_are_refused_whole():
    batches = TensorBatches(numbered_images(10), batch_size=4)
    assert refusal(stock, batches, 2) == (
        "loader is stock and there are 2 processes, which it cannot serve without showing images "
        "twice; use --data.loader=memory."
    )
    assert len(stock(batches, 1)) == len(stock(batches)) == 3


def test_blocks_hold_batches_at_once():
    batches = TensorBatches(numbered_images(10), batch_size=2, shuffle=False)
    assert in_blocks(batches, 1) is batches
    blocks = in_blocks(batches, 2)
    assert isinstance(blocks, Blocks)
    assert len(blocks) == 3
    found = [[labels.tolist() for _, labels in block] for block in blocks]
    assert found == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9]]]
    assert isinstance(blocks.sampler, InOrder)
    block = next(iter(blocks))
    assert block.to(torch.device("cpu")) is block
    moved = block.to(torch.device("meta"), non_blocking=True)
    assert isinstance(moved, Block)
    assert [(x.device.type, y.device.type) for x, y in moved] == [("meta", "meta")] * 2


# Loaders of others.


def nested(value, depth):
    for _ in range(depth):
        value = (value,)
    return value


def test_a_loader_is_left_as_it_was_found():
    loader = SimpleNamespace(
        torch=torch.Generator(),
        python=random.Random(1),
        numpy=np.random.default_rng(1),
        old=np.random.RandomState(1),
        some=[1, [2]],
        names={"a": [3]},
        number=4,
        layer=nn.Linear(1, 1),
    )

    def draw():
        return (
            torch.rand(1, generator=loader.torch).item(),
            loader.python.random(),
            loader.numpy.random(),
            loader.old.random(),
        )

    drawn = []

    def use():
        with left_as_found(loader):
            drawn.append(draw())
            loader.some.append(5)
            loader.some[1].append(5)
            loader.names["b"] = 5
            loader.names["a"].clear()
            loader.number = 5
            loader.more = 5
            loader.layer.more = 5
            raise KeyError

    with pytest.raises(KeyError):
        use()
    assert draw() == drawn[0]
    assert (loader.some, loader.names, loader.number) == ([1, [2]], {"a": [3]}, 4)
    assert not hasattr(loader, "more")
    assert loader.layer.more == 5


@pytest.mark.parametrize(("depth", "left"), [(12, []), (13, [1])])
def test_what_lies_too_deep_is_not_looked_at(depth, left):
    inmost = []
    with left_as_found(nested(inmost, depth)):
        inmost.append(1)
    assert inmost == left


def test_parts_are_attributes_and_what_is_held():
    assert parts_of({"a": 1}) == [1]
    assert parts_of((1, [2])) == [1, [2]]
    assert parts_of(SimpleNamespace(a=1)) == [{"a": 1}]
    assert parts_of("text") == []
    assert parts_of(list(range(LONG))) == list(range(LONG))
    assert parts_of(list(range(LONG + 1))) == []


def test_a_fit_without_batches_is_refused():
    def trainer(source):
        return SimpleNamespace(fit_loop=SimpleNamespace(_data_source=source))

    nothing = SimpleNamespace(instance=None)
    assert refusal(training_batches, trainer(nothing)) == (
        "a fit needs training batches: give it a data module or a loader"
    )
    given = SimpleNamespace(instance=1, dataloader=lambda: "batches")
    assert training_batches(trainer(given)) == "batches"
