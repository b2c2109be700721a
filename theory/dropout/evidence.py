"""The experiments of question 7 on what dropout does and costs; controls beside them."""

import torch
from torch import Tensor, nn

from theory.claim import Case, Check, Evidence
from theory.dropout.counting import Cost, cost_of
from theory.dropout.networks import dense_network, private_random, training_step
from theory.statistics import mean_check, samples_needed

WIDTHS, RATES, NO_DROPOUT = (100,) * 5, (0.5,) * 5, (0.0,) * 5


def passes_drop_activations() -> Evidence:
    """Q7.2 in training mode."""
    return _check_dropping(training=True)


def evaluation_drops_activations() -> Evidence:
    """Control of Q7.2: nothing is dropped in evaluation mode."""
    return _check_dropping(training=False)


def _check_dropping(*, training: bool) -> Evidence:
    rate, samples = 0.25, samples_needed(0.02)
    layer = nn.Dropout(rate).train(training)
    values = torch.full((samples,), 3.0, dtype=torch.float64)
    with private_random(torch.Generator().manual_seed(74)):
        first, second = layer(values), layer(values)
    scaled = first == 3.0 / (1.0 - rate)
    other = int(((first != 0.0) & ~scaled).sum())
    share = float(scaled.double().mean())
    case = Case(
        f"{samples:,} activations of 3 at rate {rate:g}",
        (
            Check("results other than 0 and 3/(1 - rate)", other, "==", 0.0),
            mean_check("share of activations kept", share, 1.0 - rate, samples=samples),
            Check("activations that differ in a second pass", int((first != second).sum()), ">", 0),
        ),
    )
    return Evidence((case,), (Check("activations", samples, ">", 0.0),))


def step_costs_more() -> Evidence:
    """Q7.3: the same network with and without dropout."""
    return _check_step(widths=WIDTHS)


def step_of_wider_network_costs_more() -> Evidence:
    """Control of Q7.3: layers widened by 1/(1 - rate)."""
    return _check_step(widths=(200,) * 5)


def _check_step(*, widths: tuple[int, ...]) -> Evidence:
    inputs, labels = _batch()
    plain, dropped = (
        _step_cost(dense_network(inputs=300, widths=w, outputs=10, rates=rates), inputs, labels)
        for w, rates in ((WIDTHS, NO_DROPOUT), (widths, RATES))
    )
    case = Case(
        "training step of a network with five hidden layers of 100 units, rate 0.5",
        (
            Check(
                "operations in matrix products, relative to no dropout",
                dropped.flops / plain.flops,
                ">",
                1.0,
            ),
            Check(
                "arithmetic added in all, in per cent",
                100.0 * (dropped.arithmetic / plain.arithmetic - 1.0),
                ">=",
                5.0,
            ),
        ),
    )
    calls = Check(
        "kernel calls relative to no dropout (dropout ran)",
        dropped.operations / plain.operations,
        ">",
        1.0,
    )
    return Evidence((case,), (calls,))


def _batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(75)
    inputs = torch.randn(8, 300, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(10, (8,), generator=generator)


def _step_cost(network: nn.Sequential, inputs: Tensor, labels: Tensor) -> Cost:
    with private_random(torch.Generator().manual_seed(76)):
        return cost_of(lambda: training_step(network, inputs, labels))


def inference_costs_nothing() -> Evidence:
    """Q7.4 in evaluation mode."""
    return _check_inference_cost(training=False)


def training_mode_costs_nothing() -> Evidence:
    """Control of Q7.4: evaluation mode forgotten."""
    return _check_inference_cost(training=True)


def _check_inference_cost(*, training: bool) -> Evidence:
    inputs, _ = _batch()
    plain, dropped = (
        dense_network(inputs=300, widths=WIDTHS, outputs=10, rates=rates).train(training)
        for rates in (NO_DROPOUT, RATES)
    )
    with private_random(torch.Generator().manual_seed(77)), torch.no_grad():
        without, cost = cost_of(lambda: plain(inputs)), cost_of(lambda: dropped(inputs))
    case = Case(
        "prediction for a batch of 8",
        (
            Check(
                "kernel calls relative to no dropout",
                cost.operations / without.operations,
                "<=",
                1.0,
            ),
            Check(
                "all arithmetic relative to no dropout",
                cost.arithmetic / without.arithmetic,
                "<=",
                1.0,
            ),
        ),
    )
    return Evidence((case,), (Check("kernel calls without dropout", without.operations, ">", 0.0),))


def inference_uses_all_units() -> Evidence:
    """Q7.5 in evaluation mode."""
    return _check_inference(training=False)


def training_mode_uses_all_units() -> Evidence:
    """Control of Q7.5: evaluation mode forgotten."""
    return _check_inference(training=True)


def _check_inference(*, training: bool) -> Evidence:
    inputs, _ = _batch()
    cases = []
    for name, make in (("dropout", nn.Dropout), ("alpha dropout", nn.AlphaDropout)):
        plain, dropped = (
            dense_network(inputs=300, widths=WIDTHS, outputs=10, rates=rates, make_dropout=make)
            for rates in (NO_DROPOUT, RATES)
        )
        dropped.train(training)
        with private_random(torch.Generator().manual_seed(78)), torch.no_grad():
            expected, first, second = plain(inputs), dropped(inputs), dropped(inputs)
        apart = float((first - expected).abs().max())
        repeated = float((first - second).abs().max())
        checks = (
            Check("largest difference from the network without dropout layers", apart, "==", 0.0),
            Check("largest difference between two predictions", repeated, "==", 0.0),
        )
        cases.append(Case(name, checks))
    size = Check("largest output", float(expected.abs().max()), ">", 0.0)
    return Evidence(tuple(cases), (size,))
