"""Calls of a tape as operations of the compiled kernels, with no Python between them.

What has no kernel stays a call of PyTorch's, in its place.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby, pairwise
from typing import Any, final

import torch
from torch import Tensor

from lightning_cifar.backprop.cross_entropy import CrossEntropy
from lightning_cifar.backprop.tape import ByImage, Call, OfWeights, Tape
from lightning_cifar.native import operations as make
from lightning_cifar.native.library import Kernels, kernels
from lightning_cifar.native.operations import Operation


@final
class Compiled:
    """Operations that are made by one call.

    calls: the same as calls of PyTorch's, which hold the tensors that the operations point to.
    """

    def __init__(self, library: Kernels, operations: list[Operation], calls: list[Call]) -> None:
        self.library, self.calls = library, calls
        self.operations = (Operation * len(operations))(*operations)

    def __call__(self) -> None:
        """Make them; where a label is not one, let PyTorch say so."""
        if self.library.run(self.operations, torch.get_num_threads()):
            for call in self.calls:
                call()


@final
class CompiledLoad:
    """Bytes of images into a network's inputs, standardised."""

    def __init__(self, library: Kernels, operation: Operation, kept: list[Tensor]) -> None:
        self.library, self.kept = library, kept
        self.operations = (Operation * 1)(operation)

    def __call__(self, images: Tensor) -> None:
        """Images: contiguous, as many as the inputs have room for."""
        self.operations[0].at[1] = images.data_ptr()
        self.library.run(self.operations, torch.get_num_threads())


def compiled(calls: Sequence[Call], tape: Tape) -> Sequence[Call]:
    """The same calls of a tape, where possible many of them as one."""
    library = kernels(tape.like)
    if library is None:
        return calls
    made: list[Call] = []
    pairs = [(call, operation_of(call, tape)) for call in calls]
    for known, group in groupby(pairs, key=lambda pair: pair[1] is not None):
        run, operations = (list(each) for each in zip(*group, strict=True))
        if known:
            for place, pair in enumerate(pairwise(zip(run, operations, strict=True))):
                operations[place + 1].waits = waits(*pair)
            made.append(Compiled(library, operations, run))
        else:
            made += run
    return made


def waits(before: tuple[Call, Operation], one: tuple[Call, Operation]) -> bool:
    """Whether threads must have finished an operation before they begin the next one.

    Not if each has the same images or members in both, nor between gradients of weights.
    """
    divided = make.OWN not in (before[1].by_what, one[1].by_what)
    return not divided and not all(isinstance(call, OfWeights) for call, _ in (before, one))


def compiled_load(inputs: Tensor, scale: Tensor, shift: Tensor) -> CompiledLoad | None:
    """Loading into a network's inputs; None where there are no kernels for it."""
    library = kernels(inputs)
    images = torch.empty(inputs.shape, dtype=torch.uint8, device=inputs.device)
    operation = None if library is None else make.load(inputs, images, scale, shift)
    if library is None or operation is None:
        return None
    return CompiledLoad(library, operation, [inputs, scale, shift])


def operation_of(call: Call, tape: Tape) -> Operation | None:
    """The operation that a call is, and how it is divided; None if there is no kernel for it."""
    if isinstance(call, CrossEntropy):
        made = make.cross_entropy(
            *(call.logits, call.gradient, call.labels, call.losses, call.totals),
            *(call.class_weights, call.share),
        )
    elif isinstance(call, partial):
        owner = getattr(call.func, "__self__", None)
        given = [*([owner] if isinstance(owner, Tensor) else []), *call.args]
        named = call.keywords
        if tape.members == 1 and isinstance(call, ByImage):
            given = [of_one(each) for each in given]
            named = {name: of_one(each) for name, each in named.items()}
        rule = RULES.get(getattr(call.func, "__name__", ""))
        made = None if rule is None else rule(*given, **named)
    else:
        return None
    if made is not None:
        made.by_what = division(make.KINDS[made.kind], made, call, tape)
    return made


def of_one(value: Any) -> Any:
    """A tensor of a single network without its dimension of members."""
    return value[0] if isinstance(value, Tensor) and value.ndim > 2 else value


