"""Dropout without sampling: expectations over all masks, for one linear or logistic unit."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def all_masks(units: int) -> Array:
    """Every mask (2**units, units) of kept (1) and dropped (0) units."""
    return np.array(list(product((0.0, 1.0), repeat=units)))


def mask_chances(masks: Array, rate: float) -> Array:
    """Chance (masks,) of each mask when a unit is dropped with probability ``rate``."""
    return np.asarray(np.where(masks == 1.0, 1.0 - rate, rate).prod(axis=1))


def masked_probabilities(inputs: Array, weights: Array, rate: float) -> tuple[Array, Array]:
    """Probabilities (masks, rows) of a logistic unit under each mask, and the masks' chances."""
    masks = all_masks(weights.size)
    logits = (masks * weights / (1.0 - rate)) @ inputs.T
    return 1.0 / (1.0 + np.exp(-logits)), mask_chances(masks, rate)


def expected_loss(inputs: Array, targets: Array, weights: Array, rate: float) -> float:
    """Expected mean squared error of a linear unit whose inputs are dropped with ``rate``.

    Equals the plain error plus rate/(1 - rate)·Σ w²·mean(x²), as the masks of different inputs
    are independent (Wager et al. 2013); the tests compare with the sum over all masks.
    """
    plain = np.mean((inputs @ weights - targets) ** 2)
    return float(plain + rate / (1.0 - rate) * (weights**2 @ np.mean(inputs**2, axis=0)))


def steps_to_reach(
    inputs: Array, targets: Array, *, rate: float, loss: float, learning_rate: float, limit: int
) -> float:
    """Steps until the plain error is at most ``loss``, descending the expected dropout loss.

    Starts at 0; infinite if ``limit`` steps do not suffice.
    """
    count, features = inputs.shape
    pull = rate / (1.0 - rate) * np.mean(inputs**2, axis=0)
    weights = np.zeros(features)
    for step in range(limit):
        residual = inputs @ weights - targets
        if np.mean(residual**2) <= loss:
            return float(step)
        weights = weights - 2.0 * learning_rate * (inputs.T @ residual / count + pull * weights)
    return float("inf")


def binary_log_loss(probabilities: Array, truth: Array) -> Array:
    """Expected negative log-likelihood when ``truth`` is the probability of the class; in nats."""
    return -(truth * np.log(probabilities) + (1.0 - truth) * np.log1p(-probabilities))
