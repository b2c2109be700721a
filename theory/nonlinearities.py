"""The activation functions of the book, each with its derivative, written from their formulas.

They are written out, not borrowed from ``torch.nn``, so that a reader sees what is claimed about;
the tests compare every one of them with torch's. All take and return tensors of any shape.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def _normal_distribution(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def selu_constants() -> tuple[float, float]:
    """Return SELU's alpha and lambda, with which a standard normal keeps mean 0 and variance 1.

    For a standard normal Z, E[exp(aZ); Z < 0] = exp(a^2 / 2) * Phi(-a). Asking for E selu(Z) = 0
    gives alpha, asking for E selu(Z)^2 = 1 then gives lambda (Klambauer et al. 2017, section 2).
    """
    first = math.exp(0.5) * _normal_distribution(-1.0)
    second = math.exp(2.0) * _normal_distribution(-2.0)
    alpha = 1 / math.sqrt(2 * math.pi) / (0.5 - first)
    return alpha, 1 / math.sqrt(0.5 + alpha**2 * (second - 2 * first + 0.5))


SELU_ALPHA, SELU_LAMBDA = selu_constants()


@dataclass(frozen=True)
class Nonlinearity:
    """An elementwise function with its derivative.

    Attributes:
        name: what the book calls it.
        value: the function.
        derivative: its derivative; at a kink, the value from the left, as torch has it.
    """

    name: str
    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


def _below_zero(x: Tensor) -> Tensor:
    # The branch for x > 0 must not see exp of a large number: inf * 0 would be NaN.
    return torch.clamp(x, max=0.0)


def leaky_relu(slope: float, name: str = "leaky ReLU") -> Nonlinearity:
    """Return ``max(x, 0) + slope * min(x, 0)`` (Maas et al. 2013); slope 0 is ReLU."""
    return Nonlinearity(
        name,
        lambda x: torch.where(x > 0, x, slope * x),
        # Two plain numbers would make torch.where round the slope to float32.
        lambda x: torch.where(x > 0, torch.ones_like(x), slope),
    )


def elu(alpha: float) -> Nonlinearity:
    """Return ``x`` above zero and ``alpha * (exp(x) - 1)`` below (Clevert et al. 2016)."""
    return Nonlinearity(
        "ELU",
        lambda x: torch.where(x > 0, x, alpha * torch.expm1(_below_zero(x))),
        lambda x: torch.where(x > 0, 1.0, alpha * torch.exp(_below_zero(x))),
    )


def _selu_derivative(x: Tensor) -> Tensor:
    return SELU_LAMBDA * torch.where(x > 0, 1.0, SELU_ALPHA * torch.exp(_below_zero(x)))


def _selu(x: Tensor) -> Tensor:
    return SELU_LAMBDA * torch.where(x > 0, x, SELU_ALPHA * torch.expm1(_below_zero(x)))


def _logistic(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))  # exp may overflow to infinity, whose inverse is right


def _logistic_derivative(x: Tensor) -> Tensor:
    small = torch.exp(-x.abs())  # the derivative is even; at most 1, so nothing overflows
    return small / (1 + small) ** 2


def _silu_derivative(x: Tensor) -> Tensor:
    return _logistic(x) + x * _logistic_derivative(x)


RELU = Nonlinearity("ReLU", lambda x: torch.clamp(x, min=0.0), lambda x: (x > 0).to(x.dtype))
LEAKY_RELU = leaky_relu(0.01)
ELU = elu(1.0)
SELU = Nonlinearity("SELU", _selu, _selu_derivative)
SILU = Nonlinearity("SiLU", lambda x: x * _logistic(x), _silu_derivative)
TANH = Nonlinearity("tanh", torch.tanh, lambda x: 1 / torch.cosh(x) ** 2)
LOGISTIC = Nonlinearity("logistic", _logistic, _logistic_derivative)
IDENTITY = Nonlinearity("identity", lambda x: x, torch.ones_like)

NONLINEARITIES = (RELU, LEAKY_RELU, ELU, SELU, SILU, TANH, LOGISTIC, IDENTITY)
