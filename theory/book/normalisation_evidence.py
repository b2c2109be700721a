"""What batch normalisation costs and does, each tried beside a case that must fail."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from theory.book.normalisation import (
    INPUTS,
    OUTPUTS,
    WIDTH,
    drawn_linear,
    fused,
    normalise,
    normalised_network,
)
from theory.claim import Case, Check, Evidence
from theory.dropout.counting import Cost, cost_of
from theory.nonlinearities import LOGISTIC, RELU, TANH, Nonlinearity
from theory.signal import HE, LECUN, normal_mean, propagate

EXAMPLES, DEPTH = 64, 20
Normalise = Callable[[Tensor], Tensor]


def _drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _inputs(generator: torch.Generator) -> Tensor:
    return torch.randn(EXAMPLES, INPUTS, generator=generator, dtype=torch.float64)


def _cost(network: nn.Sequential) -> Cost:
    inputs = _inputs(_drawn(91))
    with torch.no_grad():
        return cost_of(lambda: network.eval()(inputs))


def _costs_more(networks: dict[str, nn.Sequential]) -> Evidence:
    plain = _cost(_without_normalisation(_network(3)))
    cases = tuple(
        Case(
            name,
            (
                Check(
                    "kernel calls of a prediction, relative to that without batch normalisation",
                    _cost(network).operations / plain.operations,
                    ">",
                    1.0,
                ),
            ),
        )
        for name, network in networks.items()
    )
    return Evidence(cases, (Check("kernel calls counted", plain.operations, ">", 0),))


def _network(layers: int) -> nn.Sequential:
    return normalised_network(layers=layers, generator=_drawn(92))


def _without_normalisation(network: nn.Sequential) -> nn.Sequential:
    return nn.Sequential(*(each for each in network if not isinstance(each, nn.BatchNorm1d)))


def normalisation_slows_prediction() -> Evidence:
    """B9.1 as trained, and folded into the layers before."""
    network = _network(3)
    return _costs_more({"as it was trained": network, "folded after training": fused(network)})


def no_normalisation_slows_prediction() -> Evidence:
    """Control of B9.1: the same networks with their normalisations taken out."""
    plain = _without_normalisation(_network(3))
    return _costs_more({"as it was trained": plain, "folded after training": fused(plain)})


def _folding_is_exact(*, evaluated: bool) -> Evidence:
    cases = []
    for layers in (1, 3, 20):
        network, inputs = _network(layers), _inputs(_drawn(93))
        with torch.no_grad():
            expected = network.train(not evaluated)(inputs)
            difference = float((fused(network)(inputs) - expected).abs().max())
        relative = difference / float(expected.abs().max())
        check = Check("largest difference of an output, relative", relative, "<=", 1e-9)
        cases.append(Case(f"{layers} hidden layer{'s' * (layers > 1)}", (check,)))
    return Evidence(tuple(cases))


def folding_is_exact() -> Evidence:
    """B9.2 in evaluation mode."""
    return _folding_is_exact(evaluated=True)


def folding_is_exact_in_training_mode() -> Evidence:
    """Control of B9.2: the network left in training mode, with each batch's own statistics."""
    return _folding_is_exact(evaluated=False)


def _ignores_units(network: Callable[[Tensor], Tensor]) -> Evidence:
    generator = _drawn(94)
    inputs = _inputs(generator)
    factors = 10.0 ** (3 * torch.rand(INPUTS, generator=generator, dtype=torch.float64))
    shifts = 100 * torch.randn(INPUTS, generator=generator, dtype=torch.float64)
    settings = {
        "all inputs multiplied by 255": 255 * inputs,
        "each input in a unit and from a zero of its own": factors * inputs + shifts,
    }
    expected = network(inputs)
    cases = []
    for name, changed in settings.items():
        difference = float((network(changed) - expected).abs().max() / expected.abs().max())
        check = Check("largest difference of an output, relative", difference, "<=", 1e-3)
        cases.append(Case(name, (check,)))
    return Evidence(tuple(cases))


@torch.no_grad()
def first_normalisation_replaces_standardising() -> Evidence:
    """B9.3: batch normalisation in front of the first layer."""
    linear = drawn_linear(INPUTS, WIDTH, _drawn(95))
    return _ignores_units(lambda inputs: linear(normalise(inputs)))


@torch.no_grad()
def later_normalisation_replaces_standardising() -> Evidence:
    """Control of B9.3: batch normalisation behind the first layer only."""
    linear = drawn_linear(INPUTS, WIDTH, _drawn(95))
    return _ignores_units(lambda inputs: normalise(linear(inputs)))


