"""What the book answers to the sheet's questions, where it says more than the sheet."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from theory.claim import Case, Check, Evidence, Relation
from theory.dropout.counting import cost_of
from theory.dropout.monte_carlo_evidence import SAMPLES, slowdown_cases
from theory.dropout.networks import dense_network
from theory.dropout.trained_evidence import NETWORKS, NOWHERE, duration
from theory.momentum.quadratic import spectral_radius, steps_to_shrink
from theory.nonlinearities import IDENTITY, SELU, Nonlinearity
from theory.signal import LECUN, propagate
from theory.statistics import FALSE_ALARM_RATE

Function = Callable[[Tensor], Tensor]


def _slope(function: Function, at: float, dtype: torch.dtype) -> float:
    point = torch.tensor(at, dtype=dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(function(point), point)
    return float(slope)


def _never_flat(function: Function) -> Evidence:
    settings = (
        ("10 below zero, 32 bits", -10.0, torch.float32),
        ("90 below zero, 32 bits", -90.0, torch.float32),
        ("110 below zero, 32 bits", -110.0, torch.float32),
        ("20 below zero, 16 bits", -20.0, torch.float16),
    )
    cases = tuple(
        Case(name, (_above_zero("slope as autograd gives it", _slope(function, at, dtype)),))
        for name, at, dtype in settings
    )
    return Evidence(cases)


def _above_zero(quantity: str, value: float) -> Check:
    decades = math.log10(value) if value > 0.0 else -math.inf
    return Check(f"log10 of the {quantity}; -inf if it is exactly 0", decades, ">", -math.inf)


def selu_is_never_flat() -> Evidence:
    """B3.1: SELU's slope far below zero, in the numbers that networks compute with."""
    return _never_flat(nn.functional.selu)


def relu_is_never_flat() -> Evidence:
    """Control of B3.1: ReLU, whose slope is zero there by definition."""
    return _never_flat(nn.functional.relu)


def _keeps_gradients(nonlinearity: Nonlinearity) -> Evidence:
    cases = []
    for depth in (20, 100, 1000):
        decades = propagate(nonlinearity, depth=depth, weight_variance=LECUN).log10_gradient
        check = Check("change of the gradient's norm, decades, up or down", abs(decades), "<=", 1.0)
        cases.append(Case(f"{depth} layers, LeCun's start", (check,)))
    return Evidence(tuple(cases))


def selu_keeps_gradients() -> Evidence:
    """B3.2 by depth."""
    return _keeps_gradients(SELU)


def identity_keeps_gradients() -> Evidence:
    """Control of B3.2: no activation, which keeps them at every depth."""
    return _keeps_gradients(IDENTITY)


def _gives_switched_off_units_a_gradient(function: Function) -> Evidence:
    generator = torch.Generator().manual_seed(101)
    inputs = torch.randn(200, 8, generator=generator, dtype=torch.float64)
    weight = torch.randn(8, generator=generator, dtype=torch.float64).requires_grad_()
    bias = torch.tensor(-30.0, dtype=torch.float64)
    before = inputs @ weight + bias
    (gradient,) = torch.autograd.grad(function(before).sum(), weight)
    check = Check("largest gradient of a weight", float(gradient.abs().max()), ">", 1e-3)
    off = Check("largest of its 200 pre-activations", float(before.detach().max()), "<", 0.0)
    return Evidence((Case("a unit that is below zero on every example", (check,)),), (off,))


def leaky_relu_revives() -> Evidence:
    """B4.1: slope 0.01 below zero."""
    return _gives_switched_off_units_a_gradient(nn.functional.leaky_relu)


def relu_revives() -> Evidence:
    """Control of B4.1: ReLU."""
    return _gives_switched_off_units_a_gradient(nn.functional.relu)


def _is_positive(function: Function) -> Evidence:
    cases = []
    for name, reach in (("pre-activations from -30 to 30", 30.0), ("from -1,000 to 1,000", 1e3)):
        lowest = float(function(torch.linspace(-reach, reach, 2001, dtype=torch.float32)).min())
        cases.append(Case(f"{name}, 32 bits", (_above_zero("smallest output", lowest),)))
    return Evidence(tuple(cases))


def softplus_is_positive() -> Evidence:
    """B4.2 in 32 bits."""
    return _is_positive(nn.functional.softplus)


def relu_is_positive() -> Evidence:
    """Control of B4.2: ReLU, whose output is often exactly zero."""
    return _is_positive(nn.functional.relu)


def _approximates_gelu(factor: float) -> Evidence:
    points = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    sigmoid_form = points * torch.sigmoid(factor * points)
    error = float((sigmoid_form - nn.functional.gelu(points)).abs().max())
    check = Check("largest difference from GELU between -10 and 10", error, "<=", 0.025)
    return Evidence((Case("20,001 points", (check,)),))


def scaled_sigmoid_form_is_gelu() -> Evidence:
    """B4.3: factor 1.702."""
    return _approximates_gelu(1.702)


def plain_sigmoid_form_is_gelu() -> Evidence:
    """Control of B4.3: factor 1, which is SiLU."""
    return _approximates_gelu(1.0)


