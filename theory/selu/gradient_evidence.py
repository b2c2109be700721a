"""Judging in drawn networks whether SELU helps against unstable gradients (Q3.4)."""

from functools import cache
from itertools import chain
from statistics import quantiles

import torch

from theory.claim import Case, Check, Evidence
from theory.formatting import figure
from theory.nonlinearities import LOGISTIC, RELU, SELU, Nonlinearity
from theory.signal import HE, LECUN, Signal, propagate
from theory.signal_network import measure_signals
from theory.statistics import FALSE_ALARM_RATE

DEPTH = 20
DRAWS = 90  # networks of which the signal is measured
_AT_ONCE = 30


@cache
def _drawn(nonlinearity: Nonlinearity, weight_variance: float) -> tuple[Signal, ...]:
    generator = torch.Generator().manual_seed(0)
    chunks = (
        measure_signals(
            nonlinearity,
            networks=_AT_ONCE,
            depth=DEPTH,
            width=100,
            examples=4,
            weight_variance=weight_variance,
            generator=generator,
        )
        for _ in range(DRAWS // _AT_ONCE)
    )
    return tuple(chain.from_iterable(chunks))


def _measured_drift(nonlinearity: Nonlinearity, weight_variance: float) -> float:
    drawn = _drawn(nonlinearity, weight_variance)
    return abs(sum(signal.log10_gradient for signal in drawn) / DRAWS)


def _share_in_scale(nonlinearity: Nonlinearity, weight_variance: float) -> float:
    drawn = _drawn(nonlinearity, weight_variance)
    return sum(0.5 <= signal.mean_squares[-1] <= 2.0 for signal in drawn) / DRAWS


def _nine_in_ten(nonlinearity: Nonlinearity, weight_variance: float) -> str:
    """The band of the last layer's mean square, without the highest and lowest 5 % of networks."""
    drawn = _drawn(nonlinearity, weight_variance)
    cuts = quantiles([signal.mean_squares[-1] for signal in drawn], n=20, method="inclusive")
    return f"{figure(cuts[0])} to {figure(cuts[-1])}"


def _check_gradients(nonlinearity: Nonlinearity) -> Evidence:
    def smaller_drift(rival: str, variance: float) -> Case:
        check = Check(
            "orders of magnitude by which the gradient changes, mean",
            _measured_drift(nonlinearity, LECUN),
            "<",
            _measured_drift(RELU, variance),
            # The means scatter by 0.02; they are 0.2 apart or more.
            false_alarm_rate=FALSE_ALARM_RATE,
            detects="a change larger by half an order of magnitude",
            samples=DRAWS,
        )
        return Case(f"{DEPTH} layers of 100, against ReLU with {rival} start", (check,))

    steadier = Check(
        "share of networks whose signal keeps its mean square within a factor of 2",
        _share_in_scale(nonlinearity, LECUN),
        ">",
        _share_in_scale(RELU, HE),
        # SELU's stray by a tenth, seven times less than out of bounds; half of ReLU's stay in them,
        # and that nine in ten would has a chance of 4e-12.
        false_alarm_rate=FALSE_ALARM_RATE,
        detects="a share smaller by a half",
        samples=DRAWS,
    )
    deep = propagate(nonlinearity, depth=1000, weight_variance=LECUN)
    growth = Check(
        "orders of magnitude by which the gradient changes", abs(deep.log10_gradient), "<=", 3.0
    )
    predicted = propagate(nonlinearity, depth=DEPTH, weight_variance=LECUN)
    error = abs(_measured_drift(nonlinearity, LECUN) - abs(predicted.log10_gradient))
    agrees = Check("prediction against the drawn networks, orders of magnitude", error, "<=", 0.2)
    return Evidence(
        (
            smaller_drift("LeCun's", LECUN),
            smaller_drift("He's", HE),
            Case(
                f"the signal through {DEPTH} layers (mean square of nine networks in ten: "
                f"{_nine_in_ten(nonlinearity, LECUN)}), against ReLU with He's start "
                f"({_nine_in_ten(RELU, HE)})",
                (steadier,),
            ),
            Case("1000 layers", (growth,)),
        ),
        (agrees,),
    )


def helps_gradients() -> Evidence:
    """Q3.4: SELU helps against the vanishing and exploding gradients of deep ReLU networks."""
    return _check_gradients(SELU)


def logistic_helps_gradients() -> Evidence:
    """Control of Q3.4: the logistic function does not, anywhere."""
    return _check_gradients(LOGISTIC)
