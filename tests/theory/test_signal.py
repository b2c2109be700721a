"""Signals through depth: the wide-network prediction and the measured network."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rejection import rejected
from scipy.integrate import quad

from theory.nonlinearities import (
    ELU,
    IDENTITY,
    LOGISTIC,
    RELU,
    SELU,
    SILU,
    TANH,
    leaky_relu,
)
from theory.signal import (
    HE,
    LECUN,
    LINEAR_DEFAULT,
    TORCH_SELU_GAIN,
    Signal,
    gradient_factor,
    next_mean_square,
    normal_mean,
    propagate,
    restoring_slope,
)
from theory.signal_network import measure_signal

VARIANCES = st.floats(0.01, 4.0)
SQUARES = st.floats(1e-3, 1e4)


@pytest.mark.parametrize(("power", "moment"), [(0, 1), (1, 0), (2, 1), (3, 0), (4, 3), (8, 105)])
def test_moments_of_the_normal_distribution(power, moment):
    assert normal_mean(lambda z: z**power) == pytest.approx(moment, abs=1e-11)
    scaled = normal_mean(lambda z: z**power, variance=2.25)
    assert scaled == pytest.approx(1.5**power * moment, abs=1e-9)


def integrates(nonlinearity, computed):
    """The property that ``computed(q, v)`` is the mean of f(sqrt(v q) z) squared."""

    @given(SQUARES, VARIANCES)
    @settings(max_examples=20)
    def check(square, variance):
        deviation = math.sqrt(square * variance)

        def integrand(z):
            value = nonlinearity.value(torch.tensor(deviation * z, dtype=torch.float64)).item()
            return value**2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

        # The kink and the steep part lie at zero: adaptive integration from there, both ways.
        # A smooth function is still steep out to some thirty units, which a wide piece overlooks.
        steep, wide = 1 / (1 + deviation), min(12, 30 / (1 + deviation))
        edges = (-12, -wide, -steep, 0, steep, wide, 12)
        wanted = sum(quad(integrand, *piece, limit=200)[0] for piece in pairwise(edges))
        assert computed(square, weight_variance=variance) == pytest.approx(wanted, rel=1e-7)

    return check


@pytest.mark.parametrize("nonlinearity", [SELU, TANH, SILU], ids=lambda f: f.name)
def test_mean_square_is_the_integral(nonlinearity):
    integrates(
        nonlinearity, lambda *given, **named: next_mean_square(nonlinearity, *given, **named)
    )()


def test_mean_square_of_another_function_is_rejected():
    with rejected():
        integrates(SELU, lambda *given, **named: next_mean_square(ELU, *given, **named))()


def scales_like_a_rectifier(slope, nonlinearity):
    """Leaky ReLU keeps (1 + slope^2) / 2 of mean square and of squared gradient, at any scale."""

    @given(SQUARES, VARIANCES)
    def check(square, variance):
        share = variance * (1 + slope**2) / 2
        passed = next_mean_square(nonlinearity, square, weight_variance=variance)
        assert passed == pytest.approx(share * square, rel=1e-12)
        back = gradient_factor(nonlinearity, square, weight_variance=variance)
        assert back == pytest.approx(share, rel=1e-12)

    return check


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0])
def test_rectifiers_scale(slope):
    scales_like_a_rectifier(slope, leaky_relu(slope))()


def test_elu_does_not_scale_like_one():
    with rejected():
        scales_like_a_rectifier(0.0, ELU)()


@pytest.mark.parametrize(
    ("nonlinearity", "variance", "root_mean_square", "log10_gradient"),
    [
        (RELU, HE, 1.0, 0.0),
        (RELU, LECUN, 2.0**-10, -10 * math.log10(2)),
        (ELU, HE, 2.6116, 0.6403),
        (SILU, HE, 0.0033753, -2.3684),
        (SELU, LECUN, 1.0, 10 * math.log10(1.0715749924558)),
        (SELU, HE, 8.3646, 1.3773),
        (SELU, TORCH_SELU_GAIN, 0.24505, -0.5493),
        (SELU, LINEAR_DEFAULT, 0.0096082, -2.0007),
        (TANH, LECUN, 0.16094, -0.7220),
        (LOGISTIC, LECUN, 0.51448, -12.5895),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_twenty_layers(nonlinearity, variance, root_mean_square, log10_gradient):
    signal = propagate(nonlinearity, depth=20, weight_variance=variance)
    assert signal.root_mean_square == pytest.approx(root_mean_square, rel=1e-4)
    assert signal.log10_gradient == pytest.approx(log10_gradient, abs=1e-4)


def test_starts_have_the_variances_of_their_rules():
    assert LECUN == 1
    assert pytest.approx(torch.nn.init.calculate_gain("relu") ** 2) == HE
    assert torch.nn.init.calculate_gain("selu") ** 2 == TORCH_SELU_GAIN
    with torch.random.fork_rng():
        linear = torch.nn.Linear(1000, 500)
    variance = float(linear.weight.detach().double().var()) * linear.in_features
    # Relative standard error of a uniform sample's variance: sqrt(0.8 / n); 7 of them.
    assert variance == pytest.approx(LINEAR_DEFAULT, rel=7 * math.sqrt(0.8 / 500_000))


@given(st.integers(1, 30), SQUARES, VARIANCES)
@settings(max_examples=30)
def test_a_long_stack_is_two_short_ones(depth, square, variance):
    whole = propagate(SELU, depth=depth + 3, weight_variance=variance, mean_square=square)
    first = propagate(SELU, depth=depth, weight_variance=variance, mean_square=square)
    middle = first.mean_squares[-1]
    second = propagate(SELU, depth=3, weight_variance=variance, mean_square=middle)
    assert whole.mean_squares == first.mean_squares + second.mean_squares[1:]
    total = first.log10_gradient + second.log10_gradient
    assert whole.log10_gradient == pytest.approx(total, abs=1e-9)
    assert len(whole.log10_gradients) == len(whole.mean_squares) == depth + 4
    assert whole.log10_gradients[-1] == 0.0
    assert whole.mean_squares[0] == square


def test_gradients_by_layer_add_up_from_the_top():
    signal = propagate(TANH, depth=4, weight_variance=2.5, mean_square=0.3)
    passed = [a - b for a, b in pairwise(signal.log10_gradients)]
    wanted = [
        0.5 * math.log10(gradient_factor(TANH, square, weight_variance=2.5))
        for square in signal.mean_squares[:-1]
    ]
    assert max(wanted) - min(wanted) > 0.01, "equal layers would tell no order"
    assert passed == pytest.approx(wanted, abs=1e-11)


@pytest.mark.parametrize(
    ("nonlinearity", "slope"),
    [(RELU, 1.0), (SELU, 0.7826479), (SILU, 1.1725940), (TANH, 0.4610708), (LOGISTIC, 0.1063411)],
    ids=lambda value: getattr(value, "name", None),
)
def test_restoring_slopes(nonlinearity, slope):
    computed = restoring_slope(nonlinearity, 1.0, weight_variance=1.0)
    assert computed == pytest.approx(slope, abs=1e-6)


def test_signal_properties():
    signal = Signal((1.0, 9.0), (-2.0, 0.0))
    assert signal.root_mean_square == 3.0
    assert signal.log10_gradient == -2.0


SHAPE = {"depth": 4, "width": 7, "examples": 5}


def matches_autograd(measure):
    """The property that measured figures are those of an ordinary network and its gradients."""

    @given(
        st.sampled_from([SELU, RELU, TANH, IDENTITY]),
        st.integers(0, 2**32),
        VARIANCES,
        st.floats(0.1, 9.0),
    )
    @settings(max_examples=40)
    def check(nonlinearity, seed, variance, square):
        signal = measure(
            nonlinearity,
            **SHAPE,
            weight_variance=variance,
            mean_square=square,
            generator=torch.Generator().manual_seed(seed),
        )
        generator = torch.Generator().manual_seed(seed)

        def draw(rows):
            return torch.randn(rows, SHAPE["width"], generator=generator, dtype=torch.float64)

        layers = [(draw(SHAPE["examples"]) * math.sqrt(square)).requires_grad_()]
        for _ in range(SHAPE["depth"]):
            weight = draw(SHAPE["width"]) * math.sqrt(variance / SHAPE["width"])
            layers.append(nonlinearity.value(layers[-1] @ weight.T))
        arriving = draw(SHAPE["examples"])
        gradients = torch.autograd.grad((layers[-1] * arriving).sum(), layers)
        wanted = [float((layer.detach() ** 2).mean()) for layer in layers]
        assert signal.mean_squares == pytest.approx(wanted, rel=1e-9)
        norms = [float(gradient.norm() / arriving.norm()) for gradient in gradients]
        assert [10**value for value in signal.log10_gradients] == pytest.approx(norms, rel=1e-9)

    return check


def test_measured_signal_is_that_of_autograd():
    matches_autograd(measure_signal)()


def test_gradients_of_another_function_are_rejected():
    with rejected():
        matches_autograd(lambda _, **named: measure_signal(ELU, **named))()


@pytest.mark.parametrize(
    ("nonlinearity", "variance"), [(SELU, LECUN), (SELU, HE), (TANH, LECUN), (LOGISTIC, LECUN)]
)
def test_wide_networks_do_as_predicted(nonlinearity, variance):
    predicted = propagate(nonlinearity, depth=10, weight_variance=variance)
    measured = measure_signal(
        nonlinearity,
        depth=10,
        width=300,
        examples=50,
        weight_variance=variance,
        generator=torch.Generator().manual_seed(0),
    )
    # Over 25 seeds the natural logarithm of the mean square strays by 0.2 at the most, log10 of
    # the gradient by 0.035.
    assert abs(math.log(measured.mean_squares[-1] / predicted.mean_squares[-1])) < 0.7
    assert measured.log10_gradient == pytest.approx(predicted.log10_gradient, abs=0.12)


def test_a_dead_network_passes_no_gradient():
    dead = measure_signal(
        leaky_relu(0.0),
        depth=60,
        width=1,
        examples=3,
        weight_variance=HE,
        generator=torch.Generator().manual_seed(0),
    )
    assert dead.mean_squares[-1] == 0.0
    assert dead.log10_gradient == -math.inf
