"""Question 3: self-normalisation layer by layer, in stacks and networks; the demo."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from scipy.optimize import brentq
from seeded import seeded
from torch import nn

from lightning_cifar.networks import elu_network, selu_network
from theory.errors import DomainError
from theory.nonlinearities import ELU, RELU, SELU, SELU_LAMBDA, TANH
from theory.selu import race_evidence, stacks
from theory.selu.demo import STARTS, demonstrate
from theory.selu.evidence import (
    relu_self_normalises,
    self_normalises,
    suits_depth,
)
from theory.selu.figure import draw
from theory.selu.moments import next_moments, output_moments, squared_gradient_factor
from theory.signal import HE, LECUN, gradient_factor, next_mean_square, normal_mean, propagate

# Mean and variance through a layer (Klambauer et al. 2017).


def has_moments_of_selu(moments):
    @given(st.floats(-3, 3), st.floats(0.01, 20))
    def check(mean, variance):
        # Shifting the kink to zero: the mean of f(mean + s z) is an integral over two half-lines.
        def shifted(power):
            z = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
            values = SELU.value(mean + math.sqrt(variance) * z) ** power
            density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
            return float(torch.trapezoid(values * density, z))

        first, second = shifted(1), shifted(2)
        average, spread = moments(mean, variance)
        assert average == pytest.approx(first, abs=1e-5)
        assert spread == pytest.approx(second - first**2, abs=1e-5)

    return check


def test_moments_are_the_integrals():
    has_moments_of_selu(output_moments)()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda mean, variance: (output_moments(mean, variance)[0], variance),
        lambda mean, variance: output_moments(mean, 1.01 * variance),
        lambda mean, variance: output_moments(0.99 * mean, variance),
    ],
    ids=["variance kept", "variance off", "mean off"],
)
def test_other_moments_are_rejected(wrong):
    with rejected():
        has_moments_of_selu(wrong)()


def test_zero_and_one_are_the_fixed_point():
    assert output_moments(0.0, 1.0) == pytest.approx((0.0, 1.0), abs=1e-14)


def test_the_fixed_point_attracts():
    step = 1e-5

    def slopes(mean, variance):
        high, low = next_moments(mean, 1 + variance), next_moments(-mean, 1 - variance)
        return [(a - b) / (2 * step) for a, b in zip(high, low, strict=True)]

    # With weights that add up to 0 the mean of the inputs plays no part.
    assert slopes(step, 0.0) == pytest.approx([0.0, 0.0], abs=1e-9)
    by_variance = slopes(0.0, step)
    assert by_variance == pytest.approx([0.0888344, 0.7826479], abs=1e-5)
    assert math.hypot(*by_variance) == pytest.approx(0.7877, abs=1e-4)  # the paper's figure


MEANS, SUMS = st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)


def stays_in_the_domain(following):
    """Theorem 1: moments near (0, 1) stay near, if weights are nearly normalised."""

    @given(MEANS, st.floats(0.8, 1.5), SUMS, st.floats(0.95, 1.1))
    def check(mean, variance, total, square):
        mean, variance = following(mean, variance, weight_sum=total, weight_square=square)
        assert -0.03106 <= mean <= 0.06773
        assert 0.80009 <= variance <= 1.48617

    return check


def test_moments_near_the_fixed_point_stay_near():
    stays_in_the_domain(next_moments)()


@pytest.mark.parametrize("gain", [0.75**2, 2.0], ids=["gain 3/4", "He"])
def test_with_another_gain_they_do_not(gain):
    with rejected():
        stays_in_the_domain(
            lambda *moments, weight_sum, weight_square: next_moments(
                *moments, weight_sum=weight_sum, weight_square=gain * weight_square
            )
        )()


def test_weights_scale_mean_and_variance_before_the_function():
    found = next_moments(0.25, 0.5, weight_sum=-2.0, weight_square=3.0)
    assert found == output_moments(-0.5, 1.5)
    assert found != output_moments(-0.5, 0.5)
    assert next_moments(0.25, 0.5) == output_moments(0.0, 0.5)


def moves_towards_one(following):
    """Theorems 2 and 3: a large variance falls, a small one rises."""

    @given(st.floats(-1, 1), SUMS, st.floats(3, 16), st.floats(0.8, 1.25), MEANS)
    def check(mean, total, large, square, small_mean):
        assert following(mean, large, weight_sum=total, weight_square=square)[1] < large
        small = large / 100
        risen = following(small_mean, small, weight_sum=total, weight_square=square)[1]
        assert risen > small

    return check


def test_far_variances_move_towards_one():
    moves_towards_one(next_moments)()


def test_those_of_a_linear_layer_do_not():
    with rejected():
        moves_towards_one(
            lambda mean, variance, weight_sum, weight_square: (0.0, variance * weight_square)
        )()


def test_squared_gradients_grow_by_seven_percent_a_layer():
    assert squared_gradient_factor() == pytest.approx(1.0715749924558, abs=1e-12)
    by_quadrature = gradient_factor(SELU, 1.0, weight_variance=LECUN)
    assert by_quadrature == pytest.approx(squared_gradient_factor(), abs=1e-12)


def forgets_the_scale(nonlinearity, variance):
    @given(st.floats(0.05, 20))
    @settings(max_examples=30)
    def check(square):
        signal = propagate(nonlinearity, depth=30, weight_variance=variance, mean_square=square)
        assert signal.mean_squares[-1] == pytest.approx(1, abs=0.05)

    return check


def test_selu_forgets_the_scale_of_its_inputs():
    forgets_the_scale(SELU, LECUN)()


@pytest.mark.parametrize(
    ("nonlinearity", "variance"), [(SELU, HE), (RELU, HE), (ELU, HE), (TANH, LECUN)]
)
def test_others_do_not(nonlinearity, variance):
    with rejected():
        forgets_the_scale(nonlinearity, variance)()


# Stacks.


STACK = {"depth": 20, "weight_variance": LECUN, "mean_square": 1.0}


@given(st.integers(1, 8), st.floats(0.3, 2.0), st.floats(0.1, 5.0))
@settings(max_examples=20)
def test_dropping_nothing_is_a_plain_stack(depth, variance, square):
    shape = {"depth": depth, "weight_variance": variance, "mean_square": square}
    plain = stacks.plain(SELU, **shape)
    assert stacks.with_dropout(SELU, **shape, probability=0.0) == pytest.approx(plain, rel=1e-12)
    alpha = stacks.with_alpha_dropout(SELU, **shape, probability=0.0)
    assert alpha == pytest.approx(plain, rel=1e-12)


def keeps_mean_square_one(stack):
    @given(st.floats(0.01, 0.9), st.integers(1, 20))
    @settings(max_examples=30)
    def check(probability, depth):
        shape = STACK | {"depth": depth}
        assert stack(SELU, **shape, probability=probability) == pytest.approx(1, abs=1e-9)

    return check


def test_alpha_dropout_keeps_mean_square_one():
    keeps_mean_square_one(stacks.with_alpha_dropout)()


def test_ordinary_dropout_does_not():
    with rejected():
        keeps_mean_square_one(stacks.with_dropout)()


def test_ordinary_dropout_of_a_rectifier_multiplies():
    shape = {"depth": 20, "weight_variance": HE, "mean_square": 3.0}
    passed = stacks.with_dropout(RELU, **shape, probability=0.2)
    assert passed == pytest.approx(3 * 1.25**20, rel=1e-10)
    assert stacks.with_dropout(RELU, **shape) == passed


def test_alpha_dropout_of_one_layer_by_hand():
    """The moments of a mixture: kept with probability 1 - p, else SELU's lower limit."""
    probability, square = 0.3, 1.7
    mean = normal_mean(SELU.value, variance=square)
    second = next_mean_square(SELU, square, weight_variance=1.0)
    limit = float(SELU.value(torch.tensor(-1e3, dtype=torch.float64)))
    scale = 1 / math.sqrt(1 - probability + probability * (1 - probability) * limit**2)
    # The usual form: scale^2 (q + alpha'^2 q (1 - q))^-1 with q = 1 - probability.
    shift = -scale * probability * limit
    wanted = (1 - probability) * (scale**2 * second + 2 * scale * shift * mean + shift**2)
    wanted += probability * (scale * limit + shift) ** 2
    shape = {"depth": 1, "weight_variance": 1.0, "mean_square": square}
    passed = stacks.with_alpha_dropout(SELU, **shape, probability=probability)
    assert passed == pytest.approx(wanted, rel=1e-12)


