"""Question 1: the starts and measures of the experiments, and the demo."""

import math
from functools import partial

import pytest
import torch
from seeded import seeded

from theory.errors import DomainError
from theory.symmetry.demo import (
    SAME,
    Problem,
    accuracy,
    demonstrate,
    distinct_units,
    exclusive_or,
    gradient_descent,
    gradients,
    largest_move,
    training,
    unit_spread,
)
from theory.symmetry.depth import gradient_profile, scaled_start
from theory.symmetry.figure import draw
from theory.symmetry.network import (
    Layer,
    copied_start,
    equal_start,
    he_deviation,
    hidden_activations,
    independent_start,
    logits,
)

# Starts.


def has_hes_deviation(start):
    def check():
        # 40 000 normal draws: the standard deviation's relative error is 0.0035, six times that
        # is left by chance in 2e-9 of all runs.
        weight = start([100, 400, 2], seeded())[0].weight
        assert weight.shape == (400, 100)
        assert abs(float(weight.std()) / math.sqrt(2 / 100) - 1) < 6.1 * 0.0036
        assert abs(float(weight.mean())) < 6.1 * math.sqrt(2 / 100) / 200

    return check


def test_independent_start_has_hes_deviation():
    has_hes_deviation(independent_start)()


def test_glorots_deviation_is_rejected():
    def glorot(sizes, draws):
        gain = math.sqrt(1 / sizes[0]) / he_deviation(sizes[0])
        return scaled_start(sizes, draws, start=independent_start, gain=gain)

    with pytest.raises(AssertionError):
        has_hes_deviation(glorot)()


def test_the_one_value_of_an_equal_layer_is_a_he_draw_too():
    values = torch.stack(
        [equal_start([8, 3, 2], seeded(seed))[0].weight[0, 0] for seed in range(2000)]
    )
    # Relative error of the deviation 1 / sqrt(2 * 2000) = 0.016; 6.1 times that.
    assert abs(float(values.std()) / he_deviation(8) - 1) < 0.097
    layers = equal_start([8, 3, 2], seeded())
    assert layers[0].weight.shape == (3, 8)
    assert layers[1].weight.shape == (2, 3)
    assert (layers[0].weight == layers[0].weight[0, 0]).all()
    assert float(layers[0].weight[0, 0]) != float(layers[1].weight[0, 0])
    assert not layers[0].bias.any()
    assert layers[0].bias.shape == (3,)


def test_starts_depend_on_the_seed_alone():
    for start in (independent_start, equal_start, partial(copied_start, copies=2)):
        first, again, other = (start([2, 3, 2], seeded(seed)) for seed in (1, 1, 2))
        assert torch.equal(first[0].weight, again[0].weight)
        assert not torch.equal(first[0].weight, other[0].weight)


# Measures.


def test_unit_spread_sees_incoming_weights_bias_and_outgoing_weights():
    two = torch.full((2, 2), 2.0, dtype=torch.float64)
    none = torch.zeros(2, dtype=torch.float64)
    same = (Layer(two, none), Layer(two, none))
    assert unit_spread(same) == 0
    changed = torch.tensor([[2.0, 2.0], [2.0, 1.0]], dtype=torch.float64)
    biased = torch.tensor([0.0, -1.0], dtype=torch.float64)
    assert unit_spread((Layer(changed, none), same[1])) == 0.5
    assert unit_spread((Layer(two, biased), same[1])) == 0.5
    assert unit_spread((same[0], Layer(changed, none))) == 0.5
    assert unit_spread((same[0], Layer(changed.T, none))) == 0.5
    assert unit_spread((same[0], Layer(two, biased))) == 0
    assert unit_spread((same[0], Layer(changed, none), same[1])) == 0.5


def test_largest_move_is_over_all_weights_and_biases():
    zero = Layer(torch.zeros(2, 2), torch.zeros(2))
    one = Layer(torch.tensor([[0.0, 0.5], [0.0, -1.0]]), torch.zeros(2))
    biased = Layer(torch.zeros(2, 2), torch.tensor([0.0, -2.0]))
    assert largest_move((zero, zero), (zero, zero)) == 0
    assert largest_move((zero, zero), (zero, one)) == 1
    assert largest_move((zero, zero), (biased, one)) == 2
    assert largest_move((biased,), (zero,)) == 2
    with pytest.raises(ValueError, match=r"zip\(\) argument 2"):  # not two states of one network
        largest_move((zero, zero), (biased,))


