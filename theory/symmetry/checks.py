"""The checks of question 1, each for a way to start or for a choice of weights.

A claim and its control go through the same one.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from theory.claim import Case, Check, Evidence
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
from theory.symmetry.depth import gradient_profile, scaled_start
from theory.symmetry.network import (
    ACTIVATIONS,
    Layer,
    Layers,
    Start,
    equal_start,
    he_deviation,
    independent_start,
)

# In 40 steps rounding cannot yet break a tie in float64; in some hundred it can (see Q1.6).
_STEPS = 40
WIDTH = 16
_RULE = gradient_descent(0.3)


def equal_uniform_start(sizes: Sequence[int], generator: torch.Generator) -> Layers:
    """One uniform draw with He's deviation for each layer, given to all its weights."""
    return tuple(
        Layer(
            torch.full_like(
                layer.weight,
                (2 * float(torch.rand((), generator=generator)) - 1)
                * math.sqrt(3)
                * he_deviation(layer.weight.shape[1]),
            ),
            layer.bias,
        )
        for layer in independent_start(sizes, generator)
    )


def _trained(start: Start, activation: str, seed: int) -> tuple[Problem, list[Layers]]:
    problem = exclusive_or(ACTIVATIONS[activation])
    layers = start([2, WIDTH, WIDTH, 2], torch.Generator().manual_seed(seed))
    return problem, list(training(layers, problem, optimizer=_RULE, steps=_STEPS))


def _best_accuracy(start: Start, activation: str, seed: int) -> float:
    problem, states = _trained(start, activation, seed)
    return max(accuracy(layers, problem) for layers in states)


def _moved(states: Sequence[Layers]) -> Check:
    move = largest_move(states[0], states[-1])
    return Check("how far the weight that moved most has come", move, ">", 1e-6)


def fails_to_learn(start: Start) -> Evidence:
    """Judge whether networks that start so learn nothing worth having."""
    _, states = _trained(start, "elu", 0)
    best = max(_best_accuracy(start, "elu", seed) for seed in range(3))
    dead = _share_without_hidden_gradient(start)
    contrast = min(_best_accuracy(independent_start, "elu", seed) for seed in range(3))
    return Evidence(
        cases=(
            Case(
                "XOR, two hidden layers of 16 ELU units, three draws",
                (Check("best share of corners classified rightly at any step", best, "<=", 0.75),),
            ),
            Case(
                "ReLU on inputs that are never negative, three hidden layers, 200 draws",
                (
                    Check(
                        "share of draws whose hidden weights all get a gradient of exactly 0",
                        dead,
                        ">=",
                        0.5,
                        # Hoeffding, for the expected share 7/8.
                        false_alarm_rate=2 * math.exp(-2 * 200 * 0.375**2),
                        detects="a share of 1/8 instead of 7/8",
                        samples=200,
                    ),
                ),
            ),
        ),
        sanity=(
            _moved(states),
            Check("worst share of corners from independent weights", contrast, "==", 1.0),
        ),
    )


def _share_without_hidden_gradient(start: Start) -> float:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(8, 4, generator=generator, dtype=torch.float64)
    problem = Problem(inputs, torch.arange(8) % 3, ACTIVATIONS["relu"])
    dead = 0
    for _ in range(200):
        slopes = gradients(start([4, 8, 8, 8, 3], generator), problem)
        dead += all(not layer.weight.any() for layer in slopes)
    return dead / 200


def breaking_is_enough(start: Start) -> Evidence:
    """Judge whether all that a start must do is to make the units of a layer differ.

    If so, a network learns whatever the scale of its weights, as long as its units differ.
    """
    cases = []
    for depth, learning_rate, steps in ((2, 0.2, 100), (10, 0.1, 60)):
        for name, gain in (("He's scale", 1.0), ("half of He's scale", 0.5)):
            runs = [
                _run(partial(scaled_start, start=start, gain=gain), depth, learning_rate, steps, k)
                for k in range(2)
            ]
            checks = (
                Check(
                    f"different units among the {WIDTH} of a layer, at the start",
                    min(distinct_units(states[0], problem) for problem, states in runs),
                    "==",
                    WIDTH,
                ),
                Check(
                    "share of the corners of XOR reached, the worse of two networks",
                    min(
                        max(accuracy(layers, problem) for layers in states)
                        for problem, states in runs
                    ),
                    "==",
                    1.0,
                ),
            )
            cases.append(Case(f"{depth} hidden tanh layers, weights at {name}", checks))
    _, states = _trained(start, "tanh", 0)
    return Evidence(tuple(cases), (_moved(states),))


def _run(
    start: Start, depth: int, learning_rate: float, steps: int, seed: int
) -> tuple[Problem, list[Layers]]:
    problem = exclusive_or(ACTIVATIONS["tanh"])
    layers = start([2, *[WIDTH] * depth, 2], torch.Generator().manual_seed(seed))
    rule = gradient_descent(learning_rate)
    return problem, list(training(layers, problem, optimizer=rule, steps=steps))


