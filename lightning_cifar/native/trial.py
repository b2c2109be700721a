"""A trial of freshly loaded kernels: each must give what PyTorch gives.

A compiler may be broken, or told by the environment to compute carelessly; a network trained by
wrong kernels would look as if it did not learn.
"""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from lightning_cifar.native import operations as make
from lightning_cifar.native.operations import Operation

Run = Callable[["ctypes.Array[Operation]", int], bool]
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}  # of numbers around 1
THREADS = 2


@dataclass(frozen=True)
class Case:
    """An operation, where its results appear, and what they must be.

    kept: what the operation points to besides.
    """

    operation: Operation | None
    results: list[Tensor]
    expected: list[Tensor]
    kept: list[object] = field(default_factory=list)


def first_wrong(run: Run, dtype: torch.dtype) -> str | None:
    """The first kind of operation with a wrong result; None if all are right."""
    draw = torch.Generator().manual_seed(0)
    # Of a process that was forked, PyTorch's threads are gone: who uses it there gives it one.
    threads = min(THREADS, torch.get_num_threads())
    for trial in TRIALS:
        for case in trial(draw, dtype):
            if case.operation is None:
                return trial.__name__
            run((Operation * 1)(case.operation), threads)
            for got, wanted in zip(case.results, case.expected, strict=True):
                if not near(got.double(), wanted.double(), TOLERANCE[dtype]):
                    return trial.__name__
    return None


def near(got: Tensor, wanted: Tensor, tolerance: float) -> bool:
    """Whether all entries are, or are NaN in both."""
    return torch.allclose(got, wanted, rtol=0.0, atol=tolerance, equal_nan=True)


def normal(draw: torch.Generator, dtype: torch.dtype, *shape: int) -> Tensor:
    """Draws of a normal distribution."""
    return torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype)


