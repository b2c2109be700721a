"""The cost of an action, counted instead of timed: operations, results written, arithmetic.

Counts are exact and the same on every run; a clock is neither.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """What an action costs.

    Attributes:
        operations: operations PyTorch dispatched, each a call of a kernel, however small.
        results: numbers these operations wrote, matrix products apart; views write none.
        flops: multiplications and additions of the matrix products.
    """

    operations: int
    results: int
    flops: int

    @property
    def arithmetic(self) -> int:
        """All of it: ``flops`` and one operation for each of the ``results``."""
        return self.flops + self.results


class _OperationCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is dispatched while it is active."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0
        self.results = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run ``func`` and count it."""
        output = func(*args, **(kwargs or {}))
        self.operations += 1
        product = func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default)
        if isinstance(output, Tensor) and not func.is_view and not product:
            self.results += output.numel()
        return output


def cost_of(action: Callable[[], object]) -> Cost:
    """Run ``action`` twice and return what one run costs."""
    operations = _OperationCounter()
    with operations:
        action()
    flops = FlopCounterMode(display=False)
    with flops:
        action()
    return Cost(operations.operations, operations.results, flops.get_total_flops())


def passes_through(module: nn.Module, action: Callable[[], object]) -> int:
    """How often ``action`` runs ``module`` forward."""
    passes = []
    handle = module.register_forward_hook(lambda *_: passes.append(1))
    try:
        action()
    finally:
        handle.remove()
    return len(passes)
