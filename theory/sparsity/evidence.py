"""The experiments of question 6 on penalties and zeros, each with a control its judge rejects."""

import numpy as np
import torch

from theory.claim import Case, Check, Evidence
from theory.draws import normal, uniform
from theory.sparsity.lasso import (
    Array,
    Shrinkage,
    coordinate_descent,
    least_squares_gradient,
    optimality_gap,
    proximal_descent,
    regression_problem,
    ridge,
    soft_threshold,
    subgradient_descent,
)
from theory.sparsity.pruning import forward, relu
from theory.sparsity.storage import compressed_cost

PENALTY, LEARNING_RATE, STEPS = 0.5, 0.1, 500


def near_zeros_are_sparse() -> Evidence:
    """Q6.1: nine weights in ten are a millionth of the others."""
    return _judge_small_weights(factor=2.0**-20, threshold=1e-3)


def exact_zeros_are_sparse() -> Evidence:
    """Control of Q6.1: nine weights in ten are zero, and only zeros count."""
    return _judge_small_weights(factor=0.0, threshold=0.0)


def _judge_small_weights(*, factor: float, threshold: float) -> Evidence:
    generator = torch.Generator().manual_seed(61)
    weights = normal(generator, 100, 100)
    small = np.where(uniform(generator, 100, 100) < 0.9, factor * weights, weights)
    stored = compressed_cost(small).stored_bytes / compressed_cost(weights).stored_bytes
    compressed = Case(
        "nine weights in ten made small, kept as a compressed matrix",
        (Check("bytes kept, in those of the full matrix", stored, "<=", 0.2),),
    )
    moved, difference = _rescaled_share(weights, threshold)
    rescaled = Case(
        "two ReLU layers rescaled so that the function stays the same",
        (Check("change in the share of weights that count as zero", moved, "==", 0.0),),
    )
    unchanged = Check("largest change of an output under rescaling", difference, "==", 0.0)
    return Evidence((compressed, rescaled), (unchanged,))


def _rescaled_share(weights: Array, threshold: float) -> tuple[float, float]:
    """Change in the share of small weights, and in the outputs, when two layers trade scale."""
    generator = torch.Generator().manual_seed(62)
    inputs, outputs = normal(generator, 8, 100), normal(generator, 3, 100)
    scale = 2.0**-20  # a power of two: rescaling is exact in floating point
    zeros = np.zeros(100), np.zeros(3)
    before = (weights, zeros[0], outputs, zeros[1])
    after = (weights * scale, zeros[0], outputs / scale, zeros[1])
    shares = [np.mean(np.abs(layers[0]) <= threshold) for layers in (before, after)]
    difference = np.abs(forward(before, inputs, relu) - forward(after, inputs, relu)).max()
    return float(abs(shares[1] - shares[0])), float(difference)


def l1_gives_zeros() -> Evidence:
    """Q6.2 with the L1 penalty, by three algorithms."""
    targets = normal(torch.Generator().manual_seed(63), 1000)
    proximal, followed = (
        descend(
            lambda w: w - targets,
            targets,
            penalty=PENALTY,
            learning_rate=LEARNING_RATE,
            steps=STEPS,
        )
        for descend in (proximal_descent, subgradient_descent)
    )
    return _judge_zeros(targets, proximal, followed)


def l2_gives_zeros() -> Evidence:
    """Control of Q6.2: the squared penalty shrinks every weight by the same factor."""
    targets = normal(torch.Generator().manual_seed(63), 1000)
    shrunk = targets / (1.0 + PENALTY)
    return _judge_zeros(targets, shrunk, shrunk)


def _judge_zeros(targets: Array, proximal: Array, followed: Array) -> Evidence:
    predicted = np.abs(targets) <= PENALTY
    flutter = 2.0 * LEARNING_RATE * PENALTY  # a step never carries a fluttering weight further
    results = {
        "proximal step": proximal,
        "gradient of loss and penalty": followed,
        "gradient, then weights within one step of 0 pruned": np.where(
            np.abs(followed) <= flutter, 0.0, followed
        ),
    }
    cases = tuple(
        Case(
            algorithm,
            (
                Check(
                    f"weights exactly zero, of the {predicted.sum()} that the minimiser has",
                    int(np.count_nonzero((weights == 0.0) & predicted)),
                    ">=",
                    int(predicted.sum()),
                ),
            ),
        )
        for algorithm, weights in results.items()
    )
    moved = Check("largest change of a weight", float(np.abs(followed - targets).max()), ">", 0.1)
    return Evidence(cases, (moved,))


def l1_shrinks() -> Evidence:
    """Q6.3 with the soft threshold."""
    return _judge_path(soft_threshold)


def l1_of_wrong_sign_shrinks() -> Evidence:
    """Control of Q6.3: the penalty pushes away from zero."""
    return _judge_path(lambda values, amount: soft_threshold(values, -amount))


