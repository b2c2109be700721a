"""The experiments of question 7 on trained networks, each with a control that is rejected."""

import math
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from theory.claim import Case, Check, Evidence
from theory.dropout.calibration import Savings, savings, train
from theory.dropout.duration import HIDDEN, steps_until_trained
from theory.statistics import FALSE_ALARM_RATE

NETWORKS, STEPS = 64, 90
NOWHERE = (0.0,) * len(HIDDEN)
PLACES = {
    "dropout of 20 % in front of the output": (0.0, 0.0, 0.2),
    "dropout of 10 % behind each of the three hidden layers": (0.1, 0.1, 0.1),
    "dropout of 50 % in front of the output": (0.0, 0.0, 0.5),
}
CALIBRATED, OVERTRAINED = 32, 150

_steps_until_trained = cache(steps_until_trained)
_train = cache(train)


def training_takes_longer() -> Evidence:
    """Q7.1 by rate and place."""
    return _check_duration(PLACES)


def idle_dropout_takes_longer() -> Evidence:
    """Control of Q7.1: dropout in evaluation mode while training."""
    return _check_duration(dict.fromkeys(PLACES, NOWHERE))


def _check_duration(places: Mapping[str, tuple[float, ...]]) -> Evidence:
    without = duration(NOWHERE)
    cases = []
    for condition, rates in places.items():
        ratios = torch.log(duration(rates) / without)
        longer = Check(
            "steps until the loss on fresh examples is lowest, relative to no dropout "
            f"(geometric mean of {NETWORKS} pairs)",
            math.exp(float(ratios.mean())),
            ">",
            1.0,
            # The mean log ratio is 0.2 or more and scatters by 0.03 or less.
            false_alarm_rate=FALSE_ALARM_RATE,
            detects="a fifth more steps",
            samples=NETWORKS,
        )
        cases.append(Case(condition, (longer,)))
    stopped = Check("latest of those steps without dropout", float(without.max()), "<", STEPS)
    return Evidence(tuple(cases), (stopped,))


def duration(rates: tuple[float, ...]) -> Tensor:
    """Steps (NETWORKS,) until the loss on fresh examples is lowest, at dropout ``rates``."""
    return _steps_until_trained(rates, networks=NETWORKS, steps=STEPS, seed=73).double()


def better_uncertainty() -> Evidence:
    """Q7.10 at the rate of training."""
    return _check_uncertainty((0.1, 0.1, 0.1))


def better_uncertainty_without_dropout() -> Evidence:
    """Control of Q7.10: at rate 0 every pass is the plain prediction."""
    return _check_uncertainty(NOWHERE)


def _check_uncertainty(rates: tuple[float, ...]) -> Evidence:
    found = _train(networks=CALIBRATED, steps=OVERTRAINED, seed=82)
    clean, noisy = (savings(found, rates, noise=noise, seed=83) for noise in (0.0, 1.0))
    cases = [
        Case(f"against the plain prediction, {where}", (_saved(saved.plain),))
        for where, saved in (("fresh inputs", clean), ("fresh inputs with noise added", noisy))
    ]
    cases.append(Case("against single passes with dropout on", (_saved(clean.single),)))
    tempered = "against the plain prediction with a fitted temperature"
    cases.append(Case(tempered, (_saved(clean.tempered),)))
    return Evidence(tuple(cases), (_overconfident(clean),))


def _saved(difference: Tensor) -> Check:
    return Check(
        f"log loss that twenty passes save, nats, mean of {CALIBRATED} networks",
        float(difference.mean()),
        ">",
        1e-9,
        # The means are 6 standard errors from 0 or more, on either side.
        false_alarm_rate=FALSE_ALARM_RATE,
        detects="0.15 nats",
        samples=CALIBRATED,
    )


def _overconfident(found: Savings) -> Check:
    cured = float((found.plain - found.tempered).mean())
    return Check("log loss that the temperature saves, nats", cured, ">", 0.1)
