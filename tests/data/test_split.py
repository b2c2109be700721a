import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st

from lightning_cifar.data.split import quotas, split, stratified_split
from lightning_cifar.errors import InputError


@st.composite
def splits(draw):
    """Labels of up to ten classes of uneven size, a validation size and a seed."""
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=10).filter(lambda s: sum(s) > 1))
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    seed = draw(st.integers(0, 2**32 - 1))
    shuffled = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]
    return shuffled, draw(st.integers(1, len(labels) - 1)), seed


def every_index_is_on_one_side(implementation):
    @given(splits())
    def check(case):
        labels, size, seed = case
        train, validation = implementation(labels, validation_size=size, seed=seed)
        assert len(validation) == size
        assert torch.cat([train, validation]).sort().values.equal(torch.arange(len(labels)))

    return check


def every_class_has_its_share(implementation):
    @given(splits())
    def check(case):
        labels, size, seed = case
        _, validation = implementation(labels, validation_size=size, seed=seed)
        for label in labels.unique():
            share = int((labels == label).sum()) * size / len(labels)
            assert abs(int((labels[validation] == label).sum()) - share) < 1

    return check


def overlapping(labels, *, validation_size, seed):
    train, validation = stratified_split(labels, validation_size=validation_size, seed=seed)
    return torch.cat([validation[:1], train[1:]]), validation


def not_exhaustive(labels, *, validation_size, seed):
    train, validation = stratified_split(labels, validation_size=validation_size, seed=seed)
    return train[1:], validation


def purely_random(labels, *, validation_size, seed):
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return order[validation_size:], order[:validation_size]


def test_split_is_disjoint_and_exhaustive():
    every_index_is_on_one_side(stratified_split)()


@pytest.mark.parametrize("mutant", [overlapping, not_exhaustive])
def test_check_of_disjointness_can_fail(mutant):
    assert_rejects(every_index_is_on_one_side(mutant))


def test_split_is_stratified():
    every_class_has_its_share(stratified_split)()


def test_check_of_stratification_can_fail():
    assert_rejects(every_class_has_its_share(purely_random))


def depends_on_the_seed_alone(implementation):
    labels = torch.arange(1000) % 10
    validation = [implementation(labels, validation_size=100, seed=s)[1] for s in (0, 0, 1)]
    assert validation[0].equal(validation[1])
    assert not validation[0].equal(validation[2])


def test_split_is_a_function_of_the_seed():
    depends_on_the_seed_alone(stratified_split)


def test_split_does_not_touch_the_global_generator():
    before = torch.get_rng_state()
    stratified_split(torch.arange(100) % 10, validation_size=10, seed=0)
    assert torch.get_rng_state().equal(before)


def ignores_the_seed(labels, *, validation_size, seed):
    return stratified_split(labels, validation_size=validation_size, seed=0)


def draws_globally(labels, *, validation_size, seed):
    with torch.random.fork_rng(devices=[]):
        order = torch.randperm(len(labels))
    torch.rand(1)
    return order[validation_size:], order[:validation_size]


@pytest.mark.parametrize("mutant", [ignores_the_seed, draws_globally])
def test_check_of_the_seed_can_fail(mutant):
    with pytest.raises(AssertionError):
        depends_on_the_seed_alone(mutant)


def test_published_sizes():
    train, validation = stratified_split(torch.arange(50_000) % 10, validation_size=5_000, seed=0)
    assert (len(train), len(validation)) == (45_000, 5_000)
    assert (validation % 10).bincount().tolist() == [500] * 10


def test_first_split_takes_the_first():
    train, validation = split(torch.zeros(10), "first", validation_size=3, seed=0)
    assert validation.tolist() == [0, 1, 2]
    assert train.tolist() == [3, 4, 5, 6, 7, 8, 9]


def test_largest_remainders_are_rounded_up():
    # 10 x (7, 11, 12) / 30 = 2.33, 3.67, 4: the one missing goes to the second.
    assert quotas(torch.tensor([7, 11, 12]), 10) == [2, 4, 4]


@pytest.mark.parametrize("size", [-1, 0, 100, 101])
@pytest.mark.parametrize("validation", ["stratified", "first"])
def test_validation_size_out_of_range(size, validation):
    with pytest.raises(InputError, match=f"validation_size is {size}.* between 1 and 99"):
        split(torch.arange(100) % 10, validation, validation_size=size, seed=0)


def test_sorted_files_cannot_be_split_in_file_order():
    labels = torch.arange(10).repeat_interleave(10)
    with pytest.raises(InputError, match=r"10 images holds 1 of 10 classes; use .*stratified"):
        split(labels, "first", validation_size=10, seed=0)
