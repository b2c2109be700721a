"""Swings about a minimum whose curvature is known."""

import math

import numpy as np
import pytest
import torch

from benchmarks.real_network.q5_momentum import curve, curve_steps
from benchmarks.real_network.swing import let_go, most_curved, period_of

CURVATURES = torch.tensor([5.0, 3.0, 1.0, -2.0], dtype=torch.float64)


def valley(weights):
    """The gradient of a quadratic valley, with a slope that does not vanish at the start."""
    return CURVATURES * weights + 0.3


def found(momentum, curvature=5.0):
    weights = torch.ones(4, dtype=torch.float64)
    direction = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    return let_go(valley, weights, curvature, direction, momentum)


@pytest.mark.parametrize("momentum", [0.9, 0.99, 0.99999])
def test_the_period_is_the_predicted_one(momentum):
    each = found(momentum)
    assert each["measured"] == pytest.approx(each["predicted"], rel=0.02)
    assert each["predicted"] == pytest.approx(30, rel=0.02)


def test_a_wrong_curvature_gives_another_period():
    each = found(0.99999, curvature=2.5)
    assert each["measured"] != pytest.approx(each["predicted"], rel=0.2)
    assert each["measured"] == pytest.approx(30 / math.sqrt(2), rel=0.05)


def test_what_is_left_is_what_friction_leaves():
    assert found(0.99999)["left"] > 0.99
    assert found(0.9)["left"] < 0.01
    assert found(0.99999)["crossings"] == 10


@pytest.mark.parametrize("hill", [-2.0, -9.0])
def test_the_most_curved_direction_is_a_valley_even_beside_a_steep_hill(hill):
    curvatures = CURVATURES.clone()
    curvatures[3] = hill
    curvature, direction = most_curved(
        lambda weights: curvatures * weights, torch.ones(4, dtype=torch.float64), seed=0
    )
    assert curvature == pytest.approx(5, rel=0.02)
    assert abs(direction[0].item()) > 0.99


def test_periods_are_read_between_the_steps():
    steps = np.arange(100)
    assert period_of(np.cos(2 * math.pi * steps / 17.3)) == pytest.approx(17.3, rel=1e-2)
    assert period_of(np.exp(-steps / 10)) == math.inf


def test_curves_are_medians_of_means():
    losses = torch.arange(240.0).view(80, 3)
    assert curve_steps(80) == list(range(2, 81, 2))
    assert curve(losses)[:2] == [2.5, 8.5]
