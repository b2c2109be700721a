"""Question 2: biases and the scale of signals, in formulas and networks; the demo."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rejection import rejected

from theory.biases.demo import demonstrate, gradient_profile
from theory.biases.figure import draw
from theory.biases.propagation import (
    HE,
    Biases,
    gradient_factor,
    log10_gradient_gain,
    next_mean_square,
    silent_layer_probability,
)
from theory.errors import DomainError
from theory.nonlinearities import LOGISTIC, RELU, SELU, TANH
from theory.signal import next_mean_square as next_square
from theory.signal import propagate

ZERO = Biases()


GRID = torch.linspace(-12, 12, 24001, dtype=torch.float64)


DENSITY = torch.exp(-(GRID**2) / 2) / math.sqrt(2 * math.pi)


def normal_mean(values):
    """The mean under the standard normal distribution by the trapezoidal rule."""
    return float(torch.trapezoid(values * DENSITY, GRID))


# The closed forms, against integrals.


def is_the_rectified_second_moment(implementation):
    @given(st.floats(0.1, 5), st.floats(0.2, 4), st.floats(-2, 2), st.floats(0, 2))
    @example(1.0, 2.0, 0.01, 0.0)
    def check(mean_square, weight_variance, constant, variance):
        deviation = math.sqrt(weight_variance * mean_square + variance)
        expected = normal_mean(torch.relu(constant + deviation * GRID) ** 2)
        found = implementation(
            mean_square, weight_variance=weight_variance, biases=Biases(constant, variance)
        )
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-7)

    return check


def test_next_mean_square_is_an_integral():
    is_the_rectified_second_moment(next_mean_square)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda q, weight_variance, biases: weight_variance * q / 2,
        lambda q, weight_variance, biases: next_mean_square(
            q, weight_variance=weight_variance, biases=Biases(biases.constant)
        ),
        lambda q, weight_variance, biases: next_mean_square(
            q, weight_variance=weight_variance, biases=Biases(-biases.constant, biases.variance)
        ),
    ],
    ids=["without biases", "without their variance", "wrong sign"],
)
def test_other_moments_are_rejected(wrong):
    with rejected():
        is_the_rectified_second_moment(wrong)()


def is_the_active_share(implementation):
    @given(st.floats(0.1, 5), st.floats(0.2, 4), st.floats(-2, 2), st.floats(0, 2))
    def check(mean_square, weight_variance, constant, variance):
        deviation = math.sqrt(weight_variance * mean_square + variance)
        # The jump of the step function is where the trapezoidal rule is weakest.
        active = normal_mean((constant + deviation * GRID > 0).double())
        found = implementation(
            mean_square, weight_variance=weight_variance, biases=Biases(constant, variance)
        )
        assert found == pytest.approx(weight_variance * active, rel=2e-3, abs=2e-3)

    return check


def test_gradient_factor_is_the_active_share():
    is_the_active_share(gradient_factor)()


def test_half_of_the_units_is_right_at_zero_bias_only():
    with rejected():
        is_the_active_share(lambda q, weight_variance, biases: weight_variance / 2)()


def zero_bias_keeps_he(biases):
    """He's rule changes neither signal nor gradient, at any depth and scale of the input."""

    @given(st.integers(1, 60), st.floats(0.01, 100))
    def check(depth, mean_square):
        gain = log10_gradient_gain(
            depth, weight_variance=HE, biases=biases, mean_square=mean_square
        )
        assert gain == pytest.approx(0, abs=1e-12)
        after = next_mean_square(mean_square, weight_variance=HE, biases=biases)
        assert after == pytest.approx(mean_square, rel=1e-12)

    return check


def test_zero_biases_keep_signal_and_gradient_at_hes_scale():
    zero_bias_keeps_he(ZERO)()


@pytest.mark.parametrize("biases", [Biases(constant=0.01), Biases(variance=0.01)], ids=str)
def test_other_biases_do_not(biases):
    with rejected():
        zero_bias_keeps_he(biases)()


