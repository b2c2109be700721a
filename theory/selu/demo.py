"""How far activations and gradients drift through a deep stack, by activation and start.

Question: what does SELU have over ReLU? Answer: with LeCun's start its activations return to mean
square 1 whatever their scale was, and its gradients stay moderate; with other starts they do not.
"""

import math
from dataclasses import dataclass

import torch

from theory.domain import require_seed
from theory.errors import DomainError
from theory.nonlinearities import ELU, LOGISTIC, RELU, SELU, SILU, TANH, Nonlinearity
from theory.signal import HE, LECUN, LINEAR_DEFAULT, TORCH_SELU_GAIN, propagate
from theory.signal_network import measure_signal

STARTS: tuple[tuple[str, Nonlinearity, float], ...] = (
    ("SELU + LeCun", SELU, LECUN),
    ("SELU + He", SELU, HE),
    ("SELU + gain 3/4", SELU, TORCH_SELU_GAIN),
    ("SELU + nn.Linear default", SELU, LINEAR_DEFAULT),
    ("ReLU + He", RELU, HE),
    ("ReLU + LeCun", RELU, LECUN),
    ("ELU + He", ELU, HE),
    ("SiLU + He", SILU, HE),
    ("tanh + LeCun", TANH, LECUN),
    ("logistic + LeCun", LOGISTIC, LECUN),
)


@dataclass(frozen=True)
class SeluResult:
    """Activations and gradients by layer; one entry per start, named in ``starts``.

    Attributes:
        starts: activation function and rule for the weights.
        last_mean_square_predicted: mean square of the last layer's activations, wide network.
        last_mean_square_measured: the same in one drawn network.
        log10_gradient_predicted: log10 of the gradient's norm at the inputs over that at the last
            layer, wide network.
        log10_gradient_measured: the same in one drawn network; -inf if its units have died.
        mean_squares_by_layer_predicted: mean squares from the inputs (entry 0) to the last layer.
        mean_squares_by_layer_measured: the same in one drawn network.
        log10_gradients_by_layer_predicted: log10 of the gradient's norm relative to the last layer.
    """

    starts: tuple[str, ...]
    last_mean_square_predicted: tuple[float, ...]
    last_mean_square_measured: tuple[float, ...]
    log10_gradient_predicted: tuple[float, ...]
    log10_gradient_measured: tuple[float, ...]
    mean_squares_by_layer_predicted: tuple[tuple[float, ...], ...]
    mean_squares_by_layer_measured: tuple[tuple[float, ...], ...]
    log10_gradients_by_layer_predicted: tuple[tuple[float, ...], ...]


def demonstrate(
    *,
    depth: int = 20,
    width: int = 100,
    examples: int = 64,
    mean_square: float = 1.0,
    seed: int = 0,
) -> SeluResult:
    """Follow the signal through a deep dense stack for ten activation functions and starts.

    Args:
        depth: number of layers, from 1 to 200.
        width: neurons in each layer of the measured network, from 1 to 2000.
        examples: inputs sent through the measured network, from 1 to 10,000.
        mean_square: mean square of the inputs, above 0 and at most 1e6; 1 when they are
            standardised.
        seed: draws the measured network and its inputs.

    Raises:
        DomainError: an option is outside its domain.
    """
    _check_count("depth", depth, 200)
    _check_count("width", width, 2000)
    _check_count("examples", examples, 10_000)
    require_seed(seed)
    if not (math.isfinite(mean_square) and 0 < mean_square <= 1e6):
        raise DomainError(
            f"mean_square must be above 0 and at most 1000000, got {mean_square}; "
            "inputs that are all zero stay zero in every layer and show nothing"
        )
    predicted = [
        propagate(f, depth=depth, weight_variance=variance, mean_square=mean_square)
        for _, f, variance in STARTS
    ]
    measured = [
        measure_signal(
            f,
            depth=depth,
            width=width,
            examples=examples,
            weight_variance=variance,
            mean_square=mean_square,
            generator=torch.Generator().manual_seed(seed),
        )
        for _, f, variance in STARTS
    ]
    return SeluResult(
        starts=tuple(name for name, _, _ in STARTS),
        last_mean_square_predicted=tuple(signal.mean_squares[-1] for signal in predicted),
        last_mean_square_measured=tuple(signal.mean_squares[-1] for signal in measured),
        log10_gradient_predicted=tuple(signal.log10_gradient for signal in predicted),
        log10_gradient_measured=tuple(signal.log10_gradient for signal in measured),
        mean_squares_by_layer_predicted=tuple(signal.mean_squares for signal in predicted),
        mean_squares_by_layer_measured=tuple(signal.mean_squares for signal in measured),
        log10_gradients_by_layer_predicted=tuple(signal.log10_gradients for signal in predicted),
    )


def _check_count(name: str, value: int, largest: int) -> None:
    if not 1 <= value <= largest:
        raise DomainError(f"{name} must be a whole number from 1 to {largest}, got {value}")