def _is_smooth(alpha: float) -> Evidence:
    names = ("the slope", "the curvature")
    sides = [_derivatives(alpha, at) for at in (-1e-9, 1e-9)]
    cases = tuple(
        Case(name, (Check("its jump at zero", abs(above - below), "<=", 1e-6),))
        for name, below, above in zip(names, *sides, strict=True)
    )
    return Evidence(cases)


def _derivatives(alpha: float, at: float) -> tuple[float, float]:
    point = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    value = nn.functional.elu(point, alpha=alpha)
    (slope,) = torch.autograd.grad(value, point, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, point, allow_unused=True, materialize_grads=True)
    return float(slope.detach()), float(curvature)


def elu_is_smooth() -> Evidence:
    """B4.4: alpha 1."""
    return _is_smooth(1.0)


def steeper_elu_is_smooth() -> Evidence:
    """Control of B4.4: alpha 2, which has a kink."""
    return _is_smooth(2.0)


def _is_ten_times_as_fast(momentum: float) -> Evidence:
    speed = 0.0
    for _ in range(200):  # a slope of 1 everywhere; plain descent goes one rate per step
        speed = momentum * speed + 1.0
    same_slope = _about_ten("speed after 200 steps, relative to plain descent", speed)
    cases = [Case("a slope that stays the same", same_slope)]
    for rate in (0.01, 1.0):
        plain, fast = (
            steps_to_shrink(float(spectral_radius(each, rate))) for each in (0.0, momentum)
        )
        checks = _about_ten("steps of plain descent to a thousandth, over its own", plain / fast)
        cases.append(Case(f"a parabola, rate times curvature {rate:g}", checks))
    return Evidence(tuple(cases))


def _about_ten(quantity: str, value: float) -> tuple[Check, ...]:
    return Check(quantity, value, ">=", 9.5), Check(quantity, value, "<=", 10.5)


def momentum_is_ten_times_as_fast() -> Evidence:
    """B5.1: momentum 0.9."""
    return _is_ten_times_as_fast(0.9)


def half_momentum_is_ten_times_as_fast() -> Evidence:
    """Control of B5.1: momentum 0.5."""
    return _is_ten_times_as_fast(0.5)


# Nearer to 2 than to 1 or to 4, as ratios go.
_ROUGHLY_TWO: tuple[tuple[Relation, float], ...] = ((">=", 2.0**0.5), ("<=", 2.0**1.5))
_RATES = {
    "dropout of 10 % in front of the output": (0.0, 0.0, 0.1),
    "dropout of 50 % in front of the output": (0.0, 0.0, 0.5),
}


def _takes_twice_as_long(rates: Mapping[str, tuple[float, ...]]) -> Evidence:
    without = duration(NOWHERE)
    cases = []
    for condition, places in rates.items():
        factor = math.exp(float(torch.log(duration(places) / without).mean()))
        checks = tuple(
            Check(
                "steps until the loss on fresh examples is lowest, relative to no dropout "
                f"(geometric mean of {NETWORKS} pairs)",
                factor,
                relation,
                bound,
                # The mean log factor, 0.14 and 0.60, scatters by 0.02 and 0.03; log 2 / 2 is 0.35.
                false_alarm_rate=FALSE_ALARM_RATE,
                detects="a fifth more steps",
                samples=NETWORKS,
            )
            for relation, bound in _ROUGHLY_TWO
        )
        cases.append(Case(condition, checks))
    return Evidence(tuple(cases))


def training_takes_twice_as_long() -> Evidence:
    """B7.1 by rate."""
    return _takes_twice_as_long(_RATES)


def idle_dropout_takes_twice_as_long() -> Evidence:
    """Control of B7.1: dropout in evaluation mode while training."""
    return _takes_twice_as_long(dict.fromkeys(_RATES, NOWHERE))


def _costs_a_little_more(*, sampled: bool) -> Evidence:
    network = dense_network(
        inputs=3072, widths=(100,) * 20, outputs=10, rates=(0.1,) * 20, seed=102
    )
    inputs = torch.zeros(1, 3072, dtype=torch.float64)
    with torch.no_grad():
        plain = cost_of(lambda: network.eval()(inputs))
        sample = cost_of(lambda: network.train(sampled)(inputs))
    ratio = sample.arithmetic / plain.arithmetic
    quantity = "arithmetic of a pass, relative to a plain one"
    checks = (Check(quantity, ratio, ">", 1.0), Check(quantity, ratio, "<=", 1.1))
    return Evidence((Case("20 layers of 100 units, dropout behind each", checks),))


def a_sample_costs_a_little_more() -> Evidence:
    """B7.2: one pass with its dropout on."""
    return _costs_a_little_more(sampled=True)


def a_plain_pass_costs_a_little_more() -> Evidence:
    """Control of B7.2: the pass with its dropout off."""
    return _costs_a_little_more(sampled=False)


def samples_cost_ten_times_as_much() -> Evidence:
    """B7.3: ten samples."""
    return Evidence(tuple(slowdown_cases(SAMPLES, at_least=float(SAMPLES))))


def one_sample_costs_ten_times_as_much() -> Evidence:
    """Control of B7.3: one pass, called ten samples."""
    return Evidence(tuple(slowdown_cases(1, at_least=float(SAMPLES))))