def division(kind: str, made: Operation, call: Call, tape: Tape) -> int:
    """What an operation is divided by: by members; of a single network by images, if it can be."""
    if kind == "count":
        return make.BY_FIRST  # only the first thread makes it, and nobody reads it
    if tape.members > 1:
        if kind in ("normalise", "normalise_backward"):
            made.n[4 if kind == "normalise" else 5] = made.n[1] // tape.members
            return make.BY_FIRST
        return make.BY_FIRST if made.n[0] == tape.members else make.OWN
    if not isinstance(call, ByImage):
        return make.OWN
    place, by_what = (1, make.BY_ROWS) if kind == "product" else (0, make.BY_FIRST)
    return by_what if made.n[place] == tape.batch else make.OWN


def add(x: Tensor, y: Tensor, *, alpha: float = 1, out: Tensor) -> Operation | None:
    """Out = x + alpha y."""
    return make.entries("add", out, [x, y], (alpha,))


def add_(x: Tensor, y: Tensor | int, alpha: float = 1) -> Operation | None:
    """X += alpha y; or a counter goes on by one."""
    if isinstance(y, Tensor):
        return add(x, y, alpha=alpha, out=x)
    return make.count(x) if y == 1 else None


def mul_(x: Tensor, y: Tensor | float) -> Operation | None:
    """X *= y."""
    if isinstance(y, Tensor):
        return make.entries("multiply", x, [x, y])
    return make.entries("scale", x, [x], (y,))


def sum_(values: Tensor, dimension: int, *, out: Tensor) -> Operation | None:
    """Out = values, summed over the last dimension but one."""
    is_known = dimension in (-2, values.ndim - 2)
    return make.sum_of_rows(values, out) if is_known else None


def elu_(values: Tensor, alpha: float, scale: float, spare: Tensor) -> Operation | None:
    """In place."""
    return make.entries("elu", values, [values], (alpha, scale))


def elu_backward(
    gradient: Tensor,
    alpha: float,
    scale: float,
    input_scale: float,
    is_result: bool,
    result: Tensor,
    *,
    grad_input: Tensor,
) -> Operation | None:
    """From the activation's result."""
    if input_scale != 1 or not is_result:
        return None
    return make.entries("elu_backward", grad_input, [gradient, result], (alpha, scale))


def batch_norm(
    values: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    running_mean: Tensor,
    running_variance: Tensor,
    training: bool,
    momentum: float,
    epsilon: float,
    *,
    out: tuple[Tensor, Tensor, Tensor],
) -> Operation | None:
    """In training."""
    if not training:
        return None
    per_channel = [scale, shift, running_mean, running_variance, *out[1:]]
    return make.normalise(values, out[0], per_channel, momentum, epsilon)


def batch_norm_backward(
    gradient: Tensor,
    values: Tensor,
    scale: Tensor,
    running_mean: Tensor,
    running_variance: Tensor,
    mean: Tensor,
    deviation: Tensor,
    training: bool,
    epsilon: float,
    wanted: list[bool],
    *,
    out0: Tensor,
    out1: Tensor,
    out2: Tensor,
) -> Operation | None:
    """In training, all three gradients."""
    if not training or not all(wanted):
        return None
    return make.normalise_backward(gradient, values, [scale, mean, deviation], out0, [out1, out2])


RULES: dict[str, Callable[..., Operation | None]] = {
    "mm": make.product,
    "bmm": make.product,
    "add": add,
    "add_": add_,
    "mul": lambda x, y, *, out: make.entries("multiply", out, [x, y]),
    "mul_": mul_,
    "copy_": lambda out, x: make.entries("copy", out, [x]),
    "addcmul": lambda x, y, z, *, out: make.entries("multiply_add", out, [x, y, z]),
    "addcmul_": lambda x, y, z: make.entries("multiply_add", x, [x, y, z]),
    "sum": sum_,
    "elu_": elu_,
    "elu_backward.grad_input": elu_backward,
    "through_scale": lambda weight, of_weight, per_feature, sums, _: make.through_scale(
        weight, of_weight, list(per_feature), sums
    ),
    "native_batch_norm": batch_norm,
    "native_batch_norm_backward.out": batch_norm_backward,
}