def test_skips_let_the_mean_square_grow():
    squares = [stacks.with_skips(SELU, **STACK | {"depth": depth}) for depth in range(21)]
    growth = [after / before for before, after in pairwise(squares)]
    assert squares[:2] == pytest.approx([1.0, 2.0], abs=1e-12)
    # At a large scale SELU is a rectifier of slope lambda whose mean is lambda s / sqrt(2 pi); the
    # factor r of a block then solves r = 1 + lambda^2 / 2 + lambda^2 / (pi (sqrt(r) - 1)).
    half = SELU_LAMBDA**2 / 2
    limit = brentq(lambda r: r - 1 - half - 2 * half / math.pi / (math.sqrt(r) - 1), 1.5, 3)
    assert growth[-1] == pytest.approx(limit, rel=0.01)
    assert all(factor > 1.7 for factor in growth)


def test_two_skips_by_hand():
    """The second layer meets inputs whose mean is that of what the first one added."""
    added = [normal_mean(SELU.value, variance=0.7 * square) for square in (3.0,)]
    first = 3.0 + next_mean_square(SELU, 3.0, weight_variance=0.7)
    added.append(normal_mean(SELU.value, variance=0.7 * first))
    second = first + 2 * added[0] * added[1] + next_mean_square(SELU, first, weight_variance=0.7)
    for depth, wanted in ((1, first), (2, second)):
        shape = {"depth": depth, "weight_variance": 0.7, "mean_square": 3.0}
        assert stacks.with_skips(SELU, **shape) == pytest.approx(wanted, rel=1e-12)


