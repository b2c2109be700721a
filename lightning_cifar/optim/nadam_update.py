"""The arithmetic of one NAdam step (Dozat 2016) on flat tensors, eager and compiled."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lightning_cifar.optim.flat_parameters import FlatGroup

DECAY_BASE = 0.96  # of the momentum schedule; fixed in the paper and in PyTorch


def next_coefficients(group: dict[str, Any], state: dict[str, Any]) -> tuple[float, float, float]:
    """Advance the schedule; returns the factors of gradient and momentum, and the scaled epsilon.

    With s = sqrt(1 - beta2^t) the step (g a + m b) / (sqrt(v) / s + eps) is written as
    (g a s + m b s) / (sqrt(v) + eps s), which saves a pass. Formulas: Dozat 2016, algorithm 2.
    """
    beta1, beta2 = group["betas"]
    state["step"] += 1
    momentum = momentum_at(state["step"], beta1, group["momentum_decay"])
    following = momentum_at(state["step"] + 1, beta1, group["momentum_decay"])
    state["mu_product"] *= momentum
    scale = (1 - beta2 ** state["step"]) ** 0.5
    of_gradient = -group["lr"] * scale * (1 - momentum) / (1 - state["mu_product"])
    of_momentum = -group["lr"] * scale * following / (1 - state["mu_product"] * following)
    return of_gradient, of_momentum, group["eps"] * scale


def momentum_at(step: int, beta1: float, decay: float) -> float:
    """The momentum of a step (Dozat 2016): it grows from beta1 / 2 towards beta1."""
    return beta1 * (1 - 0.5 * math.pow(DECAY_BASE, step * decay))


def update_in_place(
    flat: FlatGroup,
    gradient: Tensor,
    average: Tensor,
    square: Tensor,
    rates: Tensor | None,
    betas: tuple[float, float],
    coefficients: tuple[float, float, float],
) -> None:
    """One NAdam step on flat tensors (members, elements), operation by operation."""
    of_gradient, of_momentum, epsilon = coefficients
    average.lerp_(gradient, 1 - betas[0])
    square.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
    denominator = torch.sqrt(square, out=flat.scratch).add_(epsilon)
    if rates is not None:
        denominator.div_(rates[:, None])
    flat.weights.addcdiv_(gradient, denominator, value=of_gradient)
    flat.weights.addcdiv_(average, denominator, value=of_momentum)


def update_compiled(
    flat: FlatGroup,
    gradient: Tensor,
    average: Tensor,
    square: Tensor,
    rates: Tensor | None,
    betas: tuple[float, float],
    coefficients: tuple[float, float, float],
) -> None:
    """The same step in one compiled pass over memory."""
    # Numbers that change every step go in as tensors: as constants each would be compiled anew.
    # They stay on the CPU, where making them does not have to wait for a GPU.
    changing = [torch.tensor(number, dtype=gradient.dtype) for number in coefficients]
    compiled_pass()(flat.weights, gradient, average, square, rates, betas, *changing)


def one_pass(
    weights: Tensor,
    gradient: Tensor,
    average: Tensor,
    square: Tensor,
    rates: Tensor | None,
    betas: tuple[float, float],
    of_gradient: Tensor,
    of_momentum: Tensor,
    epsilon: Tensor,
) -> None:
    """One NAdam step as an expression that a compiler turns into a single loop."""
    average.lerp_(gradient, 1 - betas[0])
    square.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
    change = (of_gradient * gradient + of_momentum * average) / (square.sqrt() + epsilon)
    weights.add_(change if rates is None else change * rates[:, None])


@cache
def compiled_pass() -> Callable[..., None]:
    """``one_pass``, compiled at its first call and shared by all optimisers of the process."""
    compiled: Callable[..., None] = torch.compile(one_pass, fullgraph=True)
    return compiled
