"""The experiments of question 6 on networks: pruning, its savings, and small starting weights."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse
from torch import nn

from theory.claim import Case, Check, Evidence
from theory.draws import normal
from theory.sparsity.lasso import Array
from theory.sparsity.pruning import (
    Activation,
    forward,
    logistic,
    magnitude_mask,
    relu,
    remove_neurons,
    silence_neurons,
)
from theory.sparsity.storage import (
    Cost,
    compressed_cost,
    counted_by_hand,
    linear,
    masked_linear,
    module_cost,
)
from theory.sparsity.training import Training, train_embedding, train_network
from theory.statistics import FALSE_ALARM_RATE, normal_quantile, samples_needed, share_alarm_rate

SHARE_ERROR = 0.1  # the sampled shares below must notice an error of this size


def update_counts_rank_weights() -> Evidence:
    """Q6.6 on a dense network and on a table of which each step touches a few rows."""
    return _check_counts(train_embedding(words=50, width=4, seed=68))


def full_update_counts_rank_weights() -> Evidence:
    """Control of Q6.6: every step touches every row of the table as well."""
    return _check_counts(train_embedding(words=50, width=4, lookups=None, seed=68))


def _check_counts(table: Training) -> Evidence:
    network = train_network(inputs=60, hidden=80, seed=68)
    cases = (
        Case("a dense network, 30 steps of SGD", _ranking(network)),
        Case("an embedding table of 50 words, 30 steps of SGD", _ranking(table)),
    )
    most = Check("largest update count, steps", float(network.update_counts.max()), ">", 0.0)
    return Evidence(cases, (most,))


def _ranking(training: Training) -> tuple[Check, Check]:
    order = np.argsort(training.update_counts, kind="stable")
    half = order.size // 2
    halves = order[:half].tolist(), order[half:].tolist()
    least, most = map(training.harm_of_zeroing, halves)
    return (
        Check(
            f"different update counts among {order.size:,} weights",
            len(np.unique(training.update_counts)),
            ">=",
            2.0,
        ),
        Check(
            "loss added by zeroing the less updated half, relative to the other half",
            least / most,
            "<=",
            0.5,
        ),
    )


def weights_or_neurons_can_go() -> Evidence:
    """Q6.7 with ReLU."""
    return _check_removal(relu)


def logistic_neurons_can_go() -> Evidence:
    """Control of Q6.7: the logistic of 0 is not 0."""
    return _check_removal(logistic)


def _check_removal(activation: Activation) -> Evidence:
    generator = torch.Generator().manual_seed(69)
    layers = (
        normal(generator, 12, 8),
        normal(generator, 12),
        normal(generator, 3, 12),
        normal(generator, 3),
    )
    inputs = normal(generator, 20, 8)
    first, biases, second, outputs = layers
    mask = magnitude_mask(first, 0.5)
    masked = forward((first * mask, biases, second, outputs), inputs, activation)
    hidden = activation((sparse.csr_matrix(first * mask) @ inputs.T).T + biases)
    absent = hidden @ second.T + outputs
    neurons = np.array([1.0, 4.0, 7.0])
    silenced = forward(silence_neurons(layers, neurons), inputs, activation)
    removed = forward(remove_neurons(layers, neurons), inputs, activation)
    quantity = "largest difference between the outputs of the masked and the smaller network"
    cases = (
        Case("weights", (Check(quantity, float(np.abs(masked - absent).max()), "<=", 1e-12),)),
        Case("neurons", (Check(quantity, float(np.abs(silenced - removed).max()), "<=", 1e-12),)),
    )
    before = forward(layers, inputs, activation)
    moved = Check(
        "change of the outputs by pruning", float(np.abs(before - masked).max()), ">", 0.1
    )
    return Evidence(cases, (moved,))


def pruning_saves() -> Evidence:
    """Q6.8 measured on each form."""
    return _check_savings(honest=True)


def pruning_saves_on_paper() -> Evidence:
    """Control of Q6.8: only the weights that are left are counted, whatever the form."""
    return _check_savings(honest=False)


def _check_savings(*, honest: bool) -> Evidence:
    weights = normal(torch.Generator().manual_seed(70), 100, 300).astype(np.float32)
    most, half = (
        (weights * magnitude_mask(weights, share)).astype(np.float32) for share in (0.9, 0.5)
    )
    forms: dict[str, tuple[Cost, Array]] = {
        "90 % zeros in a full matrix": (module_cost(linear(most), 300), most),
        "90 % zeros by PyTorch's mask": (module_cost(masked_linear(weights, 0.9), 300), most),
        "90 % zeros in a compressed matrix": (compressed_cost(most), most),
        "50 % zeros in a compressed matrix": (compressed_cost(half), half),
        "half of the neurons removed": (module_cost(linear(weights[:50]), 300), weights[:50]),
    }
    full = module_cost(linear(weights), 300)
    cases = tuple(
        Case(form, _savings(cost if honest else counted_by_hand(left), full))
        for form, (cost, left) in forms.items()
    )
    return Evidence(cases, (Check("bytes of the full layer", full.stored_bytes, "==", 120_000),))


def _savings(cost: Cost, full: Cost) -> tuple[Check, Check]:
    stored, operations = cost.stored_bytes / full.stored_bytes, cost.operations / full.operations
    return (
        Check("bytes relative to the full layer", stored, "<", 1.0),
        Check("operations relative to the full layer", operations, "<", 1.0),
    )


def small_start_is_sparse() -> Evidence:
    """Q6.9 at three scales of the start."""
    return _check_start(zeros=0.0)


def masked_start_is_sparse() -> Evidence:
    """Control of Q6.9: zeros planted and held."""
    return _check_start(zeros=0.9)


def _check_start(*, zeros: float) -> Evidence:
    cases, sanity = [], []
    for scale in (1.0, 1e-2, 1e-6):
        training = train_network(inputs=60, hidden=80, scale=scale, zeros=zeros, seed=71)
        cases.append(
            Case(
                f"weights drawn at {scale:g} of the usual scale, then trained",
                (_mostly_zero("share of weights exactly zero", training.weights),),
            )
        )
        change = training.largest_relative_change
        sanity.append(Check("largest relative change of a weight", change, ">", 1e-3))
    return Evidence(tuple(cases), tuple(sanity))


def _mostly_zero(quantity: str, weights: Array) -> Check:
    """At least half of the weights are exactly zero."""
    if weights.size < samples_needed(SHARE_ERROR):
        raise ArithmeticError(f"{weights.size} weights do not show an error of {SHARE_ERROR}")
    return Check(
        quantity,
        float(np.mean(weights == 0.0)),
        ">=",
        0.5,
        false_alarm_rate=share_alarm_rate(weights.size, SHARE_ERROR / 2.0),
        detects=f"a share of {0.5 - SHARE_ERROR / 2.0:g} or less",
        samples=weights.size,
    )


def glorot_is_small_and_sparse() -> Evidence:
    """Q6.10 with Glorot's normal distribution."""
    return _check_glorot(lambda weights: weights)


