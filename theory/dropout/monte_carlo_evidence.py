"""The experiments of question 7 on Monte Carlo dropout, each with a control that is rejected."""

import torch
from torch import Tensor, nn

from theory.claim import Case, Check, Evidence
from theory.dropout.counting import Cost, cost_of, passes_through
from theory.dropout.monte_carlo import DROPOUT_MODULES, sample_probabilities
from theory.dropout.networks import (
    AlwaysOnDropout,
    MakeDropout,
    dense_network,
    private_random,
    training_step,
)

SAMPLES = 10


def training_costs_more() -> Evidence:
    """Q7.6: a network for Monte Carlo dropout and one for plain dropout, trained alike."""
    return _check_training(passes=1)


def averaged_training_costs_more() -> Evidence:
    """Control of Q7.6: each training step averages ten passes."""
    return _check_training(passes=SAMPLES)


def _check_training(*, passes: int) -> Evidence:
    plain, plain_cost, moved = _train(nn.Dropout, passes=1)
    always_on, cost, _ = _train(AlwaysOnDropout, passes=passes)
    difference = float((plain - always_on).abs().max())
    case = Case(
        "five steps of SGD, dropout after each of two hidden layers",
        (
            Check(
                "kernel calls of a step, relative to plain dropout",
                cost.operations / plain_cost.operations,
                ">",
                1.0,
            ),
            Check(
                "multiplications, relative to plain dropout",
                cost.flops / plain_cost.flops,
                ">",
                1.0,
            ),
            Check("largest difference of a trained weight", difference, ">", 0.0),
        ),
    )
    return Evidence((case,), (Check("largest change of a weight", moved, ">", 1e-3),))


def _train(make_dropout: MakeDropout, *, passes: int) -> tuple[Tensor, Cost, float]:
    """Weights after five steps, the cost of one, and the largest change of a weight."""
    network = dense_network(
        inputs=20, widths=(30, 30), outputs=4, rates=(0.3, 0.3), make_dropout=make_dropout, seed=79
    )
    generator = torch.Generator().manual_seed(79)
    inputs = torch.randn(16, 20, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (16,), generator=generator)
    start = nn.utils.parameters_to_vector(network.parameters()).detach()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, foreach=False)
    with private_random(generator):
        for _ in range(5):
            training_step(network, inputs, labels, passes=passes)
            optimizer.step()
        end = nn.utils.parameters_to_vector(network.parameters()).detach()
        cost = cost_of(lambda: training_step(network, inputs, labels, passes=passes))
    return end, cost, float((end - start).abs().max())


def prediction_takes_several_passes() -> Evidence:
    """Q7.7 with ten samples."""
    return _check_passes(samples=SAMPLES)


def single_pass_takes_several_passes() -> Evidence:
    """Control of Q7.7: a single pass passed off as ten samples."""
    return _check_passes(samples=1)


def _check_passes(*, samples: int) -> Evidence:
    counts = [_passes_and_slowdown(width, samples) for width in (20, 200)]
    cases = tuple(
        Case(
            f"ten samples, three hidden layers of {width} units",
            (
                Check("passes through the output layer", passes, "==", SAMPLES),
                Check("multiplications, relative to one pass", slowdown, ">", 1.0),
            ),
        )
        for width, (passes, slowdown) in zip((20, 200), counts, strict=True)
    )
    return Evidence(cases, (Check("passes counted", counts[0][0], ">", 0.0),))


def _passes_and_slowdown(width: int, samples: int) -> tuple[int, float]:
    network, inputs = _network(width, (0.1,) * 3), _inputs()
    passes = passes_through(network[-1], lambda: _predict(network, inputs, samples))
    return passes, _flops(network, inputs, samples) / _plain(network, inputs)


def predictions_spread() -> Evidence:
    """Q7.8 with every kind of dropout layer on."""
    return _check_spread(DROPOUT_MODULES)


def overlooked_alpha_dropout_spreads() -> Evidence:
    """Control of Q7.8: the search for layers to switch on misses AlphaDropout."""
    return _check_spread((nn.Dropout,))


