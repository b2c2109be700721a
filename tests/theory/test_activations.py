"""Question 4: zeros and bounds of the functions, who has which property, and the demo."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from torch import nn

from theory.activations import evidence
from theory.activations.bounded_evidence import gradient_kept, line_of_inputs
from theory.activations.demo import RRELU_SLOPES, demonstrate, functions
from theory.activations.figure import draw
from theory.activations.operations import operations
from theory.errors import DomainError
from theory.nonlinearities import (
    ELU,
    LEAKY_RELU,
    LOGISTIC,
    RELU,
    SELU,
    TANH,
    Nonlinearity,
)
from theory.signal import LECUN, propagate
from theory.statistics import mean_band

SEEDS = st.integers(0, 2**32)


# Zeros and operations.


def half_are_zero(nonlinearity):
    @given(SEEDS, st.integers(1, 40), st.floats(0.0, 0.9))
    @settings(max_examples=15)
    def check(seed, size, dropped):
        generator = seeded(seed)
        inputs = torch.randn(size, generator=generator, dtype=torch.float64)
        inputs[1:][torch.rand(size - 1, generator=generator) < dropped] = 0.0
        share = evidence.share_of_zeros(nonlinearity, inputs, generator)
        # 15 examples at 1e-10 each.
        assert abs(share - 0.5) <= mean_band(evidence.NEURONS, 1e-10)

    return check


def test_half_of_relus_activations_are_zero_however_sparse_the_input():
    half_are_zero(RELU)()


@pytest.mark.parametrize("nonlinearity", [TANH, SELU, ELU, LEAKY_RELU], ids=lambda f: f.name)
def test_other_functions_have_no_zeros(nonlinearity):
    with rejected():
        half_are_zero(nonlinearity)()
    inputs = torch.ones(3, dtype=torch.float64)
    assert evidence.share_of_zeros(nonlinearity, inputs, seeded()) == 0


def test_operations_are_listed_in_order():
    assert operations(RELU) == ["clamp"]
    assert operations(TANH) == ["tanh"]
    double = Nonlinearity("double", lambda x: torch.exp(x) * 2, torch.ones_like)
    assert operations(double) == ["exp", "mul"]


def test_sparse_input_keeps_one_entry_in_sixteen():
    dense, sparse = evidence._inputs(seeded())
    assert int((sparse != 0).sum()) == 4
    assert torch.equal(sparse[::16], dense[::16])
    assert bool((dense != 0).all())


def keeps_positive_scale(nonlinearity):
    @given(st.floats(-1e3, 1e3), st.integers(-20, 20))
    def check(number, power):
        x = torch.tensor(number, dtype=torch.float64)
        once = nonlinearity.value(x)
        assert nonlinearity.value(x * 2.0**power) == once * 2.0**power
        assert nonlinearity.value(once) == once
        assert nonlinearity.derivative(x) in (0.0, 1.0)

    return check


def test_relu_is_homogeneous_and_idempotent():
    keeps_positive_scale(RELU)()


@pytest.mark.parametrize("nonlinearity", [LEAKY_RELU, ELU, TANH], ids=lambda f: f.name)
def test_others_are_not(nonlinearity):
    with rejected():
        keeps_positive_scale(nonlinearity)()


# Bounded functions.


FINITE = st.floats(allow_nan=False, allow_infinity=False)


def lies_between(nonlinearity, low, high):
    @given(FINITE)
    def check(number):
        value = float(nonlinearity.value(torch.tensor(number, dtype=torch.float64)))
        assert low <= value <= high

    return check


@pytest.mark.parametrize(
    ("nonlinearity", "low", "high"), [(TANH, -1, 1), (LOGISTIC, 0, 1)], ids=["tanh", "logistic"]
)
def test_bounded_functions_keep_their_range(nonlinearity, low, high):
    lies_between(nonlinearity, low, high)()
    with rejected():
        lies_between(SELU, low, high)()


@given(st.floats(-18, 18))
def test_tanh_reaches_its_ends_only_by_rounding(number):
    assert abs(math.tanh(number)) < 1
    assert abs(float(TANH.value(torch.tensor(number, dtype=torch.float64)))) < 1


def is_tanh(computed):
    @given(FINITE)
    def check(number):
        x = torch.tensor(number, dtype=torch.float64)
        assert abs(float(TANH.value(x) - computed(x))) <= 1e-15

    return check


def test_tanh_is_a_rescaled_logistic_function():
    is_tanh(lambda x: 2 * LOGISTIC.value(2 * x) - 1)()
    with rejected():
        is_tanh(lambda x: 2 * LOGISTIC.value(x) - 1)()


def has_steepest_slope(nonlinearity, slope):
    @given(FINITE)
    def check(number):
        x = torch.tensor(number, dtype=torch.float64)
        assert 0 <= nonlinearity.derivative(x) <= slope * (1 + 1e-15)
        assert nonlinearity.derivative(torch.zeros_like(x)) == slope

    return check


def test_tanh_is_four_times_as_steep():
    has_steepest_slope(TANH, 1.0)()
    has_steepest_slope(LOGISTIC, 0.25)()
    with rejected():
        has_steepest_slope(SELU, 1.0)()


def test_lines_of_inputs_are_even_and_reach_far():
    inputs = line_of_inputs(3.0)
    assert torch.allclose(inputs[:-2], -inputs[:-2].flip(0))
    assert (float(inputs[0]), float(inputs[1200])) == (-3.0, 3.0)
    assert inputs[-2:].tolist() == [-1e300, 1e300]


def test_kept_gradients_are_those_of_twenty_layers():
    signal = propagate(TANH, depth=20, weight_variance=LECUN)
    assert gradient_kept(TANH) == signal.log10_gradient


# Evidence, demo and figure.


def test_every_variant_of_leaky_relu_has_its_case():
    cases = evidence.leaky_units_stay_trainable().cases
    assert len(cases) == 5
    assert all(case.holds for case in cases)


def test_prelu_starts_at_a_quarter():
    prelu = functions(slope=0.02, generator=seeded())[3]
    module = nn.PReLU(dtype=torch.float64)
    below = torch.tensor(-1.0, dtype=torch.float64)
    assert prelu.value(below) == module(below[None]).item() == -0.25
    assert prelu.name == "PReLU at its start, slope 0.25"


def test_wide_functions():
    names = [f.name for f in functions(slope=0.02, generator=seeded())]
    assert len(set(names)) == len(names) == 8
    assert "leaky ReLU, slope 0.02" in names


@given(SEEDS)
@settings(max_examples=30)
def test_rrelu_slopes_lie_in_their_range(seed):
    drawn = functions(slope=0.01, generator=seeded(seed))[4]
    slope = float(drawn.derivative(torch.tensor(-1.0, dtype=torch.float64)))
    assert RRELU_SLOPES[0] <= slope <= RRELU_SLOPES[1]


def test_rrelu_slopes_reach_both_halves_of_their_range():
    def slope(seed):
        drawn = functions(slope=0.01, generator=seeded(seed))[4]
        return float(drawn.derivative(torch.tensor(-1.0, dtype=torch.float64)))

    middle = sum(RRELU_SLOPES) / 2
    assert min(slope(seed) for seed in range(40)) < middle < max(slope(seed) for seed in range(40))


def test_demo_takes_a_narrow_range():
    assert demonstrate(largest_input=0.5, points=3).inputs == (-0.5, 0.0, 0.5)


def test_demo_measures_every_function():
    result = demonstrate(slope=0.1, largest_input=2.0, points=5)
    assert result.inputs == (-2.0, -1.0, 0.0, 1.0, 2.0)
    leaky = result.functions.index("leaky ReLU, slope 0.1")
    assert result.values[leaky] == pytest.approx((-0.2, -0.1, 0, 1, 2))
    assert result.derivatives[leaky] == pytest.approx((0.1, 0.1, 0.1, 1, 1))
    assert (result.smallest_output[leaky], result.largest_output[leaky]) == (-0.2, 2.0)
    assert (result.smallest_derivative[leaky], result.largest_derivative[leaky]) == (0.1, 1.0)
    assert result.mean_output[leaky] == pytest.approx(0.9 / math.sqrt(2 * math.pi))
    assert result.mean_square_output[leaky] == pytest.approx(1.01 / 2)
    by_name = dict(zip(result.functions, result.share_of_zeros, strict=True))
    assert by_name.pop("ReLU") == pytest.approx(0.5)
    assert set(by_name.values()) == {0.0}
    exponentials = dict(zip(result.functions, result.exponentials, strict=True))
    assert [exponentials[name] for name in ("ReLU", "SELU", "tanh", "logistic")] == [0, 1, 1, 1]
    first, second, third = result.softmax_probabilities
    assert first[2] == pytest.approx(second[2])
    assert second[0] / third[0] == pytest.approx(math.e)
    sums = [sum(column) for column in zip(*result.softmax_probabilities, strict=True)]
    assert sums == pytest.approx([1.0] * 5)
    assert first[4] / second[4] == pytest.approx(math.e**2)


def test_demo_is_repeatable_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, again, other = (demonstrate(points=3, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.functions != other.functions
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slope": -0.1}, "slope must lie from 0 to 1, got -0.1; above 1 the function would"),
        ({"slope": 1.5}, "got 1.5"),
        ({"slope": math.nan}, "got nan"),
        ({"largest_input": 0.0}, "largest_input must be above 0 and at most 100, got 0.0; beyond"),
        ({"largest_input": 101.0}, "got 101.0"),
        ({"largest_input": math.inf}, "got inf"),
        ({"points": 2}, "points must be a whole number from 3 to 10001, got 2"),
        ({"points": 10_002}, "got 10002"),
    ],
    ids=str,
)
def test_demo_refuses(options, said):
    with pytest.raises(DomainError) as refusal:
        demonstrate(**options)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_demo_takes_the_ends_of_its_domain():
    for slope in (0.0, 1.0):
        result = demonstrate(slope=slope, largest_input=100.0, points=10_001)
        assert len(result.inputs) == 10_001


def test_figure_has_a_panel_for_each_function_and_one_for_softmax():
    result = demonstrate(points=7)
    figure = draw(result)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    titles = [axes.get_title() for axes in shown]
    assert titles == [*result.functions, "softmax of three scores"]
    for index, axes in enumerate(shown[:-1]):
        value, derivative = axes.lines[-2:]
        assert tuple(value.get_ydata()) == result.values[index]
        assert tuple(derivative.get_ydata()) == result.derivatives[index]
    assert len(shown[-1].lines) == 3