@given(st.floats(0.1, 5), st.floats(0.0, 1.0))
def test_drawn_biases_add_half_their_variance_per_layer(mean_square, variance):
    after = next_mean_square(mean_square, weight_variance=HE, biases=Biases(variance=variance))
    assert after - mean_square == pytest.approx(variance / 2, abs=1e-12)
    assert gradient_factor(
        mean_square, weight_variance=HE, biases=Biases(variance=variance)
    ) == pytest.approx(1, abs=1e-12)


def test_a_hundredth_adds_a_few_per_cent_over_twenty_layers():
    gain = log10_gradient_gain(20, weight_variance=HE, biases=Biases(constant=0.01))
    assert 10**gain == pytest.approx(1.0549, abs=1e-4)


def test_halved_weights_lose_half_the_gradient_per_layer():
    gain = log10_gradient_gain(20, weight_variance=HE / 4, biases=ZERO)
    assert gain == pytest.approx(20 * math.log10(0.5))


def test_the_input_matters_only_beside_a_bias():
    loud, quiet = (
        log10_gradient_gain(
            5, weight_variance=HE, biases=Biases(constant=0.5), mean_square=mean_square
        )
        for mean_square in (100.0, 0.01)
    )
    assert quiet > loud + 0.1
    standard = log10_gradient_gain(5, weight_variance=HE, biases=Biases(constant=0.5))
    assert loud < standard < quiet


# Networks, against the closed forms.


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.booleans())
@settings(max_examples=30)
def test_networks_without_biases_are_homogeneous(seed, factor, leaky):
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(6, 6, generator=generator).double() for _ in range(4)]

    def network(values, bias):
        for weight in weights:
            values = torch.nn.functional.leaky_relu(weight @ values + bias, 0.1 * leaky)
        return values

    inputs = torch.randn(6, generator=generator).double()
    assert torch.allclose(network(factor * inputs, 0.0), factor * network(inputs, 0.0))
    if abs(factor - 1) > 0.1 and network(inputs, 0.5).any():  # the control
        assert not torch.allclose(network(factor * inputs, 0.5), factor * network(inputs, 0.5))


@pytest.mark.parametrize(
    ("gain", "biases", "spread"),
    [
        (1.0, ZERO, 0.0),
        (0.5, ZERO, 0.0),
        (1.0, Biases(constant=0.5), 0.0),
        (1.0, Biases(variance=1 / 3), 1.0),
    ],
    ids=["zero", "halved", "constant", "drawn"],
)
def test_measured_profiles_are_near_the_closed_form(gain, biases, spread):
    # A network's log10 scatters by sqrt(5 * 8 / 200) / (2 ln 10) = 0.1, its mean over 40 networks
    # by 0.016; finite width shifts it by 0.04 at most. The band leaves six standard errors.
    profile = gradient_profile(
        depth=8,
        width=200,
        draws=40,
        seed=3,
        weight_gain=gain,
        constant=biases.constant,
        spread=spread,
    )
    # From the last layer back to the first there are seven steps, whose inputs are layers 1 to 7.
    start = next_mean_square(1.0, weight_variance=HE * gain**2, biases=biases)
    expected = log10_gradient_gain(
        7, weight_variance=HE * gain**2, biases=biases, mean_square=start
    )
    assert len(profile) == 8
    assert profile[-1] == 0
    assert profile[0] == pytest.approx(expected, abs=0.14)