def products(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """By panels and by inner products, of matrices that lie along their rows or columns."""
    for depth in (37, 300, 700):
        left, right = normal(draw, dtype, 2, 29, depth), normal(draw, dtype, 2, depth, 41)
        left /= depth**0.5
        for one in (left, left.mT.contiguous().mT):
            for other in (right, right.mT.contiguous().mT):
                out = torch.empty(2, 29, 41, dtype=dtype)
                expected = left.double() @ right.double()
                yield Case(make.product(one, other, out), [out], [expected], [one, other])


def entries(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """Every function, of operands that are broadcast and of others; NaN stays."""
    x, z = normal(draw, dtype, 3, 5, 83), normal(draw, dtype, 5, 83).expand(3, 5, 83)
    y = normal(draw, dtype, 3, 1, 83).expand(3, 5, 83)
    column = normal(draw, dtype, 3, 5, 1).expand(3, 5, 83)
    x[0, 0, 0], x[0, 0, 1], x[0, 0, 2] = torch.nan, -1000.0, 1000.0
    activated = functional.elu(x) * 1.5
    slope = torch.where(activated > 0, 1.5, activated + 1.5)
    for kind, operands, factors, expected in (
        ("copy", [x.mT.contiguous().mT], (), x),
        ("add", [x, y], (0.5,), x + 0.5 * y),
        ("add", [x, column], (1.0,), x + column),
        ("multiply", [x, y], (), x * y),
        ("multiply_add", [z, x, column], (), z + x * column),
        ("scale", [x], (-3.0,), -3.0 * x),
        ("elu", [x], (1.0, 1.5), activated),
        ("elu_backward", [z, activated], (1.0, 1.5), z * slope),
    ):
        out = torch.empty(3, 5, 83, dtype=dtype)
        made = make.entries(kind, out, list(operands), factors)
        yield Case(made, [out], [expected], [operands])


def sums(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """Over rows."""
    values, out = normal(draw, dtype, 2, 7, 83), torch.empty(2, 83, dtype=dtype)
    yield Case(make.sum_of_rows(values, out), [out], [values.sum(1)], [values])


def batch_normalisation(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """Forward and backward."""
    values, gradient = normal(draw, dtype, 9, 301) + 2, normal(draw, dtype, 9, 301)
    scale, shift = normal(draw, dtype, 301), normal(draw, dtype, 301)
    running = [normal(draw, dtype, 301), normal(draw, dtype, 301).abs()]
    wanted_running = [each.clone() for each in running]
    with torch.enable_grad():
        x, a, b = (each.clone().requires_grad_() for each in (values, scale, shift))
        mean, variance = wanted_running
        result = functional.batch_norm(x, mean, variance, a, b, True, 0.3, 1e-3)
        wanted = torch.autograd.grad(result, [x, a, b], gradient)
    mean, inverse, *of_both = (torch.empty(301, dtype=dtype) for _ in range(4))
    out, of_values = torch.empty_like(values), torch.empty_like(values)
    per_channel = [scale, shift, *running, mean, inverse]
    made = make.normalise(values, out, list(per_channel), 0.3, 1e-3)
    yield Case(made, [out, *running], [result.detach(), *wanted_running], [per_channel])
    made = make.normalise_backward(gradient, values, [scale, mean, inverse], of_values, of_both)
    yield Case(made, [of_values, *of_both], list(wanted))


def through_scale(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """The gradients of a first layer behind a normalisation."""
    weight, of_weight = normal(draw, dtype, 2, 5, 301), normal(draw, dtype, 2, 5, 301)
    scale, shift, of_scale, of_shift = (normal(draw, dtype, 2, 301) for _ in range(4))
    sums = normal(draw, dtype, 2, 5)
    expected = [
        of_weight * scale[:, None] + sums[..., None] * shift[:, None],
        (weight * of_weight).sum(1),
        (sums[:, None] @ weight)[:, 0],
    ]
    made = make.through_scale(weight, of_weight, [scale, shift, of_scale, of_shift], sums)
    yield Case(made, [of_weight, of_scale, of_shift], expected, [weight, scale, shift, sums])


def counts(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """One more of each."""
    counters = torch.tensor([3, 0])
    yield Case(make.count(counters), [counters], [torch.tensor([4, 1])])


def cross_entropies(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """Losses, sums, gradients, with class weights and without; a NaN stays its member's."""
    logits, labels = normal(draw, dtype, 3, 6, 11), torch.arange(18).view(3, 6) % 11
    logits[2, 4, 5] = torch.nan
    for weights in (None, normal(draw, dtype, 11).abs()):
        gradient = torch.empty_like(logits)
        losses, totals = torch.empty(3, dtype=dtype), torch.ones(2, 3, dtype=dtype)
        with torch.enable_grad():
            given = logits.clone().requires_grad_()
            wanted = torch.stack(
                [
                    functional.cross_entropy(own, its_labels, weight=weights)
                    for own, its_labels in zip(given, labels, strict=True)
                ]
            )
            (of_logits,) = torch.autograd.grad(wanted.sum() * 0.25, given)
        right = (logits.argmax(-1) == labels).sum(1)
        wanted = wanted.detach()
        sums = torch.stack([1 + wanted * 6, 1 + right.to(dtype)])
        made = make.cross_entropy(logits, gradient, labels, losses, totals, weights, 0.25)
        expected = [wanted, sums, of_logits]
        yield Case(made, [losses, totals, gradient], expected, [logits, labels, weights])


def loads(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """Bytes, standardised."""
    images = torch.randint(256, (2, 3, 83), generator=draw, dtype=torch.uint8)
    scale, shift = normal(draw, dtype, 83) / 256, normal(draw, dtype, 83)
    out = torch.empty(2, 3, 83, dtype=dtype)
    yield Case(make.load(out, images, scale, shift), [out], [images * scale + shift], [images])


def nadam_steps(draw: torch.Generator, dtype: torch.dtype) -> Iterator[Case]:
    """Members with a rate each."""
    weights, gradients, averages = (normal(draw, dtype, 2, 301) for _ in range(3))
    squares, rates = normal(draw, dtype, 2, 301).abs(), torch.tensor([0.5, 0.25])[:, None]
    new = [0.9 * averages + 0.1 * gradients, 0.99 * squares + 0.01 * gradients**2]
    direction = (0.2 * gradients + 0.8 * new[0]) / (new[1].sqrt() + 1e-2)
    expected = [(weights - rates * direction), *new]
    of_members = (ctypes.c_double * 2)(0.5, 0.25)
    tensors = [weights, gradients, averages, squares]
    made = make.nadam(tensors, of_members, [0.9, 0.99, 0.2, 0.8, 1e-2])
    yield Case(made, [weights, averages, squares], expected, [gradients, of_members])


TRIALS: tuple[Callable[[torch.Generator, torch.dtype], Iterator[Case]], ...] = (
    *(products, entries, sums, batch_normalisation, through_scale, counts, cross_entropies),
    *(loads, nadam_steps),
)
