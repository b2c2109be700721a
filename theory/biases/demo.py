"""How a gradient fares in a deep ReLU network, by the start of the biases and of the weights.

The same weights are used with each kind of bias, so that only the biases differ.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from theory.domain import require_between, require_seed
from theory.errors import DomainError
from theory.nonlinearities import RELU, Nonlinearity

_MOST_POWERS = 100  # of ten, by which a gradient may change: its square is still a float


@dataclass(frozen=True)
class BiasesResult:
    """Gradients by layer; the first entry is the first hidden layer, the last is always 0.

    Attributes:
        log10_gradient_zero_biases: log10 of the norm of the gradient by a layer's activations over
            that at the last layer, mean over the draws; He's weights, biases 0. -inf where in one
            of them no gradient arrives, as its units have died.
        log10_gradient_constant_biases: the same with one small constant for all biases.
        log10_gradient_random_biases: the same with biases uniform in +-1/sqrt(width).
        log10_gradient_wrong_weights: the same with biases 0 and the weights times the wrong gain.
    """

    log10_gradient_zero_biases: tuple[float, ...]
    log10_gradient_constant_biases: tuple[float, ...]
    log10_gradient_random_biases: tuple[float, ...]
    log10_gradient_wrong_weights: tuple[float, ...]


def gradient_profile(
    *,
    depth: int,
    width: int,
    draws: int,
    seed: int,
    weight_gain: float = 1.0,
    constant: float = 0.0,
    spread: float = 0.0,
    nonlinearity: Nonlinearity = RELU,
    weight_variance: float = 2.0,
) -> tuple[float, ...]:
    """log10 of each layer's gradient norm over the last layer's, mean over the draws.

    The gradient is by the activations: by the weights, what is lost on the way back is made up by
    what grew on the way forward, and the ratio shows nothing.

    Args:
        depth: number of hidden layers.
        width: units in each of them and number of inputs.
        draws: number of networks, each with one input.
        seed: seed of the draws; the weights depend on it alone.
        weight_gain: factor on the standard deviation of the weights.
        constant: start of all biases.
        spread: biases are ``constant`` plus uniform draws from +-spread.
        nonlinearity: activation function of every layer.
        weight_variance: variance of a weight, in units of 1 / fan_in; 2 is He's rule, 1 LeCun's.
    """
    generator = torch.Generator().manual_seed(seed)
    values = [_normal((draws, width), generator).requires_grad_()]
    for _ in range(depth):
        deviation = weight_gain * math.sqrt(weight_variance / width)
        weight = deviation * _normal((draws, width, width), generator)
        draw = torch.rand(draws, width, generator=generator, dtype=torch.float64)
        bias = constant + spread * (2.0 * draw - 1.0)
        values.append(nonlinearity.value(torch.einsum("dij,dj->di", weight, values[-1]) + bias))
    direction = _normal((draws, width), generator)
    slopes = torch.autograd.grad((values[-1] * direction).sum(), values[1:])
    norms = torch.stack([slope.norm(dim=1) for slope in slopes])
    ratios = torch.log10(norms / norms[-1]).mean(dim=1)
    return tuple(float(ratio) for ratio in ratios)


def demonstrate(
    *,
    depth: int = 20,
    width: int = 100,
    bias: float = 0.01,
    wrong_gain: float = 0.5,
    draws: int = 10,
    seed: int = 0,
) -> BiasesResult:
    """Compare three starts of the biases, and one wrong scale of the weights.

    Args:
        depth: number of hidden ReLU layers, from 1 to 200.
        width: units in each layer, from 1 to 1000.
        bias: the small constant to compare with zero biases, from -1e6 to 1e6.
        wrong_gain: factor on He's weights for the comparison, above 0; to the power of the depth
            it must stay from 1e-100 to 1e100.
        draws: number of networks, from 1 to 1000.
        seed: seed of the draws.

    Raises:
        DomainError: a parameter is outside its domain.
    """
    for name, value, most in (
        ("depth", depth, 200),
        ("width", width, 1000),
        ("draws", draws, 1000),
    ):
        require_between(name, value, 1, most)
    require_between("bias", bias, -1e6, 1e6)
    require_seed(seed)
    if not 0.0 < wrong_gain < math.inf:
        raise DomainError(f"wrong_gain must be a finite number above 0, got {wrong_gain}")
    if depth * abs(math.log10(wrong_gain)) > _MOST_POWERS:
        raise DomainError(
            f"wrong_gain to the power of the depth must be from 1e-{_MOST_POWERS} to "
            f"1e{_MOST_POWERS}, got {wrong_gain:.10g} with depth {depth}; beyond, a gradient "
            "leaves the range of floating-point numbers and would pass for 0"
        )

    def profile(
        *, gain: float = 1.0, constant: float = 0.0, spread: float = 0.0
    ) -> tuple[float, ...]:
        return gradient_profile(
            depth=depth,
            width=width,
            draws=draws,
            seed=seed,
            weight_gain=gain,
            constant=constant,
            spread=spread,
        )

    return BiasesResult(
        log10_gradient_zero_biases=profile(),
        log10_gradient_constant_biases=profile(constant=bias),
        log10_gradient_random_biases=profile(spread=1.0 / math.sqrt(width)),
        log10_gradient_wrong_weights=profile(gain=wrong_gain),
    )


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)
