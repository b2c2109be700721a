"""Judging what the answer sheet says of tanh beside the logistic function (Q4.7 to Q4.10).

One function per claim, and beside it the one that its control puts through the same check.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from theory.activations.recurrent import CELLS, largest_hidden_state
from theory.activations.softmax import probability_within
from theory.claim import Case, Check, Evidence
from theory.nonlinearities import LOGISTIC, TANH, Nonlinearity
from theory.signal import LECUN, propagate

DEPTH = 20


def line_of_inputs(limit: float = 30.0) -> Tensor:
    """Inputs from ``-limit`` to ``limit``, and two so large that a naive formula overflows."""
    far = torch.tensor([-1e300, 1e300], dtype=torch.float64)
    return torch.cat([torch.linspace(-limit, limit, 1201, dtype=torch.float64), far])


def gradient_kept(nonlinearity: Nonlinearity) -> float:
    """log10 of what is left of a gradient's norm after 20 layers with LeCun's start."""
    return propagate(nonlinearity, depth=DEPTH, weight_variance=LECUN).log10_gradient


def _check_output_range(nonlinearity: Nonlinearity) -> Evidence:
    outputs = nonlinearity.value(line_of_inputs())
    checks = (
        Check("largest size of an output", float(outputs.abs().max()), "<=", 1.0),
        Check("smallest output", float(outputs.min()), "<=", -0.999),
        Check("largest output", float(outputs.max()), ">=", 0.999),
    )
    return Evidence((Case("inputs of any size", checks),))


def tanh_fits_minus_one_to_one() -> Evidence:
    """Q4.7: tanh suits outputs that must lie between -1 and 1."""
    return _check_output_range(TANH)


def logistic_fits_minus_one_to_one() -> Evidence:
    """Control of Q4.7: the logistic function reaches only half of them."""
    return _check_output_range(LOGISTIC)


def _check_recurrent(squash: Callable[[Tensor], Tensor]) -> Evidence:
    largest = {
        name: largest_hidden_state(
            name, scale=3.0, generator=torch.Generator().manual_seed(1), squash=squash
        )
        for name in CELLS
    }
    cases = [
        Case(
            f"what the recurrent layer puts out, {name}, weights with deviation 3",
            (Check("largest size of an entry", size, "<=", 1.0),),
        )
        for name, size in largest.items()
    ]
    for words in (1000, 50_000):
        best = probability_within(1.0, words)
        likely = Check("largest probability that one word can get", best, ">=", 0.5)
        cases.append(Case(f"what the model puts out, scores for one of {words:,} words", (likely,)))
    return Evidence(
        tuple(cases), (Check("largest hidden state reached", max(largest.values()), ">=", 0.9),)
    )


def recurrent_outputs_within_one() -> Evidence:
    """Q4.8: outputs between -1 and 1 are what sequence models need."""
    return _check_recurrent(torch.tanh)


def unbounded_outputs_within_one() -> Evidence:
    """Control of Q4.8: cells with ReLU where tanh belongs leave that range."""
    return _check_recurrent(torch.relu)


def _check_same_shape(stretched_logistic: Callable[[Tensor], Tensor]) -> Evidence:
    inputs = line_of_inputs()
    distance = float((TANH.value(inputs) - stretched_logistic(inputs)).abs().max())
    widths = [float(f.value(inputs).max() - f.value(inputs).min()) for f in (TANH, LOGISTIC)]
    checks = (
        Check(
            "largest distance of tanh from the rescaled logistic function", distance, "<=", 1e-15
        ),
        Check("width of tanh's range over the logistic's", widths[0] / widths[1], ">", 1.0),
    )
    return Evidence((Case("inputs of any size", checks),))


def tanh_is_rescaled_logistic() -> Evidence:
    """Q4.9: tanh has the logistic function's shape, on a wider range."""
    return _check_same_shape(lambda x: 2 * LOGISTIC.value(2 * x) - 1)


def tanh_is_logistic_of_same_input() -> Evidence:
    """Control of Q4.9: stretching the output alone does not make them equal."""
    return _check_same_shape(lambda x: 2 * LOGISTIC.value(x) - 1)


def _flattened(nonlinearity: Nonlinearity) -> Nonlinearity:
    """The same range with a quarter of the slope."""
    return Nonlinearity(
        f"{nonlinearity.name}(x/4)",
        lambda x: nonlinearity.value(x / 4),
        lambda x: nonlinearity.derivative(x / 4) / 4,
    )


def _check_wider(nonlinearity: Nonlinearity) -> Evidence:
    gained = "orders of magnitude more gradient than the logistic function keeps"
    outputs = nonlinearity.value(line_of_inputs())
    low, high = float(outputs.min()), float(outputs.max())
    usable = (min(high, 1.0) - max(low, 0.0)) / (high - low)
    hidden, flat = (
        gradient_kept(f) - gradient_kept(LOGISTIC) for f in (nonlinearity, _flattened(nonlinearity))
    )
    share = Check(
        "share of the range that is probabilities, the logistic's being 1", usable, ">", 1.0
    )
    return Evidence(
        (
            Case(f"{DEPTH} hidden layers", (Check(gained, hidden, ">=", 1.0),)),
            Case(
                f"{DEPTH} hidden layers, the range kept and the slope cut to a quarter",
                (Check(gained, flat, ">=", 1.0),),
            ),
            Case("an output that is a probability", (share,)),
        )
    )


def wider_range_is_better() -> Evidence:
    """Q4.10: tanh's wider range makes it the better choice."""
    return _check_wider(TANH)


def centred_range_is_better() -> Evidence:
    """Control of Q4.10: a mean of zero alone, without tanh's slope and range, gains nothing."""
    centred = Nonlinearity("logistic - 1/2", lambda x: LOGISTIC.value(x) - 0.5, LOGISTIC.derivative)
    return _check_wider(centred)
