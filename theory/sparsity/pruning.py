"""Zeroing the weights of smallest magnitude, or whole neurons."""

from collections.abc import Callable

import numpy as np

from theory.sparsity.lasso import Array

Activation = Callable[[Array], Array]
Layers = tuple[Array, Array, Array, Array]  # W1 (hidden, inputs), b1, W2 (outputs, hidden), b2


def magnitude_mask(weights: Array, share: float) -> Array:
    """Mask of the same shape: 0 for the round(share·n) weights of smallest magnitude, 1 elsewhere.

    Ties go to the later weight, so the count is exact. ``round`` takes halves to the even number.
    """
    mask = np.ones(weights.size)
    mask[np.argsort(np.abs(weights), axis=None, kind="stable")[: round(share * weights.size)]] = 0.0
    return mask.reshape(weights.shape)


def forward(layers: Layers, inputs: Array, activation: Activation) -> Array:
    """Outputs (rows, outputs) of a network with one hidden layer."""
    weights, biases, output_weights, output_biases = layers
    hidden = activation(inputs @ weights.T + biases)
    return np.asarray(hidden @ output_weights.T + output_biases)


def silence_neurons(layers: Layers, neurons: Array) -> Layers:
    """Layers of the same shapes with the incoming weights and biases of ``neurons`` set to 0."""
    weights, biases, output_weights, output_biases = layers
    keep = ~np.isin(np.arange(len(biases)), neurons)
    return weights * keep[:, None], biases * keep, output_weights, output_biases


def remove_neurons(layers: Layers, neurons: Array) -> Layers:
    """Smaller layers from which ``neurons`` are gone, with all their weights."""
    weights, biases, output_weights, output_biases = layers
    keep = ~np.isin(np.arange(len(biases)), neurons)
    return weights[keep], biases[keep], output_weights[:, keep], output_biases


def relu(values: Array) -> Array:
    """max(0, x)."""
    return np.maximum(values, 0.0)


def logistic(values: Array) -> Array:
    """1/(1 + exp(-x)): ½ and not 0 at 0, so a silenced neuron still speaks."""
    return np.asarray(1.0 / (1.0 + np.exp(-values)))
