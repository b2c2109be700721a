"""Which learns faster, SELU or ReLU: many small networks trained side by side on made-up tasks.

All networks of one kind are trained at once by full-batch gradient descent in float64, one for each
pair of learning rate and seed, every seed with its own weights and examples; a network's best
rate counts. Inputs are standard normal and targets standardised for both sides, because a
comparison on different scales would compare the scales.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from theory.nonlinearities import Nonlinearity
from theory.signal import normal_mean


@dataclass(frozen=True)
class Task:
    """A function to learn; inputs (networks, INPUTS, examples), targets (networks, examples).

    ``mean`` and ``deviation`` are those of the function of standard normal inputs.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    mean: float
    deviation: float


ABSOLUTE_VALUES = Task(
    "a sum of absolute values",
    lambda x: x.abs().sum(dim=1),
    4 * math.sqrt(2 / math.pi),
    math.sqrt(4 * (1 - 2 / math.pi)),
)
TWO_RAMPS = Task(  # a ramp of deviation s has mean s / sqrt(2 pi), variance s^2 (1 - 1/pi) / 2
    "the difference of two ramps",
    lambda x: torch.clamp(x[:, 0] + x[:, 1], min=0) - torch.clamp(x[:, 2] + x[:, 3], min=0),
    0.0,
    math.sqrt(2 * (1 - 1 / math.pi)),
)
SOFT_STEPS = Task(
    "the difference of two soft steps",
    lambda x: torch.tanh(2 * (x[:, 0] + x[:, 1])) - torch.tanh(2 * (x[:, 2] + x[:, 3])),
    0.0,
    math.sqrt(2 * normal_mean(lambda z: torch.tanh(z) ** 2, variance=8.0)),
)
INPUTS = 4
LOSS_TO_REACH = 0.2  # of targets with variance 1


@dataclass(frozen=True)
class Contender:
    """An activation function with the weight variance (in units of 1 / fan_in) that suits it."""

    nonlinearity: Nonlinearity
    weight_variance: float


@dataclass(frozen=True)
class Course:
    """What both sides run: the task, the network's shape, the rates to choose from, the budget."""

    task: Task
    depth: int
    width: int
    learning_rates: tuple[float, ...]
    steps: int
    examples: int = 48


@dataclass(frozen=True)
class Race:
    """How a kind of network fared, seed by seed, each at its best learning rate.

    Attributes:
        steps_to_target: steps until the training loss was ``LOSS_TO_REACH``; the budget plus one
            where it never was.
        held_out_error: smallest mean squared error on fresh inputs at the end of the budget.
    """

    steps_to_target: tuple[int, ...]
    held_out_error: tuple[float, ...]


def draw_examples(course: Course, *, seeds: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Draw inputs and targets for ``seeds`` networks, repeated for every learning rate."""
    shape = (seeds, INPUTS, course.examples)
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64)
    targets = (course.task.function(inputs) - course.task.mean) / course.task.deviation
    rates = len(course.learning_rates)
    return inputs.repeat(rates, 1, 1), targets.repeat(rates, 1)


def draw_parameters(
    contender: Contender, course: Course, *, seeds: int, generator: torch.Generator
) -> list[Tensor]:
    """Draw the weights of ``seeds`` networks, repeated for every rate, followed by zero biases."""

    def draw(outputs: int, inputs: int, variance: float) -> Tensor:
        shape = (seeds, outputs, inputs)
        weight = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (weight * math.sqrt(variance / inputs)).repeat(len(course.learning_rates), 1, 1)

    fan_ins = [INPUTS] + [course.width] * (course.depth - 1)
    weights = [draw(course.width, fan_in, contender.weight_variance) for fan_in in fan_ins]
    weights.append(draw(1, course.width, 1.0))
    return weights + [torch.zeros_like(weight[..., :1]) for weight in weights]


def predict(nonlinearity: Nonlinearity, parameters: list[Tensor], inputs: Tensor) -> Tensor:
    """Return the outputs (networks, examples) for inputs (networks, INPUTS, examples)."""
    layers = len(parameters) // 2
    signal = inputs
    for weight, bias in zip(parameters[: layers - 1], parameters[layers:-1], strict=True):
        signal = nonlinearity.value(weight @ signal + bias)
    return (parameters[layers - 1] @ signal + parameters[-1])[:, 0]


def mean_squared_errors(
    nonlinearity: Nonlinearity, parameters: list[Tensor], inputs: Tensor, targets: Tensor
) -> Tensor:
    """Return each network's mean squared error over its examples, shape (networks,)."""
    return ((predict(nonlinearity, parameters, inputs) - targets) ** 2).mean(dim=1)


def run_race(contender: Contender, course: Course, *, seeds: int, seed: int) -> Race:
    """Train every network for the budget of steps and report each seed at its best rate.

    Two contenders with the same ``seed`` meet the same examples and the same drawn weights, up to
    the scale of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = draw_examples(course, seeds=seeds, generator=generator)
    fresh_inputs, fresh_targets = draw_examples(course, seeds=seeds, generator=generator)
    parameters = draw_parameters(contender, course, seeds=seeds, generator=generator)
    rates = torch.tensor(course.learning_rates, dtype=torch.float64).repeat_interleave(seeds)
    reached = torch.full((len(rates),), course.steps + 1)
    for step in range(course.steps):
        parameters = [parameter.requires_grad_() for parameter in parameters]
        losses = mean_squared_errors(contender.nonlinearity, parameters, inputs, targets)
        reached = torch.where((losses <= LOSS_TO_REACH) & (reached > step), step, reached)
        slopes = torch.autograd.grad(losses.sum(), parameters)
        parameters = [
            parameter.detach() - rates[:, None, None] * slope
            for parameter, slope in zip(parameters, slopes, strict=True)
        ]
    errors = mean_squared_errors(contender.nonlinearity, parameters, fresh_inputs, fresh_targets)
    table = (len(course.learning_rates), seeds)
    # A network that blew up has no error worth comparing; infinity loses every comparison.
    finite_or_lost = errors.nan_to_num(nan=math.inf).reshape(table)
    return Race(
        tuple(reached.reshape(table).amin(dim=0).tolist()),
        tuple(finite_or_lost.amin(dim=0).tolist()),
    )
