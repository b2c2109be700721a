"""L1 on weights that do not interact: where do exact zeros come from, and which weights become 0?

The loss is ½·Σ(w - target)² + penalty·Σ|w|. Its minimiser is known: the targets soft-thresholded
by the penalty, zero exactly where |target| <= penalty. Both algorithms start at the targets, the
best weights without a penalty.
"""

from dataclasses import dataclass

import numpy as np
import torch

from theory.domain import require_between, require_positive, require_seed
from theory.draws import normal
from theory.sparsity.lasso import Array, proximal_descent, soft_threshold, subgradient_descent


@dataclass(frozen=True)
class SparsityResult:
    """Zeros by two algorithms for the same penalised loss.

    Attributes:
        weights: number of weights.
        penalty: factor of Σ|w| in the loss.
        learning_rate: learning rate of both algorithms.
        steps: steps of both algorithms.
        predicted_zeros: zeros of the minimiser.
        proximal_zeros: weights that the proximal algorithm made exactly zero.
        proximal_misplaced_zeros: weights zero in one of minimiser and proximal result only.
        proximal_largest_error: largest distance of the proximal result from the minimiser.
        subgradient_zeros: weights that following the gradient of the penalty made exactly zero.
        subgradient_largest_flutter: largest weight it left where the minimiser has a zero.
        flutter_bound: bound on that once the weights have arrived there, which takes steps:
            learning_rate·2·penalty, the longest step there.
        zeros_after_pruning: zeros once its weights within that bound are pruned.
        targets: best weights without the penalty, in ascending order.
        subgradient_weights: weights by the gradient of the penalty, in the order of ``targets``.
        proximal_weights: weights by the proximal step, in the order of ``targets``.
    """

    weights: int
    penalty: float
    learning_rate: float
    steps: int
    predicted_zeros: int
    proximal_zeros: int
    proximal_misplaced_zeros: int
    proximal_largest_error: float
    subgradient_zeros: int
    subgradient_largest_flutter: float
    flutter_bound: float
    zeros_after_pruning: int
    targets: tuple[float, ...]
    subgradient_weights: tuple[float, ...]
    proximal_weights: tuple[float, ...]


def demonstrate(
    *,
    weights: int = 200,
    penalty: float = 0.5,
    learning_rate: float = 0.1,
    steps: int = 500,
    seed: int = 0,
) -> SparsityResult:
    """Minimise ½·Σ(w - target)² + penalty·Σ|w| by proximal steps and by following the gradient.

    Args:
        weights: number of weights, from 1 to 100,000.
        penalty: factor of the L1 penalty, above 0 and at most 1e6.
        learning_rate: learning rate, above 0 and at most 1.
        steps: steps of both algorithms, from 1 to 100,000.
        seed: seed of the targets, drawn from a standard normal distribution.

    Raises:
        DomainError: for a parameter outside those bounds.
    """
    require_between("weights", weights, 1, 100_000)
    require_positive("penalty", penalty)
    require_between("penalty", penalty, 0.0, 1e6)
    require_positive("learning_rate", learning_rate)
    require_between(
        "learning_rate",
        learning_rate,
        0.0,
        1.0,
        otherwise="above 1 each step shoots past the target, above 2 the weights diverge",
    )
    require_between("steps", steps, 1, 100_000)
    require_seed(seed)
    targets = np.sort(normal(torch.Generator().manual_seed(seed), weights))
    proximal, followed = (
        descend(
            lambda w: w - targets,
            targets,
            penalty=penalty,
            learning_rate=learning_rate,
            steps=steps,
        )
        for descend in (proximal_descent, subgradient_descent)
    )
    return _compare(targets, proximal, followed, penalty, learning_rate, steps)


def _compare(
    targets: Array,
    proximal: Array,
    followed: Array,
    penalty: float,
    learning_rate: float,
    steps: int,
) -> SparsityResult:
    minimiser = soft_threshold(targets, penalty)
    zero, bound = np.abs(targets) <= penalty, 2.0 * learning_rate * penalty
    return SparsityResult(
        weights=targets.size,
        penalty=penalty,
        learning_rate=learning_rate,
        steps=steps,
        predicted_zeros=int(zero.sum()),
        proximal_zeros=int((proximal == 0.0).sum()),
        proximal_misplaced_zeros=int(((proximal == 0.0) != zero).sum()),
        proximal_largest_error=float(np.abs(proximal - minimiser).max()),
        subgradient_zeros=int((followed == 0.0).sum()),
        subgradient_largest_flutter=float(np.abs(followed[zero]).max(initial=0.0)),
        flutter_bound=bound,
        zeros_after_pruning=int((np.abs(followed) <= bound).sum()),
        targets=tuple(map(float, targets)),
        subgradient_weights=tuple(map(float, followed)),
        proximal_weights=tuple(map(float, proximal)),
    )
