"""What each claim of question 1 comes to when it is tried on real networks."""

from functools import partial

from theory.claim import Evidence
from theory.symmetry.checks import (
    WIDTH,
    all_weights,
    between_hidden_layers,
    breaking_is_enough,
    converges,
    equal_gradients,
    equal_uniform_start,
    fails_to_learn,
    gradients_flow,
    no_diverse_features,
    one_direction,
    stay_equal,
)
from theory.symmetry.network import copied_start, equal_start, independent_start


def is_a_bad_idea() -> Evidence:
    """Q1.1: equal weights fail where independent ones succeed."""
    return fails_to_learn(equal_start)


def is_a_bad_idea_with_independent_weights() -> Evidence:
    """Control of Q1.1: the same check on independent weights."""
    return fails_to_learn(independent_start)


def start_breaks_symmetry() -> Evidence:
    """Q1.2: independent weights make units differ at any scale; does that suffice to learn?"""
    return breaking_is_enough(independent_start)


def start_breaks_symmetry_with_equal_weights() -> Evidence:
    """Control of Q1.2: equal weights at the same scales."""
    return breaking_is_enough(equal_start)


def broken_symmetry_lets_gradients_flow() -> Evidence:
    """Q1.3: independent weights in twenty layers, by activation and rule."""
    return gradients_flow(gain=1.0)


def broken_symmetry_lets_gradients_flow_at_half_scale() -> Evidence:
    """Control of Q1.3: every weight halved."""
    return gradients_flow(gain=0.5)


def all_gradients_are_equal() -> Evidence:
    """Q1.4: the entries of one weight gradient, over all weights of the network."""
    return equal_gradients(all_weights)


def all_gradients_are_equal_between_hidden_layers() -> Evidence:
    """Control of Q1.4: only the weights from one hidden layer to the next, where it is right."""
    return equal_gradients(between_hidden_layers)


def all_weights_move_one_way() -> Evidence:
    """Q1.5: the signs of the first step, over all weights of the network."""
    return one_direction(all_weights)


def all_weights_move_one_way_between_hidden_layers() -> Evidence:
    """Control of Q1.5: only the weights from one hidden layer to the next, where it is right."""
    return one_direction(between_hidden_layers)


def all_weights_stay_equal() -> Evidence:
    """Q1.6: the weights of each layer after ten steps."""
    return stay_equal(all_weights)


def all_weights_stay_equal_between_hidden_layers() -> Evidence:
    """Control of Q1.6: only the weights from one hidden layer to the next, where it is right."""
    return stay_equal(between_hidden_layers)


def features_stay_alike() -> Evidence:
    """Q1.7: how many different units training makes of equal ones."""
    return no_diverse_features(equal_start)


def features_stay_alike_with_independent_weights() -> Evidence:
    """Control of Q1.7: the same check on independent weights."""
    return no_diverse_features(independent_start)


def a_distribution_lets_training_converge() -> Evidence:
    """Q1.8: draws from He's distribution, independent and copied."""
    half = partial(copied_start, copies=WIDTH // 2)
    return converges(
        {
            "one draw for every weight": independent_start,
            "half of the units of each layer copied from one": half,
            "all units of each layer copied from one": partial(copied_start, copies=WIDTH),
            "one draw for each layer, given to all its weights": equal_start,
        }
    )


def copied_draws_let_training_converge() -> Evidence:
    """Control of Q1.8: two distributions, every draw copied to the whole layer."""
    return converges(
        {"one draw for each layer, normal": equal_start, "one draw, uniform": equal_uniform_start}
    )