def _check_spread(kinds: tuple[type[nn.Module], ...]) -> Evidence:
    rate, width = 0.1, 100
    network = dense_network(
        inputs=30, widths=(width,), outputs=5, rates=(rate,), make_dropout=nn.AlphaDropout, seed=80
    )
    inputs = _inputs()
    generator = torch.Generator().manual_seed(80)
    drawn = sample_probabilities(network, inputs, samples=SAMPLES, generator=generator, kinds=kinds)
    spread, total = float(drawn.std(dim=0).max()), float((drawn.sum(-1) - 1.0).abs().max())
    # All masks of an input are equal, and then all its predictions, with this chance.
    equal = (rate**SAMPLES + (1.0 - rate) ** SAMPLES) ** width
    differ = Check(
        "largest standard deviation of a probability over ten passes",
        spread,
        ">",
        1e-6,
        false_alarm_rate=equal,
        detects="passes that are all equal",
        samples=SAMPLES,
    )
    sums = Check("largest distance of a sum of probabilities from 1", total, "<=", 1e-12)
    entries = Check("probabilities drawn", drawn.numel(), ">", 0.0)
    return Evidence((Case("alpha dropout at rate 0.1", (differ, sums)),), (entries,))


def much_slower() -> Evidence:
    """Q7.9 with ten samples."""
    return _check_slowdown(samples=SAMPLES)


def single_pass_much_slower() -> Evidence:
    """Control of Q7.9: a single pass passed off as ten samples."""
    return _check_slowdown(samples=1)


def _check_slowdown(*, samples: int) -> Evidence:
    cases = slowdown_cases(samples, at_least=2.0)
    everywhere, inputs = (0.1,) * 20, torch.zeros(1, 3072, dtype=torch.float64)
    small, large = (_slowdown(w, everywhere, inputs, samples) for w in (50, 200))
    growth = Check(
        "slowdown of the larger network relative to the smaller one", large / small, ">", 1.0
    )
    cases.append(Case("each pass in full, 200 units instead of 50: worse if larger?", (growth,)))
    return Evidence(tuple(cases), (_sharing_changes_nothing(),))


def slowdown_cases(samples: int, *, at_least: float) -> list[Case]:
    """A prediction of ``samples`` passes against one plain pass, by where dropout stands."""
    everywhere, last = (0.1,) * 20, (0.0,) * 19 + (0.1,)
    settings = {
        "dropout after all 20 layers, each pass in full": (everywhere, False),
        "dropout after all 20 layers, the part before it once": (everywhere, True),
        "dropout in front of the output only, the part before it once": (last, True),
    }
    inputs = torch.zeros(1, 3072, dtype=torch.float64)
    return [
        Case(
            f"{name}: much slower?",
            (
                Check(
                    "multiplications, relative to one prediction",
                    _slowdown(100, rates, inputs, samples, share_prefix=share),
                    ">=",
                    at_least,
                ),
            ),
        )
        for name, (rates, share) in settings.items()
    ]


def _slowdown(
    width: int,
    rates: tuple[float, ...],
    inputs: Tensor,
    samples: int,
    *,
    share_prefix: bool = False,
) -> float:
    network = _network(width, rates, inputs=inputs.shape[1])
    flops = _flops(network, inputs, samples, share_prefix=share_prefix)
    return flops / _plain(network, inputs)


def _sharing_changes_nothing() -> Check:
    network, inputs = _network(50, (0.0, 0.1, 0.1)), _inputs()
    full, shared = (
        sample_probabilities(
            network,
            inputs,
            samples=SAMPLES,
            generator=torch.Generator().manual_seed(81),
            share_prefix=share,
        )
        for share in (False, True)
    )
    largest = float((full - shared).abs().max())
    return Check("largest change of a probability by sharing the first part", largest, "<=", 1e-12)


def _network(width: int, rates: tuple[float, ...], *, inputs: int = 30) -> nn.Sequential:
    return dense_network(
        inputs=inputs, widths=(width,) * len(rates), outputs=10, rates=rates, seed=83
    )


def _inputs() -> Tensor:
    generator = torch.Generator().manual_seed(84)
    return torch.randn(6, 30, generator=generator, dtype=torch.float64)


def _predict(
    network: nn.Sequential, inputs: Tensor, samples: int, *, share_prefix: bool = False
) -> Tensor:
    return sample_probabilities(
        network,
        inputs,
        samples=samples,
        generator=torch.Generator().manual_seed(85),
        share_prefix=share_prefix,
    )


def _flops(
    network: nn.Sequential, inputs: Tensor, samples: int, *, share_prefix: bool = False
) -> int:
    return cost_of(lambda: _predict(network, inputs, samples, share_prefix=share_prefix)).flops


def _plain(network: nn.Sequential, inputs: Tensor) -> int:
    """Multiplications of one ordinary prediction."""
    network.eval()
    with torch.no_grad():
        return cost_of(lambda: network(inputs)).flops
