"""The checks of question 2; a claim and its control go through the same one."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import nn

from theory.biases.demo import gradient_profile
from theory.biases.output_unit import best_bias, initial_loss
from theory.biases.propagation import Biases, log10_gradient_gain, silent_layer_probability
from theory.biases.published import count
from theory.biases.training import Target, final_losses
from theory.claim import Case, Check, Evidence
from theory.formatting import figure
from theory.nonlinearities import ELU, LOGISTIC, RELU, SELU, TANH, Nonlinearity

_DEPTH, _DEEP = 20, 50
_WIDTH = 100
_DRAWS = 10
_SPREAD = 1 / math.sqrt(2.0)  # of drawn hidden biases, PyTorch's default for two inputs
_MARGIN = 0.3  # in standard deviations between networks

TORCH_DEFAULTS: dict[str, Callable[[], nn.Module]] = {
    "Linear": lambda: nn.Linear(8, 8),
    "Conv1d": lambda: nn.Conv1d(8, 8, 3),
    "Conv2d": lambda: nn.Conv2d(8, 8, 3),
}
TARGETS: dict[str, Target] = {
    "odd": lambda points: torch.sin(3.0 * points[:, 0]),
    "even": lambda points: torch.sin(3.0 * points[:, 0]) * points[:, 1],
    "shifted step": lambda points: torch.tanh(6.0 * (points[:, 0] - 0.4)),
}
# Activation functions of deep networks, each with the weights' variance that suits it.
DEEP: tuple[tuple[Nonlinearity, float], ...] = (
    (RELU, 2.0),
    (ELU, 2.0),
    (SELU, 1.0),
    (TANH, 1.0),
    (LOGISTIC, 1.0),
)


@dataclass(frozen=True)
class Trial:
    """How a deep ReLU network starts: weight variance in units of 1 / fan_in, and biases."""

    weight_variance: float
    biases: Biases


Remedy = Callable[[Trial], Trial]


def starts_at_zero(counts: Mapping[str, tuple[int, int]], where: str) -> Evidence:
    """Judge, by ``(biases, zeros)`` of each kind, whether most kinds start most biases at 0."""
    mostly = [name for name, (biases, zeros) in counts.items() if 2 * zeros > biases]
    fewest = min(biases for biases, _ in counts.values())
    quantity = f"share of the {len(counts)} whose biases mostly start at exactly 0"
    return Evidence(
        (Case(where, (Check(quantity, len(mostly) / len(counts), ">=", 0.5),)),),
        (Check("biases of the one that has fewest", fewest, ">", 0),),
    )


def counts_of_defaults() -> dict[str, tuple[int, int]]:
    """Biases and zeros among them as torch's own layers are built."""
    # The layers draw from the global generator when built; fork, so that its state is unchanged.
    with torch.random.fork_rng(devices=[]):
        return {name: count(build()) for name, build in TORCH_DEFAULTS.items()}


def is_not_optimal(*, rates: Sequence[float], shapes: Sequence[tuple[int, int]]) -> Evidence:
    """Judge, for output units and for hidden layers (width, depth), whether zero biases cost."""
    cases = [_excess_loss(rate) for rate in rates]
    for width, depth in shapes:
        lost = silent_layer_probability(width=width, depth=depth)
        quantity = "log10 of the chance that an input finds a layer without an active unit"
        cases.append(
            Case(
                f"ReLU, {depth} hidden layers of {width}",
                (Check(quantity, math.log10(lost), ">", -2.0),),
            )
        )
    return Evidence(tuple(cases))


def _excess_loss(rate: float) -> Case:
    excess = initial_loss(rate, bias=0.0) - initial_loss(rate, bias=best_bias(rate))
    quantity = "initial loss at bias 0 minus that at the best bias, in nats"
    return Case(
        f"logistic output unit, {rate:.0%} of the examples positive",
        (Check(quantity, excess, ">", 0.01),),
    )


def needs_the_start(*, trained: bool) -> Evidence:
    """Judge whether what a network learns depends on where its hidden biases started."""
    losses = {
        spread: final_losses(
            TARGETS["shifted step"],
            spread=spread,
            networks=30,
            seed=0,
            width=16,
            steps=400,
            trained=trained,
        )
        for spread in (0.0, _SPREAD)
    }
    check = Check(
        "loss after training with biases that start at 0, relative to drawn ones",
        _mean(losses[0.0]) / _mean(losses[_SPREAD]),
        ">=",
        2.0,
        # Near 1 if biases are trained, where it scatters by 0.05; 3.7 to 6.8 if they are not.
        false_alarm_rate=1e-9,
        detects="a ratio of 3.7",
        samples=30,
    )
    learned = Check("loss with drawn biases", _mean(losses[_SPREAD]), "<", 0.1)
    return Evidence((Case("16 tanh units learn a step at 0.4", (check,)),), (learned,))


