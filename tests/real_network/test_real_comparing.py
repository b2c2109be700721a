"""Differences by seed, steps to a loss, plain values."""

import math

import pytest
import torch

from benchmarks.real_network import q2_biases
from benchmarks.real_network.comparing import compared, plain, steps_to
from benchmarks.real_network.depth_sweep import breaking

NOISE = torch.tensor([0.1, -0.2, 0.3, 0.0, -0.1, 0.2, -0.3, 0.1, 0.0, -0.1])


def test_a_difference_is_claimed_where_there_is_one():
    base = torch.linspace(30, 50, 10)
    found = compared({"up": (base + 2 + NOISE, base), "same": (base + NOISE, base)}, margin=1.0)
    assert found["up"]["differs"]
    assert not found["up"]["equivalent"]
    assert found["up"]["mean"] == pytest.approx(2, abs=0.1)
    assert not found["same"]["differs"]
    assert found["same"]["equivalent"]


def test_holm_counts_the_family():
    base = torch.zeros(10)
    alone = compared({"up": (base + 2 + NOISE, base)})["up"]["p"]
    several = {"up": (base + 2 + NOISE, base)} | {str(k): (NOISE, base) for k in range(4)}
    assert compared(several)["up"]["p"] == pytest.approx(5 * alone)


def test_steps_are_read_in_a_straight_line_between_checks():
    losses = torch.tensor([[2.0, 1.0, 3.0], [1.0, 0.5, 3.0]])
    found = steps_to(losses, torch.tensor([10, 20]), 1.5)
    assert found.tolist() == [15, 10, math.inf]


def test_plain_values_are_rounded_and_what_is_not_finite_is_none():
    value = {"a": torch.tensor([1.23456, float("inf")]), "b": [float("nan"), 3, True, "x"]}
    assert plain(value) == {"a": [1.235, None], "b": [None, 3, True, "x"]}


def test_a_kind_breaks_where_it_is_far_below_its_best():
    assert breaking({1: 40.0, 5: 45.0, 20: 41.0, 50: 39.0}) == 50
    assert breaking({1: 40.0, 5: 45.0, 20: 44.0, 50: 43.0}) is None


@pytest.mark.parametrize(
    ("differs", "mean", "equivalent", "found"),
    [
        (True, 1.5, False, False),
        (False, 0.2, True, True),
        (True, 0.5, True, True),
        (False, 0.6, False, None),  # no difference shown is not none
        (True, -1.5, False, None),
    ],
)
def test_another_start_of_the_biases_makes_no_difference_if_that_is_shown(
    differs, mean, equivalent, found
):
    comparison = {"differs": differs, "mean": mean, "equivalent": equivalent}
    assert q2_biases.outcome(comparison) is found
