"""What the study's searches cost, over seeds that did not choose the grid's best rate."""

import pytest
from controls import assert_rejects

from benchmarks.search_seeds import CHOSE, RESULTS, points_lost, searched_accuracies


def loses_by_hand(lost):
    """Nine differences of 1 to 9 points: mean 5, deviation sqrt(7.5), t of eight degrees 2.306."""
    best = [0.5 + 0.01 * number for number in range(1, 10)]
    found, half = lost(best, [0.5] * 9)
    assert found == pytest.approx(5)
    assert half == pytest.approx(2.306004 * 7.5**0.5 / 3, rel=1e-6)


def test_points_lost_are_those_by_hand():
    loses_by_hand(points_lost)


def test_control_other_differences_are_noticed():
    assert_rejects(lambda: loses_by_hand(lambda best, own: points_lost(own, best)))
    assert_rejects(lambda: loses_by_hand(lambda best, own: (points_lost(best, own)[0], 0.0)))


def test_the_study_has_nine_other_seeds_in_every_arm():
    searched = searched_accuracies(RESULTS / "study")
    for arm in ("exercise-elu", "one_cycle-selu"):
        assert sorted(searched[arm].keys() - {CHOSE}) == list(range(1, 10))