def _bias_is_idle(normalised: Normalise) -> Evidence:
    inputs, linear = _inputs(_drawn(96)), drawn_linear(INPUTS, WIDTH, _drawn(97))
    target = torch.randn(EXAMPLES, WIDTH, generator=_drawn(98), dtype=torch.float64)
    before = normalised(linear(inputs))
    (before * target).sum().backward()  # type: ignore[no-untyped-call]
    weight_gradient, bias_gradient = linear.weight.grad, linear.bias.grad
    assert weight_gradient is not None
    assert bias_gradient is not None
    with torch.no_grad():
        linear.bias.add_(torch.linspace(-5, 5, WIDTH, dtype=torch.float64))
        difference = float((normalised(linear(inputs)) - before).abs().max())
    checks = (
        Check("largest change of an output by other biases", difference, "<=", 1e-9),
        Check("largest gradient of a bias", float(bias_gradient.abs().max()), "<=", 1e-9),
    )
    moved = Check("largest gradient of a weight", float(weight_gradient.abs().max()), ">", 0.1)
    return Evidence((Case("a layer of 30 units and 64 examples, in training", checks),), (moved,))


def bias_before_normalisation_is_idle() -> Evidence:
    """B9.4: any biases in front of batch normalisation."""
    return _bias_is_idle(normalise)


def bias_before_layer_normalisation_is_idle() -> Evidence:
    """Control of B9.4: layer normalisation, which takes its mean over units."""
    return _bias_is_idle(lambda values: nn.functional.layer_norm(values, (WIDTH,)))


def _ignores_the_start(normalised: Normalise) -> Evidence:
    inputs = _inputs(_drawn(99))
    (outputs, step), (wide_outputs, wide_step) = (
        _outputs_and_step(inputs, normalised, factor=factor) for factor in (1.0, 10.0)
    )
    difference = float((wide_outputs - outputs).abs().max() / outputs.abs().max())
    ratio = wide_step / step
    same = Check("largest difference of an output, relative", difference, "<=", 0.01)
    quantity = "first step divided by the weights' size, relative to the usual start"
    pace = (Check(quantity, ratio, ">=", 0.5), Check(quantity, ratio, "<=", 2.0))
    return Evidence(
        (
            Case("what the network computes, with weights ten times as large", (same,)),
            Case("how far a step of gradient descent turns the weights", pace),
        )
    )


def _outputs_and_step(
    inputs: Tensor, normalised: Normalise, *, factor: float
) -> tuple[Tensor, float]:
    """What five layers give, and the size of the gradient of the first over that of its weights."""
    generator = _drawn(100)
    weights = [
        factor * drawn_linear(fan_in, WIDTH, generator).weight.detach()
        for fan_in in (INPUTS, *(WIDTH,) * 4)
    ]
    first = weights[0].requires_grad_()
    values = inputs
    for weight in weights:
        values = torch.relu(normalised(values @ weight.T))
    target = torch.randn(EXAMPLES, OUTPUTS, generator=generator, dtype=torch.float64)
    loss = ((values[:, :OUTPUTS] - target) ** 2).mean()
    (gradient,) = torch.autograd.grad(loss, first)
    return values.detach(), float(gradient.norm() / first.detach().norm())


def start_hardly_matters() -> Evidence:
    """B9.5 with batch normalisation in every layer."""
    return _ignores_the_start(normalise)


def start_hardly_matters_under_a_fixed_factor() -> Evidence:
    """Control of B9.5: a fixed factor in place of the batch's statistics."""
    return _ignores_the_start(lambda values: values / 2)


def _log10_gradient(nonlinearity: Nonlinearity) -> float:
    """Change of a gradient's norm over the layers, with batch normalisation before each activation.

    For large batches the squared norm grows by E phi'(z)² / Var phi(z) in each layer, z standard
    normal, whatever the weights (Yang et al. 2019, A mean field theory of batch normalization).
    """
    mean = normal_mean(nonlinearity.value)
    variance = normal_mean(lambda z: nonlinearity.value(z) ** 2) - mean**2
    factor = normal_mean(lambda z: nonlinearity.derivative(z) ** 2) / variance
    return DEPTH * 0.5 * math.log10(factor)


def _steadies_gradients(with_normalisation: Callable[[Nonlinearity, float], float]) -> Evidence:
    cases = []
    for nonlinearity, variance in ((LOGISTIC, LECUN), (TANH, LECUN), (RELU, HE)):
        plain = propagate(nonlinearity, depth=DEPTH, weight_variance=variance).log10_gradient
        saved = abs(plain) - abs(with_normalisation(nonlinearity, plain))
        quantity = f"decades by which the gradient over {DEPTH} layers is nearer to a steady one"
        check = Check(quantity, saved, ">=", 0.5)
        cases.append(Case(f"{nonlinearity.name} with its usual start", (check,)))
    return Evidence(tuple(cases))


def normalisation_steadies_gradients() -> Evidence:
    """B9.6 by activation."""
    return _steadies_gradients(lambda nonlinearity, plain: _log10_gradient(nonlinearity))


def nothing_steadies_gradients() -> Evidence:
    """Control of B9.6: the same networks without batch normalisation."""
    return _steadies_gradients(lambda nonlinearity, plain: plain)