def gradients_flow(gain: float) -> Evidence:
    """Judge whether a gradient crosses twenty layers of independent weights times ``gain``."""
    trials = (
        ("ReLU with He's rule", "relu", 2.0),
        ("tanh with LeCun's rule", "tanh", 1.0),
        ("SiLU with He's rule", "silu", 2.0),
        ("logistic with LeCun's rule", "logistic", 1.0),
    )
    cases, smallest = [], math.inf
    for name, activation, variance in trials:
        profile = gradient_profile(
            ACTIVATIONS[activation],
            weight_deviation=gain * math.sqrt(variance),
            depth=20,
            width=128,
            draws=10,
            seed=0,
        )
        smallest = min(smallest, profile.smallest_row_distance)
        quantity = "log10 of the gradient's norm at the first layer over that at the last"
        check = Check(
            quantity,
            profile.log10_gradient_ratio,
            ">=",
            -2.0,
            # Over ten draws the mean scatters by 0.13 or less; the nearest mean is 0.8 away.
            false_alarm_rate=1e-9,
            detects="a mean beyond -2 by 0.8",
            samples=10,
        )
        cases.append(Case(f"{name}, inputs in 0 to 1, 20 layers of 128", (check,)))
    apart = Check("smallest distance between two units' weights", smallest, ">", 1e-3)
    return Evidence(tuple(cases), (apart,))


Select = Callable[[Layers], tuple[Tensor, ...]]


def all_weights(layers: Layers) -> tuple[Tensor, ...]:
    """Every weight matrix."""
    return tuple(layer.weight for layer in layers)


def between_hidden_layers(layers: Layers) -> tuple[Tensor, ...]:
    """The weight matrices from one hidden layer to the next."""
    return tuple(layer.weight for layer in layers[1:-1])


def _three_classes() -> tuple[Layers, Problem]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(8, 3, generator=generator, dtype=torch.float64)
    problem = Problem(inputs, torch.tensor([0, 1, 2, 0, 0, 2, 0, 1]), ACTIVATIONS["tanh"])
    layers = equal_start([3, 5, 5, 3], generator)
    # One step on, because at the very start the equal output weights pass back exactly nothing.
    *_, layers = training(layers, problem, optimizer=_RULE, steps=1)
    return layers, problem


def _units_alike(layers: Layers) -> Check:
    quantity = "largest difference between two units of one layer, relative"
    return Check(quantity, unit_spread(layers), "<=", SAME)


def equal_gradients(select: Select) -> Evidence:
    """Judge whether the gradients of all the weights that ``select`` takes are one number."""
    layers, problem = _three_classes()
    slopes = gradients(layers, problem)
    chosen = torch.cat([weight.flatten() for weight in select(slopes)])
    difference = float(chosen.max() - chosen.min())
    quantity = "largest difference between the gradients of two weights"
    return Evidence(
        (Case("three classes, two hidden layers", (Check(quantity, difference, "<=", 1e-12),)),),
        (
            Check("largest gradient of a weight", float(chosen.abs().max()), ">", 1e-9),
            _units_alike(slopes),
        ),
    )


def one_direction(select: Select) -> Evidence:
    """Judge whether all the weights that ``select`` takes move up, or all down."""
    layers, problem = _three_classes()
    *_, after = training(layers, problem, optimizer=_RULE, steps=1)
    moves = torch.cat(
        [(new - old).flatten() for new, old in zip(select(after), select(layers), strict=True)]
    )
    minority = min(int((moves > 0).sum()), int((moves < 0).sum())) / moves.numel()
    output_sums = gradients(layers, problem)[-1].weight.sum(dim=0)
    return Evidence(
        (
            Case(
                "the next step on three classes, two hidden layers",
                (Check("share of the weights that move against the rest", minority, "==", 0.0),),
            ),
        ),
        (
            _moved([layers, after]),
            Check(
                "sum of an output gradient over the classes, which softmax makes 0",
                float(output_sums.abs().max()),
                "<=",
                1e-12,
            ),
        ),
    )


def stay_equal(select: Select) -> Evidence:
    """Judge whether the weights that ``select`` takes stay equal within their layer."""
    layers, problem = _three_classes()
    *_, after = training(layers, problem, optimizer=_RULE, steps=10)
    apart = max(float(weight.max() - weight.min()) for weight in select(after))
    quantity = "largest difference between two weights of one layer"
    return Evidence(
        (Case("ten further steps on three classes", (Check(quantity, apart, "<=", SAME),)),),
        (_moved([layers, after]), _units_alike(after)),
    )


def no_diverse_features(start: Start) -> Evidence:
    """Judge whether every hidden layer keeps one feature, and XOR stays unsolved."""
    cases, sanity = [], []
    for activation in ("tanh", "elu", "logistic"):
        problem, states = _trained(start, activation, 0)
        units = max(distinct_units(layers, problem) for layers in states)
        best = max(accuracy(layers, problem) for layers in states)
        checks = (
            Check("different units in a hidden layer, at most, at any step", units, "==", 1),
            Check("best share of the corners of XOR at any step", best, "<=", 0.75),
        )
        cases.append(Case(f"two hidden layers of 16 {activation} units", checks))
        sanity.append(_moved(states))
    return Evidence(tuple(cases), tuple(sanity))


def converges(starts: dict[str, Start]) -> Evidence:
    """Judge, for each way to start, whether XOR is solved."""
    cases = []
    for name, start in starts.items():
        best = min(_best_accuracy(start, "tanh", seed) for seed in range(3))
        check = Check("share of the corners of XOR reached by the worst of three", best, "==", 1.0)
        cases.append(Case(name, (check,)))
    moved = [_moved(_trained(start, "tanh", 0)[1]) for start in starts.values()]
    return Evidence(tuple(cases), tuple(moved))
