"""Small classification problems, optimisers and network shapes for the symmetry properties."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from theory.symmetry.demo import Problem, gradient_descent
from theory.symmetry.network import ACTIVATIONS, Layer

SEEDS = st.integers(0, 2**32 - 1)

# Every rule that treats units alike keeps copies; normalising rules amplify rounding, hence
# few steps. Learning rates are small enough that no run leaves the finite numbers.
OPTIMIZERS = {
    "gradient descent": gradient_descent(0.05),
    "momentum": lambda leaves: torch.optim.SGD(leaves, lr=0.05, momentum=0.9).step,
    "Nesterov": lambda leaves: torch.optim.SGD(leaves, lr=0.05, momentum=0.9, nesterov=True).step,
    "weight decay": lambda leaves: torch.optim.SGD(leaves, lr=0.05, weight_decay=0.1).step,
    "Adam": lambda leaves: torch.optim.Adam(leaves, lr=0.01, eps=1e-4).step,
    "NAdam": lambda leaves: torch.optim.NAdam(leaves, lr=0.01, eps=1e-4).step,
    "RMSprop": lambda leaves: torch.optim.RMSprop(leaves, lr=0.01, eps=1e-4).step,
}


def squared_error(outputs, classes):
    targets = torch.nn.functional.one_hot(classes, outputs.shape[1]).to(outputs.dtype)
    return ((outputs - targets) ** 2).mean()


LOSSES = {"cross-entropy": torch.nn.functional.cross_entropy, "squared error": squared_error}


@dataclass(frozen=True)
class Setting:
    problem: Problem
    layers: tuple[Layer, ...]
    optimizer: object
    steps: int


def constant_layers(sizes, values):
    return tuple(
        Layer(
            torch.full((units, inputs), value, dtype=torch.float64),
            torch.zeros(units, dtype=torch.float64),
        )
        for inputs, units, value in zip(sizes[:-1], sizes[1:], values, strict=True)
    )


@st.composite
def settings_with_equal_weights(draw, activations=tuple(ACTIVATIONS)):
    """Networks whose layers each hold one value, with a problem and a rule that moves them."""
    features, units = draw(st.integers(1, 6)), draw(st.integers(2, 9))
    hidden, outputs = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    value = st.floats(0.1, 1.0) | st.floats(-1.0, -0.1)
    values = draw(st.lists(value, min_size=hidden + 1, max_size=hidden + 1))
    generator = torch.Generator().manual_seed(draw(SEEDS))
    batch = draw(st.integers(2, 8))
    inputs = torch.randn(batch, features, generator=generator, dtype=torch.float64)
    classes = torch.randint(0, outputs, (batch,), generator=generator)
    return Setting(
        problem=Problem(
            inputs,
            classes,
            ACTIVATIONS[draw(st.sampled_from(activations))],
            LOSSES[draw(st.sampled_from(sorted(LOSSES)))],
        ),
        layers=constant_layers([features, *[units] * hidden, outputs], values),
        optimizer=OPTIMIZERS[draw(st.sampled_from(sorted(OPTIMIZERS)))],
        steps=draw(st.integers(1, 5)),
    )