def _judge_path(shrink: Shrinkage) -> Evidence:
    inputs, targets = regression_problem(rows=60, features=30, seed=64)
    gradient = least_squares_gradient(inputs, targets)
    largest = float(np.abs(gradient(np.zeros(30))).max())
    rate = 1.0 / float(np.linalg.norm(inputs, 2) ** 2 / len(targets))
    sums = [
        float(
            np.abs(
                proximal_descent(
                    gradient,
                    np.zeros(30),
                    penalty=share * largest,
                    learning_rate=rate,
                    steps=600,
                    shrink=shrink,
                )
            ).sum()
        )
        for share in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    ]
    rise = Check("largest rise of Σ|w| as the penalty grows", max(np.diff(sums)), "<=", 0.0)
    end = Check("Σ|w| at the penalty from which all weights vanish", sums[-1], "<=", 1e-12)
    start = Check("Σ|w| without the penalty", sums[0], ">", 1.0)
    return Evidence((Case("least squares with 30 weights", (rise, end)),), (start,))


def lasso_differs_from_l1() -> Evidence:
    """Q6.4: the Lasso by coordinate descent, beside L1 by proximal descent."""
    inputs, targets = regression_problem(rows=60, features=30, seed=65)
    lasso = coordinate_descent(inputs, targets, penalty=0.1, sweeps=200)
    gap = optimality_gap(inputs, targets, lasso, penalty=0.1)
    return _judge_difference(lasso, gap)


def ridge_differs_from_l1() -> Evidence:
    """Control of Q6.4: ridge leaves weights small but not zero."""
    inputs, targets = regression_problem(rows=60, features=30, seed=65)
    weights = ridge(inputs, targets, penalty=0.1)
    slope = least_squares_gradient(inputs, targets)(weights) + 0.1 * weights
    return _judge_difference(weights, float(np.abs(slope).max()))


def _judge_difference(other: Array, other_gap: float) -> Evidence:
    inputs, targets = regression_problem(rows=60, features=30, seed=65)
    rate = 1.0 / float(np.linalg.norm(inputs, 2) ** 2 / len(targets))
    weights = proximal_descent(
        least_squares_gradient(inputs, targets),
        np.zeros(30),
        penalty=0.1,
        learning_rate=rate,
        steps=3000,
    )
    gap = optimality_gap(inputs, targets, weights, penalty=0.1)
    case = Case(
        "least squares with 30 weights, penalty 0.1",
        (
            Check("weights exactly zero, Lasso", int((other == 0.0).sum()), "==", 0.0),
            Check(
                "largest difference between L1 and Lasso weights",
                float(np.abs(weights - other).max()),
                ">=",
                1e-6,
            ),
        ),
    )
    sanity = (
        Check("weights exactly zero, L1", int((weights == 0.0).sum()), ">", 0.0),
        Check("how far L1 misses the conditions of optimality", gap, "<=", 1e-9),
        Check("how far the other solution misses its own", other_gap, "<=", 1e-9),
    )
    return Evidence((case,), sanity)


def combination_is_sparser() -> Evidence:
    """Q6.11 with the L1 penalty."""
    return _judge_combination(penalty=0.3)


def pruning_alone_is_sparser() -> Evidence:
    """Control of Q6.11: without the penalty the combination is pruning alone."""
    return _judge_combination(penalty=0.0)


def _judge_combination(*, penalty: float, threshold: float = 0.2) -> Evidence:
    generator = torch.Generator().manual_seed(66)
    truth = np.where(np.arange(1000) < 100, 3.0 * normal(generator, 1000), 0.0)
    targets = truth + 0.2 * normal(generator, 1000)
    penalised = proximal_descent(
        lambda w: w - targets, targets, penalty=penalty, learning_rate=LEARNING_RATE, steps=STEPS
    )
    both = np.where(np.abs(penalised) <= threshold, 0.0, penalised)
    pruned = np.where(np.abs(targets) <= threshold, 0.0, targets)
    zeros = {name: int((w == 0.0).sum()) for name, w in _named(penalised, pruned, both)}
    errors = {
        name: float(((w - targets) ** 2).sum()) for name, w in _named(penalised, pruned, both)
    }
    more = tuple(
        Check(f"zeros of both ways beyond those of {name}", zeros["both"] - zeros[name], ">", 0.0)
        for name in ("L1", "pruning")
    )
    paid = tuple(
        Check(f"training error added by {name}", error, ">", 0.0) for name, error in errors.items()
    )
    case = Case("1,000 weights, 100 of them needed", more + paid)
    return Evidence((case,), (Check("zeros of pruning alone", zeros["pruning"], ">", 0.0),))


def _named(penalised: Array, pruned: Array, both: Array) -> tuple[tuple[str, Array], ...]:
    return ("L1", penalised), ("pruning", pruned), ("both", both)
