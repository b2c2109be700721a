"""Units that start as copies stay copies: how far apart training moves the units of a layer.

The same network learns XOR twice: once with one He-drawn value for all weights of a layer, once
with a draw for every weight.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from theory.domain import require_between, require_seed
from theory.errors import DomainError
from theory.symmetry.network import (
    ACTIVATIONS,
    Activation,
    Layer,
    Layers,
    Start,
    equal_start,
    hidden_activations,
    independent_start,
    logits,
)

Loss = Callable[[Tensor, Tensor], Tensor]
# Given the weights and biases, returns the function that moves them by their ``grad``.
Optimizer = Callable[[list[Tensor]], Callable[[], object]]

SAME = 1e-9  # units closer than this, relative to the largest figure, are copies


@dataclass(frozen=True)
class Problem:
    """What a network learns: inputs (batch, features), classes (batch,), and how it is scored."""

    inputs: Tensor
    classes: Tensor
    activation: Activation
    loss: Loss = torch.nn.functional.cross_entropy


@dataclass(frozen=True)
class SymmetryResult:
    """How the units of one network grow apart, or do not; one entry per training step.

    Attributes:
        spread_equal_start: largest difference between two units of one hidden layer, relative to
            the largest weight, when all weights of a layer start equal.
        spread_independent_start: the same when every weight is its own draw.
        accuracy_equal_start: share of the four corners of XOR that are classified rightly.
        accuracy_independent_start: the same when every weight is its own draw.
        largest_move_equal_start: how far the weight that moved most has come at the end.
    """

    spread_equal_start: tuple[float, ...]
    spread_independent_start: tuple[float, ...]
    accuracy_equal_start: tuple[float, ...]
    accuracy_independent_start: tuple[float, ...]
    largest_move_equal_start: float


def exclusive_or(activation: Activation) -> Problem:
    """Four corners of a crooked square, opposite corners of one class.

    No straight line parts the classes, so no half-plane gets more than three corners right.
    Crooked, because on a true square the classes are uncorrelated with every linear function: a
    unit that works in a linear stretch then starts with a gradient of zero, and units that never
    move prove nothing.
    """
    corners = [[-1.0, -0.8], [-0.9, 1.0], [1.1, -1.0], [0.8, 0.9]]
    inputs = torch.tensor(corners, dtype=torch.float64)
    return Problem(inputs, torch.tensor([0, 1, 1, 0]), activation)


def gradients(layers: Layers, problem: Problem) -> Layers:
    """Derivatives of the loss by every weight and bias, in the shape of ``layers``."""
    leaves = [tensor.detach().requires_grad_() for layer in layers for tensor in layer]
    outputs = logits(_as_layers(leaves), problem.inputs, problem.activation)
    return _as_layers(torch.autograd.grad(problem.loss(outputs, problem.classes), leaves))


def training(
    layers: Layers, problem: Problem, *, optimizer: Optimizer, steps: int
) -> Iterator[Layers]:
    """The weights before training and after each of ``steps`` full-batch steps."""
    leaves = [tensor.clone() for layer in layers for tensor in layer]
    step = optimizer(leaves)
    yield layers
    for _ in range(steps):
        slopes = [slope for layer in gradients(_as_layers(leaves), problem) for slope in layer]
        for leaf, slope in zip(leaves, slopes, strict=True):
            leaf.grad = slope
        step()
        yield _as_layers([leaf.detach().clone() for leaf in leaves])


def gradient_descent(learning_rate: float) -> Optimizer:
    """Plain gradient descent: each step is ``learning_rate`` times the gradient.

    Written out, because building one of torch's optimisers loads modules for seconds; any of them
    can be used as ``lambda leaves: torch.optim.Adam(leaves).step``.
    """

    def rule(leaves: list[Tensor]) -> Callable[[], object]:
        def step() -> None:
            for leaf in leaves:
                if leaf.grad is not None:
                    leaf -= learning_rate * leaf.grad

        return step

    return rule


def unit_spread(layers: Layers) -> float:
    """Largest difference between two units of one hidden layer, over the largest weight.

    A unit is its incoming weights, its bias and its outgoing weights.
    """
    largest = max(float(layer.weight.abs().max()) for layer in layers)
    units = (
        torch.cat([before.weight, before.bias[:, None], after.weight.T], dim=1)
        for before, after in pairwise(layers)
    )
    apart = max(float((unit.amax(dim=0) - unit.amin(dim=0)).max()) for unit in units)
    return apart / largest


def distinct_units(layers: Layers, problem: Problem) -> int:
    """How many different units the hidden layer with the fewest has, by what they give."""
    layerwise = hidden_activations(layers, problem.inputs, problem.activation)
    return min(_distinct_columns(values) for values in layerwise)


def accuracy(layers: Layers, problem: Problem) -> float:
    """Share of the inputs whose class has the strictly largest output; a tie counts as wrong."""
    outputs = logits(layers, problem.inputs, problem.activation)
    own = outputs.gather(1, problem.classes[:, None])
    others = outputs.scatter(1, problem.classes[:, None], -torch.inf)
    return float((own[:, 0] > others.amax(dim=1)).double().mean())


def largest_move(before: Layers, after: Layers) -> float:
    """How far the weight or bias that moved most has come."""
    return max(
        float((new - old).abs().max())
        for start, end in zip(before, after, strict=True)
        for old, new in zip(start, end, strict=True)
    )


def demonstrate(
    *,
    width: int = 16,
    hidden_layers: int = 2,
    activation: str = "elu",
    learning_rate: float = 0.1,
    steps: int = 300,
    seed: int = 0,
) -> SymmetryResult:
    """Train one network on XOR from equal and from independent weights.

    Args:
        width: units in each hidden layer, from 2 to 1000, so that units can be compared.
        hidden_layers: number of hidden layers, from 1 to 100.
        activation: tanh, relu, elu, selu, logistic or silu.
        learning_rate: step size of plain gradient descent, above 0; refused where the weights
            leave the range of numbers.
        steps: number of full-batch steps, from 1 to 100,000.
        seed: seed of the draws.

    Raises:
        DomainError: a parameter is outside its domain.
    """
    _check(width=width, hidden_layers=hidden_layers, steps=steps, learning_rate=learning_rate)
    require_seed(seed)
    if activation not in ACTIVATIONS:
        raise DomainError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    problem = exclusive_or(ACTIVATIONS[activation])
    sizes = [2, *[width] * hidden_layers, 2]

    def states(start: Start) -> list[Layers]:
        layers = start(sizes, torch.Generator().manual_seed(seed))
        rule = gradient_descent(learning_rate)
        return list(training(layers, problem, optimizer=rule, steps=steps))

    equal, independent = states(equal_start), states(independent_start)
    _require_numbers((equal, independent), learning_rate)
    return SymmetryResult(
        spread_equal_start=tuple(unit_spread(layers) for layers in equal),
        spread_independent_start=tuple(unit_spread(layers) for layers in independent),
        accuracy_equal_start=tuple(accuracy(layers, problem) for layers in equal),
        accuracy_independent_start=tuple(accuracy(layers, problem) for layers in independent),
        largest_move_equal_start=largest_move(equal[0], equal[-1]),
    )


def _check(*, width: int, hidden_layers: int, steps: int, learning_rate: float) -> None:
    require_between("width", width, 2, 1000)
    require_between("hidden_layers", hidden_layers, 1, 100)
    require_between("steps", steps, 1, 100_000)
    if not 0 < learning_rate < float("inf"):
        raise DomainError(f"learning_rate must be a finite number above 0, got {learning_rate}")


def _require_numbers(runs: tuple[list[Layers], ...], learning_rate: float) -> None:
    """Refuse training whose weights became infinite: nothing can be said of their distances."""
    for states in runs:
        for step, layers in enumerate(states):
            if not all(bool(tensor.isfinite().all()) for layer in layers for tensor in layer):
                raise DomainError(
                    f"learning_rate {learning_rate:g} is too large: the weights diverge and are no "
                    f"numbers after {step} steps; give a smaller one, or fewer steps"
                )


def _as_layers(tensors: "list[Tensor] | tuple[Tensor, ...]") -> Layers:
    pairs = zip(tensors[::2], tensors[1::2], strict=True)
    return tuple(Layer(weight, bias) for weight, bias in pairs)


def _distinct_columns(values: Tensor) -> int:
    scale = max(float(values.abs().max()), torch.finfo(values.dtype).tiny)
    apart = (values[:, :, None] - values[:, None, :]).abs().amax(dim=0) / scale
    # A column is new if no column before it is the same.
    seen_before = (apart <= SAME).tril(diagonal=-1).any(dim=1)
    return int((~seen_before).sum())