def _mean(losses: torch.Tensor) -> float:
    return float(losses.mean())


@dataclass(frozen=True)
class Contrast:
    """Two starts of one deep network: what is said to lose the gradient, and what should not.

    Attributes:
        names: of the two, in words.
        suspect: options of ``gradient_profile`` for the first.
        remedy: the same for the second.
    """

    names: tuple[str, str]
    suspect: Mapping[str, float]
    remedy: Mapping[str, float]


ZERO_OR_DRAWN = Contrast(("zero biases", "drawn biases"), {}, {"spread": 1 / math.sqrt(_WIDTH)})
HALF_OR_WHOLE = Contrast(("halved weights", "whole weights"), {"weight_gain": 0.5}, {})


def loses_the_gradient(contrast: Contrast) -> Evidence:
    """Judge, pair by pair, whether the suspect loses the gradient and the remedy keeps it."""
    cases, smallest = [], math.inf
    suspect, remedy = contrast.names
    for nonlinearity, variance in DEEP:
        lost, kept = (
            abs(_first_of_profile(nonlinearity, variance, **options))
            for options in (contrast.suspect, contrast.remedy)
        )
        smallest = min(smallest, lost)
        check = Check(
            f"orders of magnitude saved by {remedy}, mean of {_DRAWS} pairs",
            lost - kept,
            ">=",
            1.0,
            # The log10 of a pair differs by 0.4 from pair to pair, the mean of ten by 0.13.
            false_alarm_rate=1e-9,
            detects="a saving of two orders of magnitude",
            samples=_DRAWS,
        )
        condition = (
            f"{nonlinearity.name}, {_DEEP} layers of {_WIDTH}; with {suspect} the gradient changes "
            f"by {figure(lost)} orders of magnitude"
        )
        cases.append(Case(condition, (check,)))
    changed = Check("smallest change with the suspect, orders of magnitude", smallest, ">", 0.0)
    return Evidence(tuple(cases), (changed,))


@cache
def _first_of_profile(nonlinearity: Nonlinearity, variance: float, **options: float) -> float:
    profile = gradient_profile(
        depth=_DEEP,
        width=_WIDTH,
        draws=_DRAWS,
        seed=0,
        nonlinearity=nonlinearity,
        weight_variance=variance,
        **options,
    )
    return profile[0]


def cures(remedy: Remedy, name: str) -> Evidence:
    """Judge whether ``remedy`` brings a lost gradient back to its size within a factor of 10."""
    cases = []
    troubles = (("halved, where it vanishes", 0.5), ("doubled, where it explodes", 8.0))
    for trouble, weight_variance in troubles:
        gain = _gain(remedy(Trial(weight_variance, Biases())))
        quantity = "orders of magnitude by which the gradient's norm still changes"
        check = Check(quantity, abs(gain), "<=", 1.0)
        condition = f"{_DEPTH} ReLU layers with He's weights {trouble}; {name}"
        cases.append(Case(condition, (check,)))
    harm = 10 ** _gain(remedy(Trial(2.0, Biases())))
    return Evidence(
        tuple(cases),
        (Check("factor on the gradient's norm where nothing was wrong", harm, "<=", 1.1),),
    )


def _gain(trial: Trial) -> float:
    return log10_gradient_gain(_DEPTH, weight_variance=trial.weight_variance, biases=trial.biases)


def depends_on_the_problem(*, rates: Sequence[float], targets: Sequence[str]) -> Evidence:
    """Judge, problem by problem, whether another start of the biases beats zero."""
    cases = [_excess_loss(rate) for rate in rates]
    sanity = []
    for name in targets:
        gain, start, end = _gain_of_random_biases(name)
        quantity = "loss saved by random hidden biases, in standard deviations between networks"
        check = Check(
            quantity,
            gain,
            ">=",
            _MARGIN,
            # Standard error 0.08 at most over 100 pairs; the nearest mean is 0.5 away.
            false_alarm_rate=1e-9,
            detects="0.5 standard deviations",
            samples=100,
        )
        cases.append(Case(f"16 tanh units learn an {name} function", (check,)))
        quantity = f"loss on the {name} function after training, over that before"
        sanity.append(Check(quantity, end / start, "<", 0.5))
    return Evidence(tuple(cases), tuple(sanity))


@cache
def _gain_of_random_biases(name: str) -> tuple[float, float, float]:
    """Loss saved, in standard deviations; mean loss with zero biases before and after training."""
    target, pairs = TARGETS[name], 100
    losses = partial(final_losses, target, networks=pairs, seed=0, width=16, trained=True)
    zero, drawn = (losses(spread=spread, steps=200) for spread in (0.0, _SPREAD))
    before = losses(spread=0.0, steps=0)
    gain = float((zero - drawn).mean() / zero.std())
    return gain, float(before.mean()), float(zero.mean())
