"""The arithmetic of one NAdam step (Dozat 2016) on flat tensors."""

import ctypes
import math
from typing import Any

import torch
from torch import Tensor

from lightning_cifar.native.library import kernels
from lightning_cifar.native.operations import Operation, nadam
from lightning_cifar.optim.flat_parameters import FlatGroup

DECAY_BASE = 0.96  # of the momentum schedule; fixed in the paper and in PyTorch


def next_coefficients(group: dict[str, Any], state: dict[str, Any]) -> tuple[float, float, float]:
    """Advance the schedule; returns the factors of gradient and momentum, and the scaled epsilon.

    With s = sqrt(1 - beta2^t) the step (g a + m b) / (sqrt(v) / s + eps) is written as
    (g a s + m b s) / (sqrt(v) + eps s). Formulas: Dozat 2016, algorithm 2, for a rate of 1.
    """
    beta1, beta2 = group["betas"]
    state["step"] += 1
    momentum = momentum_at(state["step"], beta1, group["momentum_decay"])
    following = momentum_at(state["step"] + 1, beta1, group["momentum_decay"])
    state["mu_product"] *= momentum
    scale = (1 - beta2 ** state["step"]) ** 0.5
    of_gradient = scale * (1 - momentum) / (1 - state["mu_product"])
    of_momentum = scale * following / (1 - state["mu_product"] * following)
    return of_gradient, of_momentum, group["eps"] * scale


def momentum_at(step: int, beta1: float, decay: float) -> float:
    """The momentum of a step (Dozat 2016): it grows from beta1 / 2 towards beta1."""
    return beta1 * (1 - 0.5 * math.pow(DECAY_BASE, step * decay))


def update(
    flat: FlatGroup,
    average: Tensor,
    square: Tensor,
    rates: list[float],
    betas: tuple[float, float],
    coefficients: tuple[float, float, float],
) -> None:
    """One NAdam step on flat tensors (members, elements), from ``flat.gradient``.

    PyTorch has a fused kernel for Adam, but none for NAdam. Adam's takes its step along the average
    that it has just made, c m + (1 - c) g. With the right c that is NAdam's direction, a g + b m',
    where m' = beta1 m + (1 - beta1) g; what is then in place of m' differs from it by a multiple
    of g, which one more pass takes away.

    rates: one for each member.
    """
    of_gradient, of_momentum, epsilon = coefficients
    library = kernels(average)
    if library is not None:
        given = [flat.weights, flat.gradient, average, square]
        of_members = (ctypes.c_double * len(rates))(*rates)
        step = nadam(given, of_members, [*betas, of_gradient, of_momentum, epsilon])
        if step is not None:
            library.run((Operation * 1)(step), torch.get_num_threads())
            return
    total = of_gradient + of_momentum
    share = of_momentum * betas[0] / total
    for rate in set(rates):
        its = [member for member, own in enumerate(rates) if own == rate]
        every = (flat.weights, flat.gradient, average, square)
        tensors = [
            [rows] if len(its) == len(rates) else [rows[member] for member in its] for rows in every
        ]
        weights, gradients, averages, squares = tensors
        torch._fused_adam_(
            weights,
            gradients,
            averages,
            squares,
            [],
            [flat.never] * len(weights),  # Adam's own corrections become 1
            lr=rate * total,
            beta1=share,
            beta2=betas[1],
            weight_decay=0.0,
            eps=epsilon,
            amsgrad=False,
            maximize=False,
        )
    if betas[0] > 0:
        average.lerp_(flat.gradient, 1 - betas[0] / share)
