"""What Glorot's, He's and LeCun's starts do, each tried beside a case that must fail."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from theory.claim import Case, Check, Evidence
from theory.nonlinearities import (
    ELU,
    IDENTITY,
    LEAKY_RELU,
    LOGISTIC,
    RELU,
    SELU,
    SILU,
    TANH,
    Nonlinearity,
)
from theory.signal import HE, LECUN, LINEAR_DEFAULT, normal_mean, propagate
from theory.statistics import FALSE_ALARM_RATE

DEPTH = 20
SHAPES = ((400, 400), (3072, 100), (100, 10))  # inputs and outputs of a layer
_DECADE = 1.0


def _drawn(shape: tuple[int, int], deviation: float) -> Tensor:
    """A layer's weights (outputs, inputs)."""
    generator = torch.Generator().manual_seed(90)
    inputs, outputs = shape
    return deviation * torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)


def _forward(weight: Tensor) -> float:
    """Mean square of the outputs over that of the inputs, for independent inputs of mean 0."""
    return float((weight**2).sum() / weight.shape[0])


def _backward(weight: Tensor) -> float:
    """The same for a gradient on its way back."""
    return float((weight**2).sum() / weight.shape[1])


def _keeps_variance(start: Callable[[int, int], float]) -> Evidence:
    cases = []
    for shape in SHAPES:
        weight = _drawn(shape, start(*shape))
        checks = tuple(
            Check(
                f"distance from 1 of the variance of {what}",
                abs(gain(weight) - 1.0),
                "<=",
                0.05,
                # Of 160,000 squares the mean scatters by 0.0035; elsewhere the gain is 0.06 or
                # 1.8, and 1.9 or 0.18.
                false_alarm_rate=FALSE_ALARM_RATE,
                detects="a tenth of the variance",
                samples=weight.numel(),
            )
            for what, gain in (
                ("the outputs relative to that of the inputs", _forward),
                ("the gradient before the layer relative to that behind it", _backward),
            )
        )
        cases.append(Case(f"a layer of {shape[0]} inputs and {shape[1]} outputs", checks))
    return Evidence(tuple(cases))


def glorot_keeps_variance() -> Evidence:
    """B8.1: standard deviation the root of 2 / (inputs + outputs)."""
    return _keeps_variance(lambda inputs, outputs: math.sqrt(2 / (inputs + outputs)))


def glorot_without_the_root_keeps_variance() -> Evidence:
    """Control of B8.1: the variance taken for the standard deviation."""
    return _keeps_variance(lambda inputs, outputs: 2 / (inputs + outputs))


def _compromises(shapes: tuple[tuple[int, int], ...]) -> Evidence:
    cases = []
    for shape in shapes:
        inputs, outputs = shape
        weight = _drawn(shape, math.sqrt(2 / (inputs + outputs)))
        other = _drawn(shape, 3.0).abs()  # any other matrix: the ratio is the same
        forward, backward = _forward(weight), _backward(weight)
        distance = max(
            abs(_forward(each) / _backward(each) / (inputs / outputs) - 1.0)
            for each in (weight, other)
        )
        cases.append(
            Case(
                f"{inputs} inputs, {outputs} outputs, Glorot's weights and others",
                (
                    Check(
                        "distance from 1 of (gain forwards / gain backwards) / (inputs / outputs)",
                        distance,
                        "<=",
                        1e-12,
                    ),
                    Check(
                        "the two gains apart, decades",
                        abs(math.log10(forward / backward)),
                        ">=",
                        0.1,
                    ),
                    Check(
                        "product of their logarithms: below 0 if 1 lies between them",
                        math.log10(forward) * math.log10(backward),
                        "<",
                        0.0,
                    ),
                ),
            )
        )
    return Evidence(tuple(cases))


def no_start_keeps_both() -> Evidence:
    """B8.2 where inputs and outputs differ in number."""
    return _compromises(SHAPES[1:])


def square_layer_keeps_both() -> Evidence:
    """Control of B8.2: as many outputs as inputs, where both gains are equal."""
    return _compromises(((100, 100), (10, 10)))


def _stays_in_range(nonlinearity: Nonlinearity, weight_variance: float) -> Case:
    signal = propagate(nonlinearity, depth=DEPTH, weight_variance=weight_variance)
    sizes = (
        ("activations", math.log10(signal.root_mean_square)),
        ("the gradient", signal.log10_gradient),
    )
    return Case(
        nonlinearity.name,
        tuple(
            Check(
                f"change of {what} over {DEPTH} layers, decades, up or down",
                abs(decades),
                "<=",
                _DECADE,
            )
            for what, decades in sizes
        ),
    )


_RECTIFIERS = (RELU, LEAKY_RELU, ELU, SILU)
_SQUASHERS = (IDENTITY, TANH, LOGISTIC)


def he_suits_rectifiers() -> Evidence:
    """B8.3: variance 2 / inputs."""
    return Evidence(tuple(_stays_in_range(each, HE) for each in _RECTIFIERS))


def default_suits_rectifiers() -> Evidence:
    """Control of B8.3: the default of nn.Linear, a sixth of He's variance."""
    return Evidence(tuple(_stays_in_range(each, LINEAR_DEFAULT) for each in _RECTIFIERS))


def glorot_suits_squashers() -> Evidence:
    """B8.4: variance 1 / inputs, as layers are equally wide."""
    return Evidence(tuple(_stays_in_range(each, LECUN) for each in _SQUASHERS))


def default_suits_squashers() -> Evidence:
    """Control of B8.4: the default of nn.Linear, a third of that variance."""
    return Evidence(tuple(_stays_in_range(each, LINEAR_DEFAULT) for each in _SQUASHERS))


def _settles_at_one(weight_variance: float) -> Evidence:
    cases = []
    for square in (0.5, 1.0, 2.0):
        signal = propagate(SELU, depth=50, weight_variance=weight_variance, mean_square=square)
        distance = abs(signal.mean_squares[-1] - 1.0)
        check = Check("distance from 1 of the mean square after 50 layers", distance, "<=", 0.01)
        cases.append(Case(f"inputs of mean square {square:g}", (check,)))
    return Evidence(tuple(cases))


def lecun_suits_selu() -> Evidence:
    """B8.5: variance 1 / inputs."""
    return _settles_at_one(LECUN)


def he_suits_selu() -> Evidence:
    """Control of B8.5: He's variance."""
    return _settles_at_one(HE)


def _saturates(variance_of: Callable[[int], float]) -> Evidence:
    cases = []
    for width in (10, 100, 1000):
        variance = variance_of(width)
        signal = propagate(LOGISTIC, depth=DEPTH, weight_variance=variance)
        before = variance * signal.mean_squares[-2]
        flat = normal_mean(lambda z: (LOGISTIC.derivative(z) < 0.025).to(z.dtype), variance=before)
        checks = (
            Check("share of saturated units, slope below a tenth of the largest", flat, ">", 0.05),
            Check("gradient over 20 layers, decades", signal.log10_gradient, "<=", -2.0),
        )
        cases.append(Case(f"layers of {width} units", checks))
    return Evidence(tuple(cases))


def wide_start_stops_the_gradient() -> Evidence:
    """B8.6: weights with standard deviation 1, hence variance ``width`` in units of 1 / inputs."""
    return _saturates(float)


def glorot_start_stops_the_gradient() -> Evidence:
    """Control of B8.6: Glorot's variance, at which no unit saturates."""
    return _saturates(lambda width: LECUN)
