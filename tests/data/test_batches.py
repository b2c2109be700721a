import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from image_examples import numbered_images, random_images

from lightning_cifar.data.augmentation import Augmentation
from lightning_cifar.data.batches import TensorBatches, batch_bounds, epoch_order
from lightning_cifar.data.data_loader import stock
from lightning_cifar.errors import InputError

seeds = st.integers(0, 2**32 - 1)


def order_is_a_permutation(implementation):
    @given(st.integers(1, 200), seeds, st.integers(0, 1000))
    def check(count, seed, epoch):
        assert implementation(count, seed, epoch).sort().values.equal(torch.arange(count))

    return check


def order_is_a_function_of_seed_and_epoch(implementation):
    @given(seeds, st.integers(0, 1000))
    def check(seed, epoch):
        # Of 100 indices: two orders agree by chance with probability 1/100!.
        order = implementation(100, seed, epoch)
        assert implementation(100, seed, epoch).equal(order)
        assert not implementation(100, seed, epoch + 1).equal(order)
        assert not implementation(100, seed + 1, epoch).equal(order)
        # Adding seed and epoch up would pass everything above.
        assert not implementation(100, seed + 1, epoch).equal(implementation(100, seed, epoch + 1))

    return check


def drawn(count, seed):
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def with_replacement(count, seed, epoch):
    return torch.randint(count, (count,), generator=torch.Generator().manual_seed(seed + epoch))


def test_order_is_a_permutation():
    order_is_a_permutation(epoch_order)()


def test_check_of_permutation_can_fail():
    assert_rejects(order_is_a_permutation(with_replacement))


def test_order_is_a_function_of_seed_and_epoch():
    order_is_a_function_of_seed_and_epoch(epoch_order)()


@pytest.mark.parametrize(
    "mutant",
    [
        lambda count, seed, epoch: torch.arange(count),
        lambda count, seed, epoch: drawn(count, seed),
        lambda count, seed, epoch: drawn(count, epoch),
        lambda count, seed, epoch: drawn(count, seed + epoch),
        lambda count, seed, epoch: torch.randperm(count),
    ],
    ids=["unshuffled", "no epoch", "no seed", "sum", "global generator"],
)
def test_check_of_the_order_can_fail(mutant):
    assert_rejects(order_is_a_function_of_seed_and_epoch(mutant))


def sharding_is_fair(implementation):
    """Every index once over all processes, equal numbers of batches, equal work in each step."""

    @given(st.integers(1, 9), st.integers(1, 40), st.data())
    def check(world_size, batch_size, data):
        count = data.draw(st.integers(2 * world_size, 300))
        shards = [
            implementation(count, batch_size, rank=rank, world_size=world_size)
            for rank in range(world_size)
        ]
        seen = [index for shard in shards for start, end in shard for index in range(start, end)]
        assert sorted(seen) == list(range(count))
        assert len({len(shard) for shard in shards}) == 1
        for step in zip(*shards, strict=True):
            sizes = [end - start for start, end in step]
            assert max(sizes) - min(sizes) <= 1
            assert min(sizes) >= min(2, batch_size)
            assert max(sizes) <= batch_size + 2

    return check