def test_skips_grow_as_predicted_in_a_drawn_network():
    generator = seeded()
    width, depth = 500, 10
    activations = torch.randn(40, width, generator=generator, dtype=torch.float64)
    for _ in range(depth):
        weight = torch.randn(width, width, generator=generator, dtype=torch.float64)
        activations = activations + SELU.value(activations @ weight.T / math.sqrt(width))
    predicted = stacks.with_skips(SELU, **STACK | {"depth": depth})
    # The logarithm of the ratio has a standard deviation of 0.07 over 30 seeds.
    assert abs(math.log(float((activations**2).mean()) / predicted)) < 0.5


# The networks of the training wing do what this wing says of them.


def hidden_mean_square(network):
    images = torch.randn(64, 3, 32, 32, generator=seeded(1))
    with torch.no_grad():
        return float((network[:-1](images).double() ** 2).mean())


@pytest.mark.parametrize(
    ("build", "nonlinearity", "variance", "band"),
    [(selu_network, SELU, LECUN, 0.25), (elu_network, ELU, HE, 1.2)],
    ids=["selu", "elu"],
)
def test_networks_of_the_exercise_start_as_predicted(build, nonlinearity, variance, band):
    predicted = propagate(nonlinearity, depth=20, weight_variance=variance).mean_squares[-1]
    measured = hidden_mean_square(build(20, 400, seeded()))
    # The logarithm of the ratio has standard deviations of 0.025 and 0.15 over 25 seeds.
    assert abs(math.log(measured / predicted)) < band


