"""Least squares with an L1 penalty (the Lasso), solved in several ways, with a certificate.

The objective is ½·‖y - Xw‖²/n + penalty·‖w‖₁ (Tibshirani 1996), n being the number of rows of X.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from theory.draws import normal

Array = NDArray[np.floating[Any]]
Gradient = Callable[[Array], Array]
Shrinkage = Callable[[Array, float], Array]


def soft_threshold(values: Array, amount: float) -> Array:
    """``values`` moved towards 0 by ``amount``, and to exactly 0 where they are smaller."""
    return np.asarray(np.sign(values) * np.maximum(np.abs(values) - amount, 0.0))


def proximal_descent(
    gradient: Gradient,
    start: Array,
    *,
    penalty: float,
    learning_rate: float,
    steps: int,
    shrink: Shrinkage = soft_threshold,
) -> Array:
    """Weights after ``steps`` of a gradient step followed by ``shrink`` (ISTA, Daubechies 2004)."""
    weights = start
    for _ in range(steps):
        weights = shrink(weights - learning_rate * gradient(weights), learning_rate * penalty)
    return weights


def subgradient_descent(
    gradient: Gradient, start: Array, *, penalty: float, learning_rate: float, steps: int
) -> Array:
    """Weights after ``steps`` of what a framework does when penalty·Σ|w| is added to the loss."""
    weights = start
    for _ in range(steps):
        weights = weights - learning_rate * (gradient(weights) + penalty * np.sign(weights))
    return weights


def least_squares_gradient(inputs: Array, targets: Array) -> Gradient:
    """Gradient of ½·‖targets - inputs·w‖²/n as a function of w; ``inputs`` is (n, features)."""

    def gradient(weights: Array) -> Array:
        return np.asarray(inputs.T @ (inputs @ weights - targets) / len(targets))

    return gradient


def coordinate_descent(inputs: Array, targets: Array, *, penalty: float, sweeps: int) -> Array:
    """Lasso weights by minimising over one coordinate at a time (Friedman et al. 2007)."""
    count, features = inputs.shape
    curvature = (inputs**2).sum(axis=0) / count
    weights, residual = np.zeros(features), targets.copy()
    for _ in range(sweeps):
        for index in range(features):
            pull = inputs[:, index] @ residual / count + curvature[index] * weights[index]
            best = soft_threshold(pull, penalty) / curvature[index]
            residual += inputs[:, index] * (weights[index] - best)
            weights[index] = best
    return weights


def ridge(inputs: Array, targets: Array, *, penalty: float) -> Array:
    """Weights of least squares with the squared (L2) penalty ½·penalty·‖w‖²."""
    count, features = inputs.shape
    return np.linalg.solve(
        inputs.T @ inputs / count + penalty * np.eye(features), inputs.T @ targets / count
    )


def optimality_gap(inputs: Array, targets: Array, weights: Array, *, penalty: float) -> float:
    """How far ``weights`` miss the conditions that only the Lasso's solution meets; 0 is optimal.

    Non-zero weights: gradient = -penalty·sign(w). Zero weights: gradient at most ``penalty``
    (Karush, Kuhn and Tucker). The certificate does not depend on the solver.
    """
    gradient = least_squares_gradient(inputs, targets)(weights)
    on_support = np.abs(gradient + penalty * np.sign(weights))
    off_support = np.maximum(np.abs(gradient) - penalty, 0.0)
    return float(np.where(weights != 0.0, on_support, off_support).max())


def regression_problem(*, rows: int, features: int, seed: int) -> tuple[Array, Array]:
    """Inputs (rows, features) and targets (rows,): a third of the features matter, plus noise."""
    generator = torch.Generator().manual_seed(seed)
    inputs = normal(generator, rows, features)
    weights = np.where(np.arange(features) % 3 == 0, normal(generator, features), 0.0)
    return inputs, inputs @ weights + 0.1 * normal(generator, rows)
