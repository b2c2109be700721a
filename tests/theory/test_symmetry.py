"""Question 1: units that start as copies stay copies, and what does set them apart."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from rejection import rejected
from strategies_symmetry import SEEDS, settings_with_equal_weights, squared_error

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
    ACTIVATIONS,
    Layer,
    copied_start,
    equal_start,
    he_deviation,
    hidden_activations,
    independent_start,
    logits,
)

MONOTONE = ("tanh", "relu", "elu", "selu", "logistic")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def after_training(setting, layers):
    *_, last = training(layers, setting.problem, optimizer=setting.optimizer, steps=setting.steps)
    return last


# Copies stay copies.


def copies_stay_copies(change):
    """The property for networks of equal weights that ``change`` alters before training."""

    @given(settings_with_equal_weights(), SEEDS)
    @settings(max_examples=60)
    def check(setting, seed):
        layers = change(setting.layers, generator(seed))
        assert unit_spread(after_training(setting, layers)) <= SAME

    return check


def unchanged(layers, _):
    return layers


def with_random_biases(layers, draws):
    biases = (torch.randn(layer.bias.shape, generator=draws).double() for layer in layers)
    return tuple(Layer(layer.weight, bias) for layer, bias in zip(layers, biases, strict=True))


def with_unequal_outgoing_weights(layers, draws):
    noise = torch.randn(layers[-1].weight.shape, generator=draws).double()
    return (*layers[:-1], Layer(layers[-1].weight + 0.1 * noise, layers[-1].bias))


def with_one_unit_changed(layers, _):
    weight = layers[0].weight.clone()
    weight[0] += 0.1
    return (Layer(weight, layers[0].bias), *layers[1:])


def test_copies_stay_copies_under_every_rule_loss_and_activation():
    copies_stay_copies(unchanged)()


@pytest.mark.parametrize(
    "change",
    [with_random_biases, with_unequal_outgoing_weights, with_one_unit_changed],
    ids=lambda change: change.__name__,
)
def test_whatever_tells_units_apart_breaks_the_tie(change):
    with rejected():
        copies_stay_copies(change)()


def test_unequal_outgoing_weights_make_incoming_gradients_differ():
    layers = with_unequal_outgoing_weights(equal_start([3, 4, 2], generator()), generator(1))
    problem = Problem(torch.eye(3).double(), torch.tensor([0, 1, 1]), torch.tanh)
    first = gradients(layers, problem)[0].weight
    assert float((first[0] - first[1]).abs().max()) > 1e-9  # equal ones differ by 1e-17


def test_dropout_breaks_the_tie():
    draws = generator(0)

    def dropped(values):
        return torch.tanh(values) * (torch.rand(values.shape, generator=draws) < 0.7)

    problem = dataclasses.replace(exclusive_or(dropped))
    layers = equal_start([2, 8, 2], generator())
    *_, last = training(layers, problem, optimizer=gradient_descent(0.3), steps=10)
    assert unit_spread(last) > 1e-6  # where the tie holds it stays below 1e-15


def test_settings_reach_networks_that_move():
    def moves(setting):
        return largest_move(setting.layers, after_training(setting, setting.layers)) > 1e-2

    found = find(settings_with_equal_weights(), moves, settings=settings(deadline=None))
    assert unit_spread(found.layers) == 0


@given(settings_with_equal_weights())
def test_settings_are_sound(setting):
    assert torch.isfinite(setting.problem.inputs).all()
    outputs = setting.layers[-1].weight.shape[0]
    assert 0 <= int(setting.problem.classes.min()) <= int(setting.problem.classes.max()) < outputs
    assert all(bool((layer.weight == layer.weight[0, 0]).all()) for layer in setting.layers)


# The pattern within the gradients.


def pattern(gradient_function):
    """Rows of hidden gradients equal, output columns equal, one number between hidden layers."""

    @given(settings_with_equal_weights())
    def check(setting):
        slopes = gradient_function(setting.layers, setting.problem)
        scale = max(float(layer.weight.abs().max()) for layer in slopes) + 1e-30
        for layer in slopes[:-1]:
            assert float((layer.weight - layer.weight[:1]).abs().max()) <= 1e-12 * scale
        for layer in slopes[1:-1]:
            assert float((layer.weight - layer.weight[0, 0]).abs().max()) <= 1e-12 * scale
        last = slopes[-1].weight
        assert float((last - last[:, :1]).abs().max()) <= 1e-12 * scale

    return check


def test_gradients_have_the_pattern():
    pattern(gradients)()


def test_transposed_roles_do_not_have_the_pattern():
    def scrambled(layers, problem):
        return tuple(
            Layer(layer.weight * torch.arange(1.0, 1 + layer.weight.shape[0])[:, None], layer.bias)
            for layer in gradients(layers, problem)
        )

    with rejected():
        pattern(scrambled)()


def output_gradients_cancel(loss):
    """For softmax cross-entropy, output gradients add up to 0 over the classes, at any weights."""

    @given(settings_with_equal_weights(), SEEDS)
    def check(setting, seed):
        sizes = [setting.layers[0].weight.shape[1], 5, 3]
        problem = dataclasses.replace(
            setting.problem, loss=loss, classes=setting.problem.classes % 3
        )
        slopes = gradients(independent_start(sizes, generator(seed)), problem)
        assert float(slopes[-1].weight.sum(dim=0).abs().max()) <= 1e-12

    return check


def test_output_gradients_of_cross_entropy_cancel():
    output_gradients_cancel(torch.nn.functional.cross_entropy)()


def test_output_gradients_of_squared_error_do_not_cancel():
    with rejected():
        output_gradients_cancel(squared_error)()


def test_gradients_are_those_of_a_small_difference():
    layers = independent_start([2, 3, 2], generator())
    problem = exclusive_or(torch.tanh)
    slopes = gradients(layers, problem)
    for index, (layer, slope) in enumerate(zip(layers, slopes, strict=True)):
        for name in ("weight", "bias"):
            losses = []
            for step in (1e-5, -1e-5):
                moved = getattr(layer, name).clone()
                moved.view(-1)[1] += step
                changed = (*layers[:index], layer._replace(**{name: moved}), *layers[index + 1 :])
                outputs = logits(changed, problem.inputs, problem.activation)
                losses.append(float(problem.loss(outputs, problem.classes)))
            expected = (losses[0] - losses[1]) / 2e-5
            found = float(getattr(slope, name).view(-1)[1])
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


# One unit per layer is all there is.


def three_corners_at_most(start):
    @given(SEEDS, st.sampled_from(MONOTONE), st.integers(1, 3))
    @settings(max_examples=40)
    def check(seed, activation, hidden):
        problem = exclusive_or(ACTIVATIONS[activation])
        layers = start([2, *[8] * hidden, 2], generator(seed))
        for state in training(layers, problem, optimizer=gradient_descent(0.3), steps=15):
            assert accuracy(state, problem) <= 0.75

    return check


def test_equal_weights_never_get_more_than_three_corners_of_xor():
    three_corners_at_most(equal_start)()


def test_independent_weights_do_get_four():
    with rejected():
        three_corners_at_most(independent_start)()


def effective_width(copying):
    """``m`` copies among ``H`` units leave ``H - m + 1`` different ones, before and after."""

    @given(SEEDS, st.integers(2, 8), st.data())
    @settings(max_examples=40)
    def check(seed, units, data):
        copies = data.draw(st.integers(1, units))
        problem = exclusive_or(torch.tanh)
        layers = copying([2, units, units, 2], generator(seed), copies=copies)
        *_, last = training(layers, problem, optimizer=gradient_descent(0.1), steps=5)
        assert distinct_units(layers, problem) == units - copies + 1
        assert distinct_units(last, problem) == units - copies + 1

    return check


def test_copies_leave_the_effective_width():
    effective_width(copied_start)()


def test_copies_of_the_incoming_weights_alone_do_not():
    def incoming_only(sizes, draws, *, copies):
        layers = independent_start(sizes, draws)
        for layer in layers[:-1]:
            layer.weight[:copies] = layer.weight[0].clone()
        return layers

    with rejected():
        effective_width(incoming_only)()


# Starts.


def has_hes_deviation(start):
    def check():
        # 40 000 normal draws: the standard deviation's relative error is 0.0035, six times that
        # is left by chance in 2e-9 of all runs.
        weight = start([100, 400, 2], generator())[0].weight
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
        [equal_start([8, 3, 2], generator(seed))[0].weight[0, 0] for seed in range(2000)]
    )
    # Relative error of the deviation 1 / sqrt(2 * 2000) = 0.016; 6.1 times that.
    assert abs(float(values.std()) / he_deviation(8) - 1) < 0.097
    layers = equal_start([8, 3, 2], generator())
    assert layers[0].weight.shape == (3, 8)
    assert layers[1].weight.shape == (2, 3)
    assert (layers[0].weight == layers[0].weight[0, 0]).all()
    assert float(layers[0].weight[0, 0]) != float(layers[1].weight[0, 0])
    assert not layers[0].bias.any()
    assert layers[0].bias.shape == (3,)


def test_starts_depend_on_the_seed_alone():
    for start in (independent_start, equal_start, partial(copied_start, copies=2)):
        first, again, other = (start([2, 3, 2], generator(seed)) for seed in (1, 1, 2))
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
    layers = independent_start([2, 3, 2], generator())
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
    layers, problem = independent_start([2, 3, 2], generator()), exclusive_or(torch.tanh)
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
    draws, ratios, distances = generator(6), [], []
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
    plain = independent_start([2, 3, 2], generator())
    scaled = scaled_start([2, 3, 2], generator(), start=independent_start, gain=0.5)
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
        layers = start([2, 3, 3, 2], generator(2))
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
        ({"width": 1}, "width must be at least 2"),
        ({"hidden_layers": 0}, "hidden_layers must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
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
