"""What it takes to compute an activation function: its tensor operations, counted."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from theory.nonlinearities import Nonlinearity

EXPONENTIALS = {"exp", "expm1", "tanh", "cosh", "sigmoid"}


class _Listing(TorchFunctionMode):
    """Lists the tensor operations that run inside its ``with`` block."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


def operations(nonlinearity: Nonlinearity) -> list[str]:
    """Return the names of the tensor operations that one evaluation of the formula takes."""
    inputs = torch.zeros(1, dtype=torch.float64)
    listing = _Listing()
    with listing:
        nonlinearity.value(inputs)
    return listing.names