def test_accuracy_counts_a_tie_as_wrong():
    problem = Problem(torch.eye(2).double(), torch.tensor([0, 1]), torch.relu)
    eye = Layer(torch.eye(2).double(), torch.zeros(2).double())
    assert accuracy((eye, eye), problem) == 1
    flipped = Layer(torch.eye(2).flip(0).double(), torch.zeros(2).double())
    assert accuracy((eye, flipped), problem) == 0
    flat = Layer(torch.ones(2, 2).double(), torch.zeros(2).double())
    assert accuracy((eye, flat), problem) == 0
    biased = Layer(torch.ones(2, 2).double(), torch.tensor([1.0, 0.0]).double())
    assert accuracy((eye, biased), problem) == 0.5


def test_distinct_units_takes_the_narrowest_layer():
    problem = Problem(torch.eye(2).double(), torch.tensor([0, 1]), torch.relu)
    none = torch.zeros(2).double()
    eye, same = Layer(torch.eye(2).double(), none), Layer(torch.ones(2, 2).double(), none)
    assert distinct_units((eye, eye), problem) == 2
    assert distinct_units((same, eye), problem) == 1
    assert distinct_units((eye, same, eye), problem) == 1
    silent = Layer(-torch.ones(2, 2).double(), none)
    assert distinct_units((silent, eye), problem) == 1
    # Differences count relative to the largest figure, however small or large that is.
    tiny, huge = Layer(1e-12 * eye.weight, none), Layer(1e12 * eye.weight, none)
    assert distinct_units((tiny, eye), problem) == 2
    assert distinct_units((huge, eye), problem) == 2
    rounded = Layer(1e12 * same.weight + eye.weight, none)
    assert distinct_units((rounded, eye), problem) == 1


def test_hidden_activations_and_logits_of_a_network_worked_by_hand():
    layers = (
        Layer(torch.tensor([[1.0, -1.0]]).double(), torch.tensor([0.5]).double()),
        Layer(torch.tensor([[2.0], [-1.0]]).double(), torch.tensor([0.0, 1.0]).double()),
    )
    inputs = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).double()
    (hidden,) = hidden_activations(layers, inputs, torch.relu)
    assert hidden.tolist() == [[1.5], [0.0]]
    assert logits(layers, inputs, torch.relu).tolist() == [[3.0, -0.5], [0.0, 1.0]]


def test_training_yields_the_start_and_every_step_and_leaves_the_start_alone():
    layers = independent_start([2, 3, 2], seeded())
    kept = layers[0].weight.clone()
    problem = exclusive_or(torch.tanh)
    states = list(training(layers, problem, optimizer=gradient_descent(0.25), steps=3))
    assert len(states) == 4
    assert torch.equal(layers[0].weight, kept)
    slopes = gradients(layers, problem)
    for start, slope, after in zip(layers, slopes, states[1], strict=True):
        assert torch.allclose(after.weight, start.weight - 0.25 * slope.weight, atol=1e-15)
        assert torch.allclose(after.bias, start.bias - 0.25 * slope.bias, atol=1e-15)
    assert not torch.equal(states[1][0].weight, states[2][0].weight)


def test_gradient_descent_is_torchs():
    layers, problem = independent_start([2, 3, 2], seeded()), exclusive_or(torch.tanh)
    torchs = lambda leaves: torch.optim.SGD(leaves, lr=0.3).step  # noqa: E731
    ours = gradient_descent(0.3)
    *_, one = training(layers, problem, optimizer=ours, steps=5)
    *_, other = training(layers, problem, optimizer=torchs, steps=5)
    assert largest_move(one, other) <= 1e-14
    assert largest_move(layers, one) > 1e-2


def test_no_straight_line_parts_the_corners():
    problem = exclusive_or(torch.tanh)
    # The diagonals cross, and each joins corners of one class.
    first, second, third, fourth = problem.inputs
    assert problem.classes.tolist() == [0, 1, 1, 0]
    matrix = torch.stack([fourth - first, second - third], dim=1)
    along = torch.linalg.solve(matrix, second - first)
    assert ((along > 0) & (along < 1)).all()


# The deep network of Q1.3.


def test_gradient_profile_of_a_linear_chain_follows_the_deviation():
    # For the identity the norm's square changes by weight_deviation^2 a layer on average; the
    # log10 of ten networks of width 200 scatters by 0.03.
    for deviation in (1.0, 0.5, 2.0):
        profile = gradient_profile(
            lambda values: values * 1.0,
            weight_deviation=deviation,
            depth=9,
            width=200,
            draws=10,
            seed=0,
        )
        assert profile.log10_gradient_ratio == pytest.approx(8 * math.log10(deviation), abs=0.2)
        assert profile.smallest_row_distance > 0.01