@pytest.mark.parametrize(
    ("nonlinearity", "variance"),
    [(RELU, 1.0), (SELU, 1.0), (TANH, 1.0), (LOGISTIC, 1.0)],
    ids=["relu", "selu", "tanh", "logistic"],
)
def test_profiles_of_other_functions_are_near_the_theory(nonlinearity, variance):
    # As above; 0.25 leaves six standard errors, and the functions differ by more from each other.
    profile = gradient_profile(
        depth=8,
        width=200,
        draws=40,
        seed=3,
        nonlinearity=nonlinearity,
        weight_variance=variance,
    )
    start = next_square(nonlinearity, 1.0, weight_variance=variance)
    expected = propagate(nonlinearity, depth=7, weight_variance=variance, mean_square=start)
    assert profile[0] == pytest.approx(expected.log10_gradient, abs=0.25)


def test_profiles_share_their_weights_between_biases():
    def profile(seed, **biases):
        return gradient_profile(depth=3, width=20, draws=2, seed=seed, **biases)

    assert profile(1) == profile(1)
    assert profile(1) != profile(2)
    assert profile(1) == pytest.approx(profile(1, constant=1e-9), abs=1e-6)
    assert profile(1) != profile(1, spread=0.5)
    assert profile(1) == pytest.approx(profile(1, weight_gain=0.5), abs=3)
    halved = profile(1, weight_gain=0.5)
    assert halved[0] - profile(1)[0] == pytest.approx(2 * math.log10(0.5))


@pytest.mark.parametrize("seed", range(4))
def test_a_profile_is_that_of_a_network_worked_layer_by_layer(seed):
    # Biases are felt through the units that they open and close alone: a wide spread opens many.
    found = gradient_profile(
        depth=3, width=6, draws=2, seed=seed, weight_gain=1.5, constant=0.2, spread=4.0
    )
    draws = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=draws, dtype=torch.float64)

    inputs, weights, biases = normal(2, 6), [], []
    for _ in range(3):
        weights.append(1.5 * math.sqrt(2 / 6) * normal(2, 6, 6))
        uniform = torch.rand(2, 6, generator=draws, dtype=torch.float64)
        biases.append(0.2 - 4.0 + 8.0 * uniform)
    directions, logs = normal(2, 6), torch.zeros(3, dtype=torch.float64)
    for index in range(2):
        values, active = inputs[index], []
        for weight, bias in zip(weights, biases, strict=True):
            values = weight[index] @ values + bias[index]
            active.append((values > 0).double())
            values = values.relu()
        slope = directions[index]
        norms = [slope.norm()]
        for weight, open_units in zip(weights[:0:-1], active[:0:-1], strict=True):
            slope = weight[index].T @ (open_units * slope)
            norms.insert(0, slope.norm())
        logs += torch.log10(torch.stack(norms) / norms[-1]) / 2
    assert found == pytest.approx(logs.tolist(), rel=1e-9, abs=1e-12)


# Layers without an active unit.


def is_the_silent_share(implementation):
    """Compare with networks of narrow layers: 4 000 draws, Hoeffding's band for a rate of 1e-9."""

    def check():
        generator = torch.Generator().manual_seed(0)
        draws, band = 4000, math.sqrt(math.log(2e9) / 8000)
        for width, depth in ((1, 1), (3, 5), (4, 10)):
            values = torch.randn(draws, width, generator=generator).double()
            silent = torch.zeros(draws, dtype=torch.bool)
            for _ in range(depth):
                weights = torch.randn(draws, width, width, generator=generator).double()
                values = torch.relu(torch.einsum("dij,dj->di", weights, values))
                silent |= ~values.any(dim=1)
            expected = implementation(width=width, depth=depth)
            assert abs(float(silent.double().mean()) - expected) <= band

    return check


def test_silent_layers_are_as_frequent_as_the_formula_says():
    is_the_silent_share(silent_layer_probability)()


def test_a_wrong_formula_is_rejected():
    with pytest.raises(AssertionError):
        is_the_silent_share(lambda width, depth: 1 - (1 - 2.0**-width) ** (depth - 1))()


def test_silent_layers_do_not_happen_at_the_exercises_width():
    assert silent_layer_probability(width=100, depth=20) == pytest.approx(20 * 2.0**-100)
    assert silent_layer_probability(width=1, depth=1) == 0.5


