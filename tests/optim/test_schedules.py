"""Schedules as functions of progress."""

import pytest
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st

from lightning_cifar.optim.schedules import (
    ONE_CYCLE,
    SCHEDULES,
    constant,
    mean_factor,
    one_cycle,
)


def property_of_a_cycle(factor):
    @given(st.floats(0, 1), st.floats(0, 1))
    def check(one, other):
        """Never above 1 or below 0; rises to 45 %, falls after."""
        early, late = sorted((one, other))
        assert 0 < factor(early) <= 1
        if late <= 0.45:
            assert factor(early) <= factor(late)
        if early >= 0.45:
            assert factor(early) >= factor(late)
        assert factor(0.45) == pytest.approx(1)
        assert factor(1.0) < 0.01 < factor(0.0) < 0.2

    return check


def test_one_cycle_rises_and_falls_once():
    property_of_a_cycle(one_cycle)()


@pytest.mark.parametrize("wrong", [constant, lambda progress: one_cycle(progress / 2)])
def test_control_other_shapes_are_no_cycle(wrong):
    assert_rejects(property_of_a_cycle(wrong))


def test_one_cycle_passes_through_its_corners():
    for progress, factor in ONE_CYCLE:
        assert one_cycle(progress) == pytest.approx(factor)


def test_every_schedule_has_a_name():
    assert {"constant": constant, "one_cycle": one_cycle} == SCHEDULES


def test_mean_factor_is_the_mean_over_all_steps():
    steps = 100_000
    for schedule, factor in SCHEDULES.items():
        mean = sum(factor((step + 0.5) / steps) for step in range(steps)) / steps
        assert mean_factor(schedule) == pytest.approx(mean, abs=1e-6)
