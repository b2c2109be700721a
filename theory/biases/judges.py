"""The checks of question 2; a claim and its control go through the same one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from theory.biases.demo import gradient_profile
from theory.biases.output_unit import best_bias, fitted_bias, initial_loss
from theory.biases.propagation import Biases, log10_gradient_gain, silent_layer_probability
from theory.biases.training import Target, final_losses
from theory.claim import Case, Check, Evidence

_DEPTH = 20
_WIDTH = 100
_MARGIN = 0.3  # in standard deviations between networks

DENSE_AND_CONVOLUTION: dict[str, Callable[[], nn.Module]] = {
    "Linear": lambda: nn.Linear(8, 8),
    "Conv1d": lambda: nn.Conv1d(8, 8, 3),
    "Conv2d": lambda: nn.Conv2d(8, 8, 3),
}
LAYERS_WITH_BIAS: dict[str, Callable[[], nn.Module]] = DENSE_AND_CONVOLUTION | {
    "BatchNorm1d": lambda: nn.BatchNorm1d(8),
    "LayerNorm": lambda: nn.LayerNorm(8),
    "GroupNorm": lambda: nn.GroupNorm(2, 8),
    "MultiheadAttention": lambda: nn.MultiheadAttention(8, 2),
}
TARGETS: dict[str, Target] = {
    "odd": lambda points: torch.sin(3.0 * points[:, 0]),
    "even": lambda points: torch.sin(3.0 * points[:, 0]) * points[:, 1],
}


@dataclass(frozen=True)
class Trial:
    """How a deep ReLU network starts: weight variance in units of 1 / fan_in, and biases."""

    weight_variance: float
    biases: Biases


Remedy = Callable[[Trial], Trial]


def starts_at_zero(layers: dict[str, Callable[[], nn.Module]]) -> Evidence:
    """Judge whether zero is among the starts that torch itself gives to biases."""
    # The layers draw from the global generator when built; fork, so that nobody notices.
    with torch.random.fork_rng(devices=[]):
        biases = {name: _biases(build()) for name, build in layers.items()}
    zero = [name for name, values in biases.items() if not values.any()]
    drawn = float((biases["Linear"] != 0).double().mean())
    return Evidence(
        (
            Case(
                f"torch's defaults for {', '.join(layers)}",
                (Check("kinds of layer whose biases all start at exactly 0", len(zero), ">=", 1),),
            ),
        ),
        (Check("share of the biases of Linear that are drawn, not 0", drawn, "==", 1.0),),
    )


def _biases(layer: nn.Module) -> torch.Tensor:
    named = layer.named_parameters()
    return torch.cat([value.detach() for name, value in named if name.endswith("bias")])


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
    quantity = "initial loss at bias 0 above that at the best bias, in nats"
    return Case(
        f"logistic output unit, {rate:.0%} of the examples positive",
        (Check(quantity, excess, ">", 0.01),),
    )


def needs_the_start(*, trained: bool) -> Evidence:
    """Judge whether the offset that a unit ends with depends on where its bias started."""
    offset = 3.0
    from_zero, from_offset = (
        fitted_bias(offset, start=start, trained=trained) for start in (0.0, offset)
    )
    quantity = "how far a bias that started at 0 ends from one that started at 3"
    return Evidence(
        (
            Case(
                "a linear unit fits y = x + 3 by gradient descent",
                (Check(quantity, abs(from_zero - from_offset), ">", 0.01),),
            ),
        ),
        (Check("end of the bias that started at 3", from_offset, ">=", offset - 0.01),),
    )


def loses_the_gradient(*, weight_gain: float) -> Evidence:
    """Judge whether zero biases make a gradient vanish or explode, by depth."""
    cases = []
    for depth in (5, 20, 50):
        profile = gradient_profile(
            depth=depth, width=_WIDTH, draws=20, seed=0, weight_gain=weight_gain
        )
        quantity = "orders of magnitude by which the gradient's norm changes, mean of 20 networks"
        check = Check(
            quantity,
            abs(profile[0]),
            ">=",
            1.0,
            # A network's log10 scatters by sqrt(5 depth / width) / (2 ln 10), 0.34 at depth 50, so
            # the mean of 20 by 0.08; it is expected at -0.3 or nearer to 0, nine times that away.
            false_alarm_rate=1e-9,
            detects="a factor of 10 instead of 5",
            samples=20,
        )
        cases.append(Case(f"ReLU, biases 0, {depth} layers of {_WIDTH}", (check,)))
    return Evidence(tuple(cases))


def cures(remedy: Remedy) -> Evidence:
    """Judge whether ``remedy`` brings a lost gradient back to its size within a factor of 10."""
    cases = []
    troubles = (("halved: it vanishes", 0.5), ("doubled: it explodes", 8.0))
    for name, weight_variance in troubles:
        gain = _gain(remedy(Trial(weight_variance, Biases())))
        quantity = "orders of magnitude by which the gradient's norm still changes"
        check = Check(quantity, abs(gain), "<=", 1.0)
        cases.append(Case(f"{_DEPTH} ReLU layers, He's weights {name}", (check,)))
    harm = 10 ** _gain(remedy(Trial(2.0, Biases())))
    return Evidence(
        tuple(cases),
        (Check("factor on the gradient's norm where nothing was wrong", harm, "<=", 1.1),),
    )


def _gain(trial: Trial) -> float:
    return log10_gradient_gain(_DEPTH, weight_variance=trial.weight_variance, biases=trial.biases)


def accepts(*, dimensions: int) -> Evidence:
    """Judge whether torch's rules of He and Glorot fill tensors of so many dimensions."""
    rules = (("He", nn.init.kaiming_normal_), ("Glorot", nn.init.xavier_normal_))
    generator = torch.Generator().manual_seed(0)
    cases = []
    for name, fill in rules:
        accepted = 0
        for size in (1, 10, 100):
            try:
                fill(torch.empty([size] * dimensions), generator=generator)
                accepted += 1
            except ValueError:  # the rule asks for a fan-in, which a vector does not have
                pass
        check = Check("tensors out of three that the rule fills", accepted, "==", 3)
        cases.append(Case(f"{name}'s rule, {dimensions}-dimensional tensors", (check,)))
    return Evidence(tuple(cases))


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
    zero = final_losses(target, spread=0.0, networks=pairs, seed=0)
    drawn = final_losses(target, spread=1 / math.sqrt(2), networks=pairs, seed=0)
    before = final_losses(target, spread=0.0, networks=pairs, seed=0, steps=0)
    gain = float((zero - drawn).mean() / zero.std())
    return gain, float(before.mean()), float(zero.mean())