@pytest.mark.parametrize(("width", "depth"), [(0, 1), (1, 0)], ids=str)
def test_silent_layers_need_a_layer(width, depth):
    with pytest.raises(DomainError, match="must be at least 1"):
        silent_layer_probability(width=width, depth=depth)


# The demo.


def test_the_demo_shows_which_scale_matters():
    result = demonstrate()
    assert len(result.log10_gradient_zero_biases) == 20
    for values in (
        result.log10_gradient_zero_biases,
        result.log10_gradient_constant_biases,
        result.log10_gradient_random_biases,
    ):
        assert abs(values[0]) < 1
        assert values[-1] == 0
    assert result.log10_gradient_wrong_weights[0] < -5
    assert result.log10_gradient_zero_biases != result.log10_gradient_constant_biases
    assert result.log10_gradient_zero_biases != result.log10_gradient_random_biases


def test_the_demo_takes_its_parameters():
    small = {"depth": 3, "width": 8, "draws": 2}
    base = demonstrate(**small)
    for change in (
        {"depth": 4},
        {"width": 9},
        {"bias": 5.0},  # a small one may open and close no unit
        {"wrong_gain": 2.0},
        {"draws": 3},
        {"seed": 1},
    ):
        assert demonstrate(**(small | change)) != base
    assert demonstrate(**small) == base
    drawn = gradient_profile(depth=3, width=8, draws=2, seed=0, spread=1 / math.sqrt(8))
    assert base.log10_gradient_random_biases == drawn
    halved = gradient_profile(depth=3, width=8, draws=2, seed=0, weight_gain=0.5)
    assert base.log10_gradient_wrong_weights == halved
    constant = gradient_profile(depth=3, width=8, draws=2, seed=0, constant=0.01)
    assert base.log10_gradient_constant_biases == constant
    assert base.log10_gradient_zero_biases == gradient_profile(depth=3, width=8, draws=2, seed=0)
    demonstrate(depth=1, width=5, draws=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 0}, "depth must be from 1 to 200, got 0"),
        ({"width": 0}, "width must be from 1 to 1000, got 0"),
        ({"draws": 10**400}, "draws must be from 1 to 1000, got 1000"),
        ({"bias": math.inf}, "bias must be from -1000000 to 1000000, got inf"),
        ({"bias": math.nan}, "bias must be from -1000000 to 1000000, got nan"),
        ({"wrong_gain": 1e-12}, "must be from 1e-100 to 1e100, got 1e-12 with depth 20; beyond"),
        ({"wrong_gain": 1e308}, "must be from 1e-100 to 1e100, got 1e.308 with depth 20; beyond"),
        ({"seed": 10**20}, "seed must be from 0 to "),
        ({"wrong_gain": 0.0}, "wrong_gain must be"),
        ({"wrong_gain": math.inf}, "wrong_gain must be"),
    ],
    ids=str,
)
def test_the_demo_says_what_it_cannot_take(change, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**change)


def test_a_gain_changes_the_gradient_by_its_power_up_to_the_bound():
    for gain in (1e-5, 1e5):  # to the 20th: the bound itself
        result = demonstrate(wrong_gain=gain, draws=1)
        grown = result.log10_gradient_wrong_weights[0] - result.log10_gradient_zero_biases[0]
        assert grown == pytest.approx(19 * math.log10(gain))
    # Control: at a gain that is refused, the gradient of the same network passes for 0.
    assert gradient_profile(depth=20, width=100, draws=1, seed=0, weight_gain=1e-12)[0] == -math.inf


def test_the_figure_has_a_curve_for_each_start():
    (axes,) = draw(demonstrate(depth=3, width=8, draws=2)).axes
    assert len(axes.lines) == 4
    assert [len(line.get_xdata()) for line in axes.lines] == [3, 3, 3, 3]
