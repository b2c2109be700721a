"""The experiments of question 6 on trained classifiers, each with a control that is rejected."""

from functools import cache

import numpy as np
import torch

from theory.claim import Case, Check, Evidence
from theory.classifiers import (
    Examples,
    Parameters,
    draw_task,
    he_start,
    masked,
    scores,
    trained,
    weights_of,
)
from theory.draws import normal
from theory.sparsity.lasso import Array, soft_threshold
from theory.sparsity.layers import (
    MakeMask,
    accuracy,
    largest_out,
    masks_of,
    pruned,
    share_of_zeros,
    smallest_out,
)
from theory.sparsity.storage import compressed_cost

NETWORKS, HIDDEN, STEPS = 8, (32, 32, 32), 200
PENALTY = 0.01
NEARLY_ZERO = 0.01
SHARE = 0.8


@cache
def _networks(penalty: float) -> tuple[Parameters, Examples, Examples]:
    """Trained networks, the examples they learned and fresh ones."""
    generator = torch.Generator().manual_seed(61)
    task = draw_task(NETWORKS, wrong_labels=0.05, generator=generator)
    learned, fresh = task.draw(256, generator), task.draw(500, generator)
    start = he_start(NETWORKS, HIDDEN, generator)
    return trained(start, learned, steps=STEPS, penalty=penalty), learned, fresh


def near_zeros_are_sparse() -> Evidence:
    """Q6.1: networks that an L1 penalty has left with many weights near zero."""
    return _check_near_zeros(penalty=PENALTY)


def ordinary_weights_are_sparse() -> Evidence:
    """Control of Q6.1: networks trained without a penalty, which have few."""
    return _check_near_zeros(penalty=0.0)


def _check_near_zeros(*, penalty: float) -> Evidence:
    parameters, _, fresh = _networks(penalty)
    small = [(weights.abs() > NEARLY_ZERO).double() for weights in weights_of(parameters)]
    zeroed = masked(parameters, small)
    lost = accuracy(parameters, fresh) - accuracy(zeroed, fresh)
    saved = "bytes in compressed form, relative to full matrices"
    kept = Case("left as they are", (Check(saved, _compressed(parameters), "<", 1.0),))
    cut = Case(
        f"those within {NEARLY_ZERO:g} of zero set to zero",
        (
            Check(saved, _compressed(zeroed), "<", 1.0),
            Check("accuracy lost, points", lost, "<=", 1.0),
        ),
    )
    rescaled = _rescaled(parameters)
    change = abs(_share_near_zero(rescaled) - _share_near_zero(parameters))
    moved = Case(
        "two ReLU layers rescaled so that the function stays the same",
        (Check("change in the share of weights that count as nearly zero", change, "==", 0.0),),
    )
    outputs = [scores(layers, fresh.inputs) for layers in (parameters, rescaled)]
    unchanged = Check(
        "largest change of an output under rescaling",
        float((outputs[0] - outputs[1]).abs().max()),
        "<=",
        1e-9,
    )
    return Evidence((kept, cut, moved), (unchanged,))


def _compressed(parameters: Parameters) -> float:
    matrices = [matrix.numpy() for weights in weights_of(parameters) for matrix in weights]
    stored = sum(compressed_cost(matrix).stored_bytes for matrix in matrices)
    return stored / sum(int(matrix.nbytes) for matrix in matrices)


def _share_near_zero(parameters: Parameters) -> float:
    weights = torch.cat([weights.flatten() for weights in weights_of(parameters)])
    return float((weights.abs() <= NEARLY_ZERO).double().mean())


def _rescaled(parameters: Parameters) -> Parameters:
    """The first layer divided by 1024 with its bias, the second multiplied: the same function."""
    layers = list(parameters)
    half = len(layers) // 2
    layers[0], layers[half], layers[1] = layers[0] / 1024, layers[half] / 1024, layers[1] * 1024
    return layers


def pruning_by_magnitude_works() -> Evidence:
    """Q6.5 with the smallest magnitudes zeroed."""
    return _check_pruning(smallest_out)


def pruning_the_largest_works() -> Evidence:
    """Control of Q6.5: the largest magnitudes zeroed."""
    return _check_pruning(largest_out)


def _check_pruning(make_mask: MakeMask) -> Evidence:
    parameters, learned, fresh = _networks(0.0)
    full = accuracy(parameters, fresh)
    few, most = (masks_of(parameters, share, make_mask) for share in (0.3, 0.7))
    lighter, bare = masked(parameters, few), masked(parameters, most)
    recovered = trained(parameters, learned, steps=100, masks=most)
    at_once = full - accuracy(bare, fresh)
    cases = (
        Case("30 % of every layer's weights zeroed", _sparse_and_able(lighter, 0.3, full, fresh)),
        Case(
            f"70 % zeroed, which costs {at_once:.1f} points, then trained on for 100 steps",
            _sparse_and_able(recovered, 0.7, full, fresh),
        ),
    )
    return Evidence(cases, (Check("accuracy before pruning, per cent", full, ">=", 60.0),))


def _sparse_and_able(
    parameters: Parameters, share: float, full: float, fresh: Examples
) -> tuple[Check, Check]:
    found = abs(share_of_zeros(parameters) - share)
    return (
        Check("share of zeros, distance from that asked for", found, "<=", 0.01),
        Check("accuracy lost, points", full - accuracy(parameters, fresh), "<=", 5.0),
    )


def ways_combine() -> Evidence:
    """Q6.11 with the L1 penalty."""
    return _check_combination(penalised=True)


def pruning_combines_with_nothing() -> Evidence:
    """Control of Q6.11: the L1 part left out, so that the combination is pruning alone."""
    return _check_combination(penalised=False)


def _check_combination(*, penalised: bool) -> Evidence:
    plain, _, fresh = _networks(0.0)
    shrunk, _, _ = _networks(PENALTY if penalised else 0.0)
    full = accuracy(plain, fresh)
    alone, both = (accuracy(pruned(layers, SHARE), fresh) for layers in (plain, shrunk))
    network = Case(
        f"{NETWORKS} trained networks, {SHARE:.0%} of every layer zeroed",
        (
            Check(
                "share of zeros, L1 then pruning", share_of_zeros(pruned(shrunk, SHARE)), ">", 0.79
            ),
            Check("accuracy lost by pruning alone, points", full - alone, ">", 0.0),
            Check("accuracy that L1 before pruning saves, points", both - alone, ">", 0.0),
        ),
    )
    return Evidence((network, _separate_weights(0.3 if penalised else 0.0)))


def _separate_weights(penalty: float, reach: float = 0.5) -> Case:
    """A thousand weights that do not interact, where each way zeroes those up to ``reach``."""
    generator = torch.Generator().manual_seed(66)
    truth = np.where(np.arange(1000) < 100, 3.0 * normal(generator, 1000), 0.0)
    targets = truth + 0.2 * normal(generator, 1000)
    ways = {
        "L1": soft_threshold(targets, reach if penalty else 0.0),
        "pruning": _zeroed(targets, reach),
        "both": _zeroed(soft_threshold(targets, penalty), reach - penalty),
    }
    reached = tuple(
        Check(f"zeros by {way}", int((weights == 0.0).sum()), ">=", 800)
        for way, weights in ways.items()
    )
    paid = tuple(
        Check(f"training error added by {way}", float(((weights - targets) ** 2).sum()), ">", 0.0)
        for way, weights in ways.items()
    )
    return Case("1,000 separate weights, 100 of them needed", reached + paid)


def _zeroed(weights: Array, threshold: float) -> Array:
    return np.where(np.abs(weights) <= threshold, 0.0, weights)
