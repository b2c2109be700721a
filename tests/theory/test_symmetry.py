"""Question 1: copies stay copies, and one unit per layer is all there is."""

import dataclasses

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from rejection import rejected
from seeded import seeded
from strategies_symmetry import SEEDS, settings_with_equal_weights, squared_error

from theory.symmetry.demo import (
    SAME,
    Problem,
    accuracy,
    distinct_units,
    exclusive_or,
    gradient_descent,
    gradients,
    largest_move,
    training,
    unit_spread,
)
from theory.symmetry.network import (
    ACTIVATIONS,
    Layer,
    copied_start,
    equal_start,
    independent_start,
    logits,
)

MONOTONE = ("tanh", "relu", "elu", "selu", "logistic")


def after_training(setting, layers):
    *_, last = training(layers, setting.problem, optimizer=setting.optimizer, steps=setting.steps)
    return last


# Copies stay copies.


def copies_stay_copies(change):
    """The property for networks of equal weights that ``change`` alters before training."""

    @given(settings_with_equal_weights(), SEEDS)
    @settings(max_examples=60)
    def check(setting, seed):
        layers = change(setting.layers, seeded(seed))
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
    layers = with_unequal_outgoing_weights(equal_start([3, 4, 2], seeded()), seeded(1))
    problem = Problem(torch.eye(3).double(), torch.tensor([0, 1, 1]), torch.tanh)
    first = gradients(layers, problem)[0].weight
    assert float((first[0] - first[1]).abs().max()) > 1e-9  # equal ones differ by 1e-17


def test_dropout_breaks_the_tie():
    draws = seeded(0)

    def dropped(values):
        return torch.tanh(values) * (torch.rand(values.shape, generator=draws) < 0.7)

    problem = dataclasses.replace(exclusive_or(dropped))
    layers = equal_start([2, 8, 2], seeded())
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
        slopes = gradients(independent_start(sizes, seeded(seed)), problem)
        assert float(slopes[-1].weight.sum(dim=0).abs().max()) <= 1e-12

    return check


def test_output_gradients_of_cross_entropy_cancel():
    output_gradients_cancel(torch.nn.functional.cross_entropy)()


def test_output_gradients_of_squared_error_do_not_cancel():
    with rejected():
        output_gradients_cancel(squared_error)()


def test_gradients_are_those_of_a_small_difference():
    layers = independent_start([2, 3, 2], seeded())
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
        layers = start([2, *[8] * hidden, 2], seeded(seed))
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
        layers = copying([2, units, units, 2], seeded(seed), copies=copies)
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
