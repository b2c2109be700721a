"""The race of question 3 at other widths, counted."""

import pytest

from benchmarks.race_widths import raced, section
from theory.selu.race_evidence import LOGISTIC_SIDE, SELU_SIDE


def test_a_side_that_learns_is_ahead_of_one_that_does_not():
    found = raced(SELU_SIDE, LOGISTIC_SIDE, 16, networks=4)
    assert found["sooner"] > 0.5
    assert found["own_reached"] > found["rival_reached"] == 0
    turned = raced(LOGISTIC_SIDE, SELU_SIDE, 16, networks=4)  # control: the sides exchanged
    assert turned["sooner"] == pytest.approx(1 - found["sooner"])
    assert turned["smaller_error"] == pytest.approx(1 - found["smaller_error"])


def test_a_side_is_not_ahead_of_itself():
    found = raced(SELU_SIDE, SELU_SIDE, 8, networks=4)
    assert found["sooner"] == found["smaller_error"] == 0.5
    assert found["own_reached"] == found["rival_reached"]


def test_the_section_has_a_row_for_each_width():
    each = {"sooner": 0.75, "smaller_error": 0.25, "own_reached": 3, "rival_reached": 1}
    lines = section({"depth": 20, "networks": 4, "widths": {"8": each, "9": each}})
    assert "| 9 | 0.75 | 0.25 | 3 | 1 |" in lines