def padding(count, batch_size, *, rank, world_size):
    """As PyTorch's DistributedSampler does: some indices appear twice."""
    share = -(-count // world_size)
    start = min(rank * share, count - share)
    return [
        (i, min(i + batch_size, start + share)) for i in range(start, start + share, batch_size)
    ]


def blocks(count, batch_size, *, rank, world_size):
    """Without padding, but some processes have more batches than others."""
    start, end = rank * count // world_size, (rank + 1) * count // world_size
    return [(i, min(i + batch_size, end)) for i in range(start, end, batch_size)]


def dropping(count, batch_size, *, rank, world_size):
    return batch_bounds(count, batch_size, rank=rank, world_size=world_size)[:-1]


def test_sharding_is_fair():
    sharding_is_fair(batch_bounds)()


@pytest.mark.parametrize("mutant", [padding, blocks, dropping])
def test_check_of_sharding_can_fail(mutant):
    assert_rejects(sharding_is_fair(mutant))


def test_one_process_has_full_batches_and_a_rest():
    assert batch_bounds(10, 4) == [(0, 4), (4, 8), (8, 10)]


def test_a_rest_of_one_image_joins_the_batch_before():
    assert batch_bounds(9, 4) == [(0, 4), (4, 9)]


def test_more_processes_than_images():
    with pytest.raises(InputError, match="3 images cannot be shared by 4 processes"):
        batch_bounds(3, 1, rank=0, world_size=4)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_out_of_range(batch_size):
    with pytest.raises(InputError, match=f"batch_size is {batch_size}; it must be 1 or more"):
        batch_bounds(10, batch_size)


def labels_of(batches):
    return [labels.tolist() for _, labels in batches]


def all_labels(batches):
    return torch.cat([labels for _, labels in batches]).tolist()


def test_batches_hold_the_images_of_their_labels():
    data = numbered_images(50)
    for images, labels in TensorBatches(data, batch_size=8):
        assert images.equal(data.images[labels])


def test_shuffled_batches_follow_the_epochs_order():
    batches = TensorBatches(numbered_images(50), batch_size=8, seed=3)
    batches.set_epoch(5)
    assert all_labels(batches) == epoch_order(50, 3, 5).tolist()


def test_unshuffled_batches_follow_the_data():
    batches = TensorBatches(numbered_images(50), batch_size=8, shuffle=False)
    assert all_labels(batches) == list(range(50))
    assert len(batches) == len(labels_of(batches)) == 7


def test_epoch_may_be_set_after_the_iterator_is_made():
    batches = TensorBatches(numbered_images(50), batch_size=8)
    iterator = iter(batches)
    batches.sampler.set_epoch(2)
    assert next(iterator)[1].tolist() == epoch_order(50, 0, 2)[:8].tolist()


def resume_is_exact(make):
    """Stopped after any batch and loaded into a fresh loader, the epoch goes on where it was."""

    @given(st.integers(0, 7), st.integers(0, 3), seeds)
    def check(position, epoch, seed):
        whole, stopped, resumed = (make(seed) for _ in range(3))
        for each in (whole, stopped):
            each.set_epoch(epoch)
        expected = list(whole)
        iterator = iter(stopped)
        for _ in range(position):
            next(iterator)
        resumed.load_state_dict(stopped.state_dict())
        rest = iter(resumed)
        resumed.set_epoch(epoch)
        rest = list(rest)
        assert len(rest) == len(expected) - position
        for (images, labels), (wanted, wanted_labels) in zip(
            rest, expected[position:], strict=True
        ):
            assert labels.equal(wanted_labels)
            assert images.equal(wanted)
        resumed.set_epoch(epoch + 1)
        whole.set_epoch(epoch + 1)
        assert labels_of(resumed) == labels_of(whole)

    return check


def augmented_batches(seed):
    augmentation = Augmentation(flip=True, shift=4)
    return TensorBatches(numbered_images(50), batch_size=7, seed=seed, augmentation=augmentation)


class Forgetful:
    """Loses the position, as a loader without state does."""

    def __init__(self, seed):
        self.batches = augmented_batches(seed)

    def __iter__(self):
        return iter(self.batches)

    def set_epoch(self, epoch):
        self.batches.set_epoch(epoch)

    def state_dict(self):
        return self.batches.state_dict()

    def load_state_dict(self, state_dict):
        self.batches.load_state_dict({**state_dict, "position": 0})


def test_resume_is_exact():
    resume_is_exact(augmented_batches)()


def test_check_of_resume_can_fail():
    assert_rejects(resume_is_exact(Forgetful))


def test_position_is_for_one_iteration():
    batches = TensorBatches(numbered_images(50), batch_size=8)
    batches.load_state_dict({"epoch": 0, "position": 5, "batches": 7})
    assert len(labels_of(batches)) == 2
    assert len(labels_of(batches)) == 7


def test_resume_within_an_epoch_of_another_length_is_refused():
    batches = TensorBatches(numbered_images(50), batch_size=8)
    batches.load_state_dict({"epoch": 0, "position": 5, "batches": 13})
    with pytest.raises(InputError, match="an epoch of 13 batches, but an epoch now has 7"):
        next(iter(batches))


def test_resume_at_a_new_epoch_allows_another_batch_size():
    batches = TensorBatches(numbered_images(50), batch_size=8)
    batches.load_state_dict({"epoch": 0, "position": 13, "batches": 13})
    batches.set_epoch(1)
    assert len(labels_of(batches)) == 7


def loaders_agree(first, second):
    for epoch in (0, 3):
        first.sampler.set_epoch(epoch)
        second.batch_sampler.sampler.set_epoch(epoch)
        pairs = list(zip(first, second, strict=True))
        assert len(pairs) == len(first) == len(second)
        for (images, labels), (stock_images, stock_labels) in pairs:
            assert labels.equal(stock_labels)
            assert images.equal(stock_images)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("augmentation", [None, Augmentation(flip=True, shift=2)])
def test_stock_loader_gives_the_same_batches(shuffle, augmentation):
    def make():
        return TensorBatches(
            random_images(50), batch_size=8, shuffle=shuffle, augmentation=augmentation
        )

    loaders_agree(make(), stock(make()))


def test_check_of_the_stock_loader_can_fail():
    data = random_images(50)
    other = TensorBatches(data, batch_size=8, seed=1)
    with pytest.raises(AssertionError):
        loaders_agree(TensorBatches(data, batch_size=8, seed=0), stock(other))