def test_gradient_profile_sees_equal_rows_and_repeats_itself():
    def profile(deviation, seed):
        return gradient_profile(
            torch.tanh, weight_deviation=deviation, depth=3, width=8, draws=2, seed=seed
        )

    assert profile(1.0, 1) == profile(1.0, 1)
    assert profile(1.0, 1) != profile(1.0, 2)
    assert profile(0.0, 1).smallest_row_distance == 0


def test_gradient_profile_of_networks_worked_by_hand():
    found = gradient_profile(torch.tanh, weight_deviation=0.8, depth=2, width=4, draws=2, seed=6)
    draws, ratios, distances = seeded(6), [], []
    for _ in range(2):
        first, second = (
            0.4 * torch.randn(4, 4, generator=draws, dtype=torch.float64) for _ in range(2)
        )
        inputs = torch.rand(4, generator=draws, dtype=torch.float64)
        direction = torch.randn(4, generator=draws, dtype=torch.float64)
        last = torch.tanh(second @ torch.tanh(first @ inputs))
        slope = second.T @ ((1 - last**2) * direction)
        ratios.append(float(torch.log10(slope.norm() / direction.norm())))
        pairs = [(one, other) for one in range(4) for other in range(one)]
        distances += [float((first[one] - first[other]).abs().max()) for one, other in pairs]
    assert found.log10_gradient_ratio == pytest.approx(sum(ratios) / 2)
    assert found.smallest_row_distance == pytest.approx(min(distances))


def test_scaled_start_scales_the_weights():
    plain = independent_start([2, 3, 2], seeded())
    scaled = scaled_start([2, 3, 2], seeded(), start=independent_start, gain=0.5)
    for before, after in zip(plain, scaled, strict=True):
        assert torch.equal(after.weight, 0.5 * before.weight)
        assert torch.equal(after.bias, before.bias)


# The demo.


def test_the_demo_shows_copies_beside_units_that_part():
    result = demonstrate(steps=60, learning_rate=0.3)
    assert len(result.spread_equal_start) == len(result.accuracy_independent_start) == 61
    assert len(result.spread_independent_start) == len(result.accuracy_equal_start) == 61
    assert max(result.spread_equal_start) <= SAME
    assert min(result.spread_independent_start) > 0.1
    assert max(result.accuracy_equal_start) <= 0.75
    assert result.accuracy_independent_start[-1] == 1
    assert result.largest_move_equal_start > 1e-6


def test_the_demo_is_the_training_it_says():
    result = demonstrate(width=3, hidden_layers=2, activation="tanh", steps=4, seed=2)
    problem = exclusive_or(torch.tanh)
    for start, spread, share in (
        (equal_start, result.spread_equal_start, result.accuracy_equal_start),
        (
            independent_start,
            result.spread_independent_start,
            result.accuracy_independent_start,
        ),
    ):
        layers = start([2, 3, 3, 2], seeded(2))
        states = list(training(layers, problem, optimizer=gradient_descent(0.1), steps=4))
        assert spread == tuple(unit_spread(state) for state in states)
        assert share == tuple(accuracy(state, problem) for state in states)
        if start is equal_start:
            assert result.largest_move_equal_start == largest_move(states[0], states[4])


def test_the_demo_takes_its_parameters():
    base = demonstrate(steps=5, width=4)
    for change in (
        {"width": 5},
        {"hidden_layers": 1},
        {"activation": "tanh"},
        {"learning_rate": 0.2},
        {"steps": 6},
        {"seed": 1},
    ):
        assert demonstrate(**({"steps": 5, "width": 4} | change)) != base
    assert demonstrate(steps=5, width=4) == base
    demonstrate(steps=1, width=2, hidden_layers=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 1}, "width must be from 2 to 1000, got 1"),
        ({"hidden_layers": 0}, "hidden_layers must be from 1 to 100, got 0"),
        ({"steps": 0}, "steps must be from 1 to 100000, got 0"),
        ({"steps": 10**20}, "steps must be from 1 to 100000, got 1000"),
        ({"seed": 10**20}, "seed must be from 0 to "),
        ({"learning_rate": 2.0}, "^learning_rate 2 is too large: the weights diverge and are no"),
        ({"learning_rate": 0.0}, "learning_rate must be"),
        ({"learning_rate": math.inf}, "learning_rate must be"),
        ({"learning_rate": math.nan}, "learning_rate must be"),
        ({"activation": "step"}, "activation must be one of tanh"),
    ],
    ids=str,
)
def test_the_demo_says_what_it_cannot_take(change, message):
    with pytest.raises(DomainError, match=message):
        demonstrate(**change)


def test_the_figure_has_a_curve_for_each_start():
    upper, lower = draw(demonstrate(steps=3)).axes
    assert len(upper.lines) == 2
    assert len(lower.lines) == 3  # and the bound
    assert len(upper.lines[0].get_xdata()) == 4
