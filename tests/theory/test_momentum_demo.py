"""Question 5: the demo shows what it was asked for, or says why it cannot."""

import dataclasses
import math

import numpy as np
import pytest

from theory.errors import DomainError
from theory.momentum.demo import demonstrate, regime
from theory.momentum.figure import draw
from theory.momentum.quadratic import trajectory


def test_the_demo_shows_the_momentum_it_was_asked_for():
    result = demonstrate(momentum=0.999, learning_rate=0.1, steps=5000)
    assert result.regime == "rings around the minimum and converges"
    assert result.crossings == 506
    assert result.predicted_crossings == pytest.approx(505.54, abs=0.01)
    assert result.factor_per_step == pytest.approx(math.sqrt(0.999))
    assert result.steps_per_factor_e == pytest.approx(1999.0, abs=0.1)
    assert result.reference_steps_per_factor_e == pytest.approx(18.98, abs=0.01)
    assert result.largest_stable_learning_rate == pytest.approx(3.998)
    assert result.deepest_overshoot == pytest.approx(1.004, abs=0.01)
    assert result.final_distance <= math.sqrt(0.999) ** 5000 * 1.1
    assert result.noise_gain == pytest.approx(1.9 * 1.999 / (0.001 * 3.898), rel=1e-9)
    assert len(result.stretch_ends) == len(result.farthest_positions) == 801
    assert result.stretch_ends[-1] == 5000
    assert max(map(abs, result.farthest_positions[400:])) == pytest.approx(0.999**1250, abs=0.02)
    assert max(map(abs, result.reference_farthest_positions[400:])) < 1e-9


def test_a_short_demo_keeps_every_position():
    result = demonstrate(momentum=0.5, learning_rate=0.25, steps=3, curvature=2.0)
    assert result.stretch_ends == (0, 1, 2, 3)
    assert result.farthest_positions == (1.0, 0.5, 0.0, -0.25)
    assert result.final_distance == result.deepest_overshoot == 0.25
    assert result.largest_stable_learning_rate == 1.5


def test_the_curvature_counts_as_much_as_the_learning_rate():
    one = dataclasses.asdict(demonstrate(learning_rate=0.2, curvature=0.5))
    two = dataclasses.asdict(demonstrate(learning_rate=0.1, curvature=1.0))
    differing = {name for name in one if one[name] != two[name]}
    assert differing == {"learning_rate", "curvature", "largest_stable_learning_rate"}


@pytest.mark.parametrize(
    ("momentum", "step", "word"),
    [
        (0.5, 0.01, "creeps"),
        (0.5, 0.5, "rings around"),
        (0.5, 2.95, "jumps"),
        (0.5, 3.0, "swings for ever"),
        (0.5, 3.01, "diverges"),
        # Borders written in decimals, which differ from those in floats by rounding.
        (0.118, 2.236, "swings for ever"),
        (0.128, 2.256, "swings for ever"),
        (0.09, 0.49, "creeps"),
        (0.81, 0.01, "creeps"),
        (0.118, 2.236 * (1 + 1e-9), "diverges"),
        (0.128, 2.256 * (1 - 1e-9), "jumps"),
        (0.09, 0.49 * (1 + 1e-9), "rings around"),
        (1.0, 0.5, "rings for ever"),
        (1.0, 4.0, "swings for ever"),
        (0.0, 1.0, "creeps"),
        (0.0, 1.5, "jumps"),
    ],
)
def test_the_regime_is_named(momentum, step, word):
    said = regime(momentum, step)
    assert said.startswith(word)
    assert said.endswith(("minimum", "converges", "swing", "crossing it", "divergence"))


def test_each_stretch_is_shown_by_its_farthest_position():
    result = demonstrate(momentum=0.99, steps=2000)
    every = trajectory(0.99, 0.1, 2000)
    start = 0
    for end, shown in zip(result.stretch_ends, result.farthest_positions, strict=True):
        assert abs(shown) == np.abs(every[start : end + 1]).max()
        start = end + 1


def test_a_creeping_path_crosses_nothing():
    result = demonstrate(momentum=0.5, learning_rate=0.01, steps=50)
    assert result.crossings == result.predicted_crossings == 0


def test_no_noise_gain_where_plain_descent_diverges():
    # At 2.5 momentum 0.9 is stable and plain descent is not: there is nothing to compare with.
    assert math.isnan(demonstrate(momentum=0.9, learning_rate=2.5).noise_gain)


def test_a_diverging_demo_stays_finite():
    result = demonstrate(momentum=0.9, learning_rate=5.0, steps=2000)
    assert result.regime.startswith("diverges")
    assert result.steps_per_factor_e == math.inf
    assert math.isnan(result.noise_gain)
    assert 1e150 < result.final_distance < math.inf
    assert 1 < len(result.farthest_positions) < 30
    assert max(map(abs, result.farthest_positions)) <= 1e6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"momentum": 1.5},
            "^momentum must be from 0 to 1, got 1.5; above 1 the velocity grows by itself in "
            "every step, so the weights diverge at every learning rate and there is nothing else "
            "to show$",
        ),
        ({"momentum": -0.1}, "momentum must be from 0 to 1, got -0.1$"),
        ({"momentum": math.nan}, "momentum must be from 0 to 1, got nan$"),
        ({"momentum": math.inf}, "momentum must be from 0 to 1, got inf$"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and above 0, got 0"),
        ({"curvature": math.inf}, "curvature must be finite and above 0, got inf"),
        (
            {"learning_rate": 1e-17},
            "learning_rate times curvature must be from 1e-09 to 1e.100, got 1e-17",
        ),
        ({"learning_rate": 1e200, "curvature": 1e200}, "curvature must be from .*, got inf"),
        ({"steps": 0}, "steps must be from 1 to 1000000, got 0"),
        ({"steps": 1_000_001}, "steps must be from 1"),
    ],
)
def test_a_demo_that_cannot_be_shown_says_why(options, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**options)


def test_the_bounds_themselves_are_shown():
    assert demonstrate(momentum=0.0, steps=1).steps == 1
    slow = demonstrate(momentum=0.9, learning_rate=1e-9, steps=1)
    assert slow.steps_per_factor_e == pytest.approx(1e8, rel=1e-5)
    assert demonstrate(learning_rate=1e100, steps=1).factor_per_step == pytest.approx(1e100)
    assert demonstrate(momentum=0.09, learning_rate=0.49).predicted_crossings == 0.0
    assert demonstrate(momentum=1.0, steps=10).steps_per_factor_e == math.inf


def test_the_figure_holds_both_paths_and_the_point():
    result = demonstrate(momentum=0.99, steps=50)
    left, right = draw(result).axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), result.farthest_positions)
    np.testing.assert_array_equal(left.lines[1].get_ydata(), result.reference_farthest_positions)
    assert right.lines[0].get_xydata().tolist() == [[0.99, 0.1]]