def test_a_network_with_the_wrong_start_is_told_apart():
    network = selu_network(20, 400, seeded())
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Linear):
                layer.weight *= 0.75
    assert hidden_mean_square(network) < 0.2


# Evidence, demo and figure.


def test_self_normalisation_holds_for_one_start_of_four():
    assert [case.holds for case in self_normalises().cases] == [True, *[False] * 4]
    assert not any(case.holds for case in relu_self_normalises().cases)


def test_depth_suits_two_stacks_of_five():
    assert [case.holds for case in suits_depth().cases] == [True, True, False, False, False]


def test_every_rival_has_its_case():
    assert [case.holds for case in race_evidence.rivals_can_be_better().cases] == [True, True, True]


def test_demo_predicts_and_measures():
    result = demonstrate(depth=3, width=200, examples=50, mean_square=2.0, seed=5)
    assert result.starts == tuple(name for name, _, _ in STARTS)
    for index, (_, nonlinearity, variance) in enumerate(STARTS):
        signal = propagate(nonlinearity, depth=3, weight_variance=variance, mean_square=2.0)
        assert result.mean_squares_by_layer_predicted[index] == signal.mean_squares
        assert result.log10_gradients_by_layer_predicted[index] == signal.log10_gradients
        assert result.last_mean_square_predicted[index] == signal.mean_squares[-1]
        assert result.log10_gradient_predicted[index] == signal.log10_gradient
        measured = result.mean_squares_by_layer_measured[index]
        assert len(measured) == 4
        # The mean square of 10,000 normal draws has a relative standard deviation of 0.014.
        assert measured[0] == pytest.approx(2.0, rel=0.1)
        assert result.last_mean_square_measured[index] == measured[-1]
        # 320 values of one drawn network: a factor of 2.5 is beyond what 1000 seeds show.
        assert measured[-1] == pytest.approx(signal.mean_squares[-1], rel=1.5)
        assert result.log10_gradient_measured[index] == pytest.approx(
            signal.log10_gradient, abs=0.4
        )


def test_demo_is_repeatable_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, again, other = (demonstrate(depth=2, width=5, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.last_mean_square_measured != other.last_mean_square_measured
    assert first.last_mean_square_predicted == other.last_mean_square_predicted
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"depth": 0}, "depth must be a whole number from 1 to 200, got 0"),
        ({"depth": 201}, "from 1 to 200, got 201"),
        ({"width": 0}, "width must be a whole number from 1 to 2000, got 0"),
        ({"width": 2001}, "got 2001"),
        ({"examples": 0}, "examples must be a whole number from 1 to 10000, got 0"),
        ({"mean_square": 0.0}, "mean_square must be above 0 and at most 1000000, got 0.0; inputs"),
        ({"mean_square": -1.0}, "got -1.0"),
        ({"mean_square": math.inf}, "got inf"),
        ({"mean_square": math.nan}, "got nan"),
    ],
    ids=str,
)
def test_demo_refuses(options, said):
    with pytest.raises(DomainError) as refusal:
        demonstrate(**options)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_demo_takes_the_ends_of_its_domain():
    assert len(demonstrate(depth=1, width=1, examples=1).starts) == 10
    deep = demonstrate(depth=200, width=2, examples=1, mean_square=1e6)
    assert all(math.isfinite(value) for value in deep.log10_gradient_predicted)


def test_figure_shows_every_start_twice_predicted_and_once_measured():
    result = demonstrate(depth=4, width=10)
    figure = draw(result)
    activations, gradients = figure.axes
    assert len(activations.lines) == 2 * len(result.starts)
    assert len(gradients.lines) == len(result.starts)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(result.starts)
    assert activations.get_yscale() == "log"
    drawn = activations.lines[0].get_ydata()
    assert tuple(drawn) == result.mean_squares_by_layer_predicted[0]
