"""Operations of ``kernels.c`` on tensors: each says where the tensors lie, and is made later.

Every function returns None for tensors that its kernel cannot take: then PyTorch's has to do. An
operation knows addresses alone; whoever keeps it keeps the tensors.
"""

import ctypes
from typing import final

import torch
from torch import Tensor

POINTERS, NUMBERS, FACTORS = 8, 16, 5
KINDS = (
    *("product", "map", "sum_of_rows", "normalise", "normalise_backward", "through_scale"),
    *("count", "cross_entropy", "load", "nadam"),
)
ENTRIES = ("copy", "add", "multiply", "multiply_add", "scale", "elu", "elu_backward")
# How it is divided between threads: in its own way, by its first dimension or by its rows.
OWN, BY_FIRST, BY_ROWS = range(3)
TOGETHER = 16  # channels that one thread normalises
DTYPES = (torch.float32, torch.float64)


@final
class Operation(ctypes.Structure):
    """The ``operation`` of ``kernels.c``."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("by_what", ctypes.c_int64),
        ("waits", ctypes.c_int64),
        ("at", ctypes.c_void_p * POINTERS),
        ("n", ctypes.c_int64 * NUMBERS),
        ("by", ctypes.c_double * FACTORS),
    )


def operation(
    kind: str, tensors: list[Tensor | None], numbers: list[int], factors: list[float]
) -> Operation:
    """One operation; None among the tensors is a null pointer."""
    made = Operation(kind=KINDS.index(kind), by_what=OWN, waits=1)
    for place, tensor in enumerate(tensors):
        made.at[place] = None if tensor is None else tensor.data_ptr()
    made.n[: len(numbers)] = numbers
    made.by[: len(factors)] = factors
    return made


def product(left: Tensor, right: Tensor, out: Tensor) -> Operation | None:
    """Out = left right, matrices or batches of them."""
    if any(each.ndim not in (2, 3) for each in (left, right, out)):
        return None
    left, right, out = (each if each.ndim == 3 else each[None] for each in (left, right, out))
    if not alike(left, right, out) or steps(out)[2] != 1:
        return None
    sizes = [*out.shape, left.shape[2]]
    strides = [*steps(left), *steps(right), *steps(out)[:2]]
    return operation("product", [left, right, out], sizes + strides, [])


def entries(
    kind: str, out: Tensor, operands: list[Tensor], factors: tuple[float, ...] = ()
) -> Operation | None:
    """Out = a function of each entry of up to three operands, which may be broadcast.

    With x, y, z the operands and p, q the factors: copy x; add x + p y; multiply x y; multiply_add
    x + y z; scale p x; elu of x with alpha p and scale q, and elu_backward of the gradient x, the
    result y.
    """
    if not alike(out, *operands) or any(each.ndim > out.ndim for each in operands):
        return None
    operands = (operands * 3)[:3] if len(operands) < 3 else operands
    shape, strides = coalesced(out, [each.expand(out.shape) for each in operands])
    if len(shape) > 3 or strides[0][-1] != 1:
        return None
    missing = 3 - len(shape)
    first = 0 if len(shape) == 1 else 1
    sizes = [*shape[:first], *[1] * missing, *shape[first:]]
    of_out, *others = ([*each[:first], *[0] * missing, *each[first:]] for each in strides)
    numbers = [*sizes, *of_out[:2], *(step for each in others for step in each)]
    numbers += [0] * (NUMBERS - 1 - len(numbers)) + [ENTRIES.index(kind)]
    return operation("map", [out, *operands], numbers, list(factors))


def sum_of_rows(values: Tensor, out: Tensor) -> Operation | None:
    """Out (batch, columns) = values (batch, rows, columns), summed over the rows."""
    if values.ndim == 2:
        values, out = values[None], out[None]
    if values.ndim != 3 or not alike(values, out):
        return None
    if steps(values)[2] != 1 or (out.shape[-1] > 1 and out.stride(-1) != 1):
        return None
    batch, rows, columns = values.shape
    out = out.view(batch, columns)
    return operation(
        "sum_of_rows", [out, values], [batch, rows, columns, *steps(values)[:2], steps(out)[0]], []
    )


def normalise(
    values: Tensor,
    out: Tensor,
    per_channel: list[Tensor | None],
    momentum: float,
    epsilon: float,
) -> Operation | None:
    """Batch normalisation in training, as ``torch.native_batch_norm``.

    values, out: (rows, channels).
    per_channel: scale, shift, running mean and variance, mean, inverse deviation, (channels,) each.
    """
    given = [each for each in per_channel if each is not None]
    if not alike(values, out, *given) or not all(map(is_dense, given)):
        return None
    if values.ndim != 2 or steps(values)[1] != 1 or steps(out)[1] != 1 or len(values) < 2:
        return None
    numbers = [*values.shape, steps(values)[0], steps(out)[0], TOGETHER]
    return operation("normalise", [values, out, *per_channel], numbers, [momentum, epsilon])


def normalise_backward(
    gradient: Tensor, values: Tensor, per_channel: list[Tensor], out: Tensor, sums: list[Tensor]
) -> Operation | None:
    """Its gradients, in training.

    per_channel: scale, mean, inverse deviation.
    out: the gradient of the values; sums: of scale and shift.
    """
    rows = (gradient, values, out)
    if not alike(*rows, *per_channel, *sums) or not all(map(is_dense, [*per_channel, *sums])):
        return None
    if values.ndim != 2 or any(steps(each)[1] != 1 for each in rows):
        return None
    numbers = [*values.shape, *(steps(each)[0] for each in rows), TOGETHER]
    return operation(
        "normalise_backward", [gradient, values, *per_channel, out, *sums], numbers, []
    )


def through_scale(
    weight: Tensor,
    of_weight: Tensor,
    per_feature: list[Tensor],
    sums: Tensor,
) -> Operation | None:
    """The gradients of a first layer's weights, and of the scale and shift before it.

    weight, of_weight: (members, outputs, features), where of_weight is with respect to weights that
    meet the inputs before scale and shift, and becomes that of the weights.
    per_feature: scale, shift, and where their gradients go, (members, features) each.
    sums: of the outputs' gradients over the batch, (members, outputs).
    """
    every = [weight, of_weight, *per_feature, sums]
    if not alike(*every) or any(steps(each)[-1] != 1 for each in every):
        return None
    scale, shift, of_scale, of_shift = per_feature
    rows = [scale, shift, sums, of_scale, of_shift]
    strides = [*steps(weight)[:2], *steps(of_weight)[:2], *(steps(each)[0] for each in rows)]
    return operation(
        "through_scale",
        [weight, of_weight, scale, shift, sums, of_scale, of_shift],
        [*weight.shape, *strides],
        [],
    )


def count(counters: Tensor) -> Operation | None:
    """Add 1 to whole numbers of 64 bits."""
    is_known = counters.dtype == torch.int64 and counters.device.type == "cpu"
    if not is_known or not is_dense(counters):
        return None
    return operation("count", [counters], [counters.numel()], [])


def cross_entropy(
    logits: Tensor,
    gradient: Tensor,
    labels: Tensor,
    losses: Tensor,
    totals: Tensor,
    class_weights: Tensor | None,
    share: float,
) -> Operation | None:
    """Mean losses, sums of them and of right answers, and the gradient of share times the losses.

    logits, gradient: (members, batch, classes); labels: (members, batch); losses: (members,);
    totals: (2, members); class_weights: (classes,).
    """
    given = [logits, gradient, losses, totals, *([] if class_weights is None else [class_weights])]
    if not alike(*given) or not all(map(is_dense, given[2:])) or labels.dtype != torch.int64:
        return None
    if steps(logits)[2] != 1 or steps(gradient)[2] != 1:
        return None
    strides = [*steps(logits)[:2], *steps(gradient)[:2], *steps(labels)]
    return operation(
        "cross_entropy",
        [logits, gradient, labels, losses, totals, class_weights],
        [*logits.shape, *strides],
        [share],
    )


def load(out: Tensor, images: Tensor, scale: Tensor, shift: Tensor) -> Operation | None:
    """Out (members, batch, pixels), or (batch, pixels) = images * scale + shift.

    images: bytes of the same sizes, one after another; scale, shift: (pixels,).
    """
    if images.dtype != torch.uint8 or not images.is_contiguous() or not alike(out, scale, shift):
        return None
    out = out if out.ndim == 3 else out[None]
    if steps(out)[2] != 1 or images.numel() != out.numel():
        return None
    return operation("load", [out, images, scale, shift], [*out.shape, *steps(out)[:2]], [])


def nadam(
    tensors: list[Tensor], rates: "ctypes.Array[ctypes.c_double]", factors: list[float]
) -> Operation | None:
    """One step of NAdam: weights, gradients, averages, averages of squares (members, elements).

    rates: of the members. factors: both betas, what gradient and average are multiplied by beside
    the rate, epsilon.
    """
    if not alike(*tensors) or not all(map(is_dense, tensors)):
        return None
    made = operation("nadam", list(tensors), list(tensors[0].shape), factors)
    made.at[4] = ctypes.addressof(rates)
    return made


def alike(*tensors: Tensor) -> bool:
    """Whether tensors are of one type that there are kernels for, on the CPU."""
    dtype = tensors[0].dtype
    return dtype in DTYPES and all(
        each.dtype == dtype and each.device.type == "cpu" and each.numel() > 0 for each in tensors
    )


def is_dense(tensor: Tensor) -> bool:
    """Whether the entries lie one after another."""
    return tensor.is_contiguous()


def steps(tensor: Tensor) -> list[int]:
    """The strides; of a dimension of one entry, where any would do, those of dense entries."""
    return [
        step if size > 1 else (1 if place == tensor.ndim - 1 else 0)
        for place, (size, step) in enumerate(zip(tensor.shape, tensor.stride(), strict=True))
    ]


def coalesced(out: Tensor, operands: list[Tensor]) -> tuple[list[int], list[list[int]]]:
    """A shape of few dimensions, the first as it is, and in it the strides of each tensor."""
    every = [steps(each) for each in (out, *operands)]
    shape: list[int] = []
    strides: list[list[int]] = [[] for _ in every]
    for place in reversed(range(out.ndim)):
        size = out.shape[place]
        if size == 1 and (shape or place > 0):
            continue
        if (
            place > 0
            and shape
            and all(
                own[place] == mine[0] * shape[0] for own, mine in zip(every, strides, strict=True)
            )
        ):
            shape[0] *= size
            continue
        shape.insert(0, size)
        for own, mine in zip(every, strides, strict=True):
            mine.insert(0, 1 if size == 1 else own[place])
    return shape, strides
