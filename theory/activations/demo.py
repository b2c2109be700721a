"""The activation functions side by side: their curves, and figures that say what each is for.

Question: which when? Answer: by range for outputs, by mean, scale and dead regions for hidden
layers. The figures are those of one layer whose pre-activations are standard normal.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from theory.activations.operations import EXPONENTIALS, operations
from theory.activations.softmax import softmax
from theory.domain import require_seed
from theory.errors import DomainError
from theory.nonlinearities import ELU, LOGISTIC, RELU, SELU, TANH, Nonlinearity, leaky_relu
from theory.signal import next_mean_square, normal_mean

RRELU_SLOPES = (1 / 8, 1 / 3)
OTHER_SCORES = (0.0, -1.0)


@dataclass(frozen=True)
class ActivationsResult:
    """Curves and figures, one entry per function, named in ``functions``.

    Attributes:
        functions: the elementwise functions.
        smallest_output: over the inputs drawn.
        largest_output: over the inputs drawn.
        smallest_derivative: over the inputs drawn; 0 where a neuron can die or saturate.
        largest_derivative: over the inputs drawn.
        mean_output: for standard normal pre-activations; 0 is best for the next layer.
        mean_square_output: for standard normal pre-activations.
        share_of_zeros: share of standard normal pre-activations with an output of exactly zero.
        exponentials: exponentials in the formula, per output.
        inputs: where the curves are drawn.
        values: the curves, a tuple per function.
        derivatives: their derivatives, a tuple per function.
        softmax_probabilities: softmax of the scores (input, 0, -1), a tuple per class.
    """

    functions: tuple[str, ...]
    smallest_output: tuple[float, ...]
    largest_output: tuple[float, ...]
    smallest_derivative: tuple[float, ...]
    largest_derivative: tuple[float, ...]
    mean_output: tuple[float, ...]
    mean_square_output: tuple[float, ...]
    share_of_zeros: tuple[float, ...]
    exponentials: tuple[int, ...]
    inputs: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    derivatives: tuple[tuple[float, ...], ...]
    softmax_probabilities: tuple[tuple[float, ...], ...]


def functions(*, slope: float, generator: torch.Generator) -> tuple[Nonlinearity, ...]:
    """Return the functions of question 4; RReLU's slope is drawn, as it is at every step."""
    low, high = RRELU_SLOPES
    drawn = low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))
    return (
        SELU,
        ELU,
        leaky_relu(slope, f"leaky ReLU, slope {slope:.12g}"),
        leaky_relu(0.25, "PReLU at its start, slope 0.25"),
        leaky_relu(drawn, f"RReLU, slope drawn: {drawn:.3f}"),
        RELU,
        TANH,
        LOGISTIC,
    )


def demonstrate(
    *, slope: float = 0.01, largest_input: float = 5.0, points: int = 201, seed: int = 0
) -> ActivationsResult:
    """Draw the activation functions with their derivatives and measure each.

    Args:
        slope: slope of leaky ReLU below zero, from 0 (then it is ReLU) to 1 (then it is a line).
        largest_input: curves run from minus this to this, above 0 and up to 100.
        points: points on a curve, from 3 to 10001.
        seed: draws RReLU's slope.

    Raises:
        DomainError: an option is outside its domain.
    """
    _check(slope, largest_input, points)
    require_seed(seed)
    inputs = torch.linspace(-largest_input, largest_input, points, dtype=torch.float64)
    kinds = functions(slope=slope, generator=torch.Generator().manual_seed(seed))
    values = [kind.value(inputs) for kind in kinds]
    derivatives = [kind.derivative(inputs) for kind in kinds]
    scores = torch.stack([inputs, *(torch.full_like(inputs, score) for score in OTHER_SCORES)], -1)
    return ActivationsResult(
        functions=tuple(kind.name for kind in kinds),
        smallest_output=tuple(float(curve.min()) for curve in values),
        largest_output=tuple(float(curve.max()) for curve in values),
        smallest_derivative=tuple(float(curve.min()) for curve in derivatives),
        largest_derivative=tuple(float(curve.max()) for curve in derivatives),
        mean_output=tuple(round(normal_mean(kind.value), 12) + 0.0 for kind in kinds),
        mean_square_output=tuple(
            next_mean_square(kind, 1.0, weight_variance=1.0) for kind in kinds
        ),
        share_of_zeros=tuple(_share_of_zeros(kind) for kind in kinds),
        exponentials=tuple(
            sum(name in EXPONENTIALS for name in operations(kind)) for kind in kinds
        ),
        inputs=tuple(inputs.tolist()),
        values=tuple(tuple(curve.tolist()) for curve in values),
        derivatives=tuple(tuple(curve.tolist()) for curve in derivatives),
        softmax_probabilities=tuple(tuple(curve.tolist()) for curve in softmax(scores).T),
    )


def _share_of_zeros(kind: Nonlinearity) -> float:
    def is_zero(z: Tensor) -> Tensor:
        return (kind.value(z) == 0).to(z.dtype)

    return normal_mean(is_zero)


def _check(slope: float, largest_input: float, points: int) -> None:
    if not 0 <= slope <= 1:
        raise DomainError(
            f"slope must lie from 0 to 1, got {slope}; above 1 the function would amplify negative "
            "inputs more than positive ones, below 0 it would fold them over"
        )
    if not (math.isfinite(largest_input) and 0 < largest_input <= 100):
        raise DomainError(
            f"largest_input must be above 0 and at most 100, got {largest_input}; "
            "beyond it every curve is a straight line to the eye"
        )
    if not 3 <= points <= 10_001:
        raise DomainError(f"points must be a whole number from 3 to 10001, got {points}")