def tiny_cut_start_is_small_and_sparse() -> Evidence:
    """Control of Q6.10: small weights of which most are cut to zero."""
    return _check_glorot(lambda weights: 1e-3 * weights * magnitude_mask(weights, 0.9))


def _check_glorot(alter: Callable[[Array], Array]) -> Evidence:
    cases = []
    for width in (10, 100):
        generator = torch.Generator().manual_seed(72)
        layers = [
            nn.init.xavier_normal_(
                torch.empty(width, width, dtype=torch.float64), generator=generator
            )
            for _ in range(10_000 // width**2)
        ]
        weights = alter(torch.stack(layers).numpy())
        # A layer multiplies the variance of independent inputs by fan-in times mean square weight.
        gain = float(width * np.mean(weights**2))
        checks = (_shrinking(gain, weights.size), _mostly_zero("share of exact zeros", weights))
        cases.append(Case(f"layers of {width} by {width}", checks))
    return Evidence(tuple(cases))


def _shrinking(gain: float, samples: int) -> Check:
    """The layer shrinks the variance to less than half; noticed if it is 0.55 instead of 0.5."""
    relative = normal_quantile(FALSE_ALARM_RATE) * (2.0 / samples) ** 0.5
    return Check(
        "variance of a layer's output relative to its input",
        gain,
        "<",
        0.5,
        false_alarm_rate=FALSE_ALARM_RATE,
        detects=f"a ratio off by {relative:.1%} of itself",
        samples=samples,
    )
