"""The compiled kernels give what PyTorch gives, whatever the sizes, strides and threads."""

import ctypes

import pytest
import torch
from controls import assert_rejects
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_samples import needs_compiler

from lightning_cifar.native import library, operations, trial
from lightning_cifar.native.operations import Operation

DTYPES = (torch.float32, torch.float64)
SIZES = st.integers(1, 70)
pytestmark = needs_compiler


def run_of(dtype):
    found = library.kernels(torch.zeros(1, dtype=dtype))
    assert found is not None
    return found.run


def made(operation, threads=1, dtype=torch.float32):
    assert operation is not None
    return run_of(dtype)((Operation * 1)(operation), threads)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_kernel_passes_its_trial(dtype):
    assert trial.first_wrong(run_of(dtype), dtype) is None


@pytest.mark.parametrize("kind", operations.KINDS)
def test_control_the_trial_notices_a_kernel_that_does_nothing(kind):
    run = run_of(torch.float32)

    def without_one(wanted, threads):
        if wanted[0].kind == operations.KINDS.index(kind):
            return False
        return run(wanted, threads)

    assert trial.first_wrong(without_one, torch.float32) is not None


FACTORS = {"map": 2, "normalise": 2, "cross_entropy": 1, "nadam": 5}  # that a kernel has


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind in FACTORS for place in range(FACTORS[kind])]
)
def test_control_the_trial_notices_another_factor(kind, place):
    run = run_of(torch.float32)

    def with_another(wanted, threads):
        if wanted[0].kind == operations.KINDS.index(kind):
            wanted[0].by[place] += 0.05
        return run(wanted, threads)

    assert trial.first_wrong(with_another, torch.float32) is not None


def lying(matrix, turned):
    """The same matrix, with its rows or its columns lying one after another."""
    return matrix.mT.contiguous().mT if turned else matrix.contiguous()


def product_agrees(rows, columns, depth, batch, turned, threads, seed, damage=None):
    def check():
        draw = torch.Generator().manual_seed(seed)
        left = torch.randn(batch, rows, depth, generator=draw)
        right = torch.randn(batch, depth, columns, generator=draw)
        expected = left.double() @ right.double()
        if damage is not None:
            left[damage % batch, damage % rows, damage % depth] += 3
        outs = []
        for team in (1, threads):
            # With room beside each row, which must stay as it is.
            wide = torch.full((batch, rows, columns + 3), 7.0)
            out = wide[..., :columns]
            one, other = lying(left, turned[0]), lying(right, turned[1])
            made(operations.product(one, other, out), team)
            assert torch.allclose(out.double(), expected, rtol=0, atol=1e-5 * depth**0.5)
            assert bool((wide[..., columns:] == 7).all())
            outs.append(out)
        assert torch.equal(*outs), "the number of threads changes the result"

    return check


@settings(max_examples=150, deadline=None)
@given(
    rows=SIZES,
    columns=st.integers(1, 300),
    depth=st.one_of(SIZES, st.sampled_from([255, 256, 257, 511, 512, 600, 1025])),
    batch=st.integers(1, 3),
    turned=st.tuples(st.booleans(), st.booleans()),
    threads=st.integers(2, 4),
    seed=st.integers(0, 99),
)
def test_products_of_any_size_are_those_of_pytorch(
    rows, columns, depth, batch, turned, threads, seed
):
    product_agrees(rows, columns, depth, batch, turned, threads, seed)()


@pytest.mark.parametrize("depth", [5, 300, 700])
@pytest.mark.parametrize("turned", [(False, False), (False, True)])
def test_control_one_wrong_entry_is_noticed(depth, turned):
    assert_rejects(product_agrees(9, 40, depth, 2, turned, 2, 0, damage=31))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    last=st.sampled_from([1, 3, 64, 255, 256, 600]),
    kept=st.lists(st.booleans(), min_size=4, max_size=4),
    order=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_entries_of_any_shape_are_those_of_pytorch(shape, last, kept, order, threads, seed):
    """Operands are broadcast along dimensions, or lie in another order."""
    shape = [*shape[:2], last]
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=draw)
    small = [size if keep else 1 for size, keep in zip(shape, kept, strict=False)]
    y = torch.randn(small, generator=draw).expand(shape)
    z = lying(torch.randn(shape, generator=draw), order) if len(shape) > 1 else x
    out = torch.empty(shape)
    made(operations.entries("multiply_add", out, [x, y, z]), threads)
    assert torch.allclose(out, torch.addcmul(x, y, z), rtol=0, atol=1e-5)


def test_elu_is_exact_to_the_last_digits():
    """Of 100,000 numbers from -100 to 10, in units of the value 1."""
    values = torch.linspace(-100, 10, 100_000)
    out = values.clone()
    made(operations.entries("elu", out, [out], (1.0, 1.0)))
    expected = torch.nn.functional.elu(values.double())
    assert float((out.double() - expected).abs().max()) < 1.5 * torch.finfo(torch.float32).eps


def test_numbers_that_are_none_stay_so():
    """A network that diverges must not look as if it did not."""
    values = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30])
    made(operations.entries("elu", values, [values], (1.0, 1.0)))
    expected = torch.tensor([torch.nan, torch.inf, -1.0, 1e30, -1.0])
    assert torch.equal(values.nan_to_num(7.0), expected.nan_to_num(7.0))
    left, right, out = torch.full((3, 4), torch.nan), torch.zeros(4, 5), torch.zeros(3, 5)
    made(operations.product(left, right, out))
    assert bool(out.isnan().all())


@pytest.mark.parametrize("label", [-1, 11])
def test_a_label_outside_the_classes_is_reported(label):
    logits, labels = torch.zeros(1, 3, 11), torch.tensor([[0, label, 2]])
    losses, totals = torch.zeros(1), torch.zeros(2, 1)
    arguments = (logits, torch.zeros(1, 3, 11), labels, losses, totals, None, 1.0)
    assert made(operations.cross_entropy(*arguments))
    assert not bool(totals.any())
    labels[0, 1] = 10
    assert not made(operations.cross_entropy(*arguments))  # control


def unsuitable():
    x, out = torch.zeros(4, 6), torch.zeros(4, 6)
    other = x.double()
    return {
        "of two types": operations.entries("add", out, [x, other], (1.0,)),
        "of 16 bits": operations.entries("copy", out.bfloat16(), [x.bfloat16()]),
        "into columns": operations.product(torch.zeros(6, 6), x.T, torch.zeros(4, 6).T),
        "of vectors": operations.product(x, torch.zeros(6), torch.zeros(4)),
        "without entries": operations.entries("copy", out[:0], [x[:0]]),
        "of one image": operations.normalise(x[:1], out[:1], [None] * 2 + [x[0]] * 4, 0.1, 1e-5),
        "of short labels": operations.cross_entropy(
            *(x[None], out[None], torch.zeros(1, 4, dtype=torch.int32), x[0, :1], x[:2, :1]),
            *(None, 1.0),
        ),
        "of floats": operations.load(out, x, x[0], x[0]),
        "of a short counter": operations.count(torch.tensor(1, dtype=torch.int32)),
        "of a part": operations.nadam([x[:, :3]] * 4, (ctypes.c_double * 4)(), [0.0] * 5),
    }


@pytest.mark.parametrize("what", sorted(unsuitable()))
def test_what_a_kernel_cannot_take_is_left_to_pytorch(what):
    assert unsuitable()[what] is None


def test_a_profiler_sees_them():
    x = torch.zeros(4)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        made(operations.entries("scale", x, [x], (2.0,)))
    assert [each.count for each in profile.key_averages() if each.key == library.NAME] == [1]
