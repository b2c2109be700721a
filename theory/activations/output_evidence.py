"""Judging what the sheet says of tanh, the logistic function and softmax (Q4.7 to Q4.14).

One function per claim, and beside it the one that its control runs through the same judge.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from theory.activations.recurrent import CELLS, largest_hidden_state
from theory.activations.softmax import (
    Normalisation,
    backward_factor,
    best_log_loss,
    independent_logistics,
    score_for_probability,
    softmax,
    softmax_over_batch,
)
from theory.claim import Case, Check, Evidence
from theory.nonlinearities import LOGISTIC, TANH, Nonlinearity
from theory.signal import LECUN, propagate

DEPTH = 20
Loss = Callable[[Tensor], Tensor]


def _line(limit: float = 30.0) -> Tensor:
    """Inputs from ``-limit`` to ``limit``, and two so large that a naive formula overflows."""
    far = torch.tensor([-1e300, 1e300], dtype=torch.float64)
    return torch.cat([torch.linspace(-limit, limit, 1201, dtype=torch.float64), far])


def _judge_output_range(nonlinearity: Nonlinearity) -> Evidence:
    outputs = nonlinearity.value(_line())
    checks = (
        Check("largest size of an output", float(outputs.abs().max()), "<=", 1.0),
        Check("smallest output", float(outputs.min()), "<=", -0.999),
        Check("largest output", float(outputs.max()), ">=", 0.999),
    )
    return Evidence((Case("inputs of any size", checks),))


def tanh_fits_minus_one_to_one() -> Evidence:
    """Q4.7: tanh suits outputs that must lie between -1 and 1."""
    return _judge_output_range(TANH)


def logistic_fits_minus_one_to_one() -> Evidence:
    """Control of Q4.7: the logistic function reaches only half of them."""
    return _judge_output_range(LOGISTIC)


def _judge_recurrent(needs: dict[str, tuple[str, float]]) -> Evidence:
    hidden = max(
        largest_hidden_state(name, scale=3.0, generator=torch.Generator().manual_seed(0))
        for name in CELLS
    )
    cases = tuple(
        Case(condition, (Check(quantity, value, "<=", 1.0),))
        for condition, (quantity, value) in needs.items()
    )
    return Evidence(cases, (Check("largest hidden state reached", hidden, ">=", 0.9),))


def recurrent_outputs_within_one() -> Evidence:
    """Q4.8: outputs between -1 and 1 are what sequence models need."""
    quantity = "size of the scores that give one word nine chances in ten"
    return _judge_recurrent(
        {
            f"choosing one of {words} words": (quantity, score_for_probability(0.9, words))
            for words in (10, 1000, 50_000)
        }
    )


def recurrent_states_within_one() -> Evidence:
    """Control of Q4.8: it is the hidden states that lie there."""
    return _judge_recurrent(
        {
            f"hidden state, {name}, weights with deviation 3": (
                "largest size of an entry",
                largest_hidden_state(name, scale=3.0, generator=torch.Generator().manual_seed(1)),
            )
            for name in CELLS
        }
    )


def _judge_same_shape(stretched_logistic: Callable[[Tensor], Tensor]) -> Evidence:
    inputs = _line()
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
    return _judge_same_shape(lambda x: 2 * LOGISTIC.value(2 * x) - 1)


def tanh_is_logistic_of_same_input() -> Evidence:
    """Control of Q4.9: stretching the output alone does not make them equal."""
    return _judge_same_shape(lambda x: 2 * LOGISTIC.value(x) - 1)


def _flattened(nonlinearity: Nonlinearity) -> Nonlinearity:
    """The same range with a quarter of the slope."""
    return Nonlinearity(
        f"{nonlinearity.name}(x/4)",
        lambda x: nonlinearity.value(x / 4),
        lambda x: nonlinearity.derivative(x / 4) / 4,
    )


def _kept(nonlinearity: Nonlinearity) -> float:
    """log10 of what is left of a gradient's norm after 20 layers with LeCun's start."""
    return propagate(nonlinearity, depth=DEPTH, weight_variance=LECUN).log10_gradient


def _judge_wider(nonlinearity: Nonlinearity) -> Evidence:
    gained = "orders of magnitude more gradient than the logistic function keeps"
    outputs = nonlinearity.value(_line())
    usable = float(((outputs >= 0) & (outputs <= 1)).double().mean())
    hidden, flat = (_kept(f) - _kept(LOGISTIC) for f in (nonlinearity, _flattened(nonlinearity)))
    share = Check(
        "share of outputs that are probabilities, the logistic's being 1", usable, ">", 1.0
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
    return _judge_wider(TANH)


def same_range_is_better() -> Evidence:
    """Control of Q4.10: the logistic function is no better than itself."""
    return _judge_wider(LOGISTIC)


def _judge_binary(nonlinearity: Nonlinearity) -> Evidence:
    inputs = _line()
    outputs = nonlinearity.value(inputs)
    mirrored = float((nonlinearity.value(-inputs) - (1 - outputs)).abs().max())
    two_classes = softmax(torch.stack([torch.zeros_like(inputs), inputs], dim=-1))[:, 1]
    softmax_distance = float((two_classes - outputs).abs().max())
    near = torch.linspace(-8, 8, 160, dtype=torch.float64, requires_grad=True)
    # The label is 1; the slope of the log loss should be probability minus label.
    (slope,) = torch.autograd.grad(-torch.log(nonlinearity.value(near)).sum(), near)
    slope_error = float((slope - (nonlinearity.value(near.detach()) - 1)).abs().max())
    checks = (
        Check("smallest output", float(outputs.min()), ">=", 0.0),
        Check("largest output", float(outputs.max()), "<=", 1.0),
        Check("distance of f(-x) from 1 - f(x)", mirrored, "<=", 1e-15),
        Check("distance from softmax of two classes", softmax_distance, "<=", 1e-15),
        Check("distance of the log loss's slope from f(x) - 1", slope_error, "<=", 1e-12),
    )
    return Evidence((Case("inputs of any size", checks),))


def logistic_suits_binary() -> Evidence:
    """Q4.11: the logistic function suits binary classification."""
    return _judge_binary(LOGISTIC)


def tanh_suits_binary() -> Evidence:
    """Control of Q4.11: tanh does not; its outputs are no probabilities."""
    return _judge_binary(TANH)


def _log_loss(scores: Tensor) -> Tensor:
    """Log loss of the logistic function for label 1, in nats, in a form that cannot overflow."""
    return torch.clamp(-scores, min=0) + torch.log1p(torch.exp(-scores.abs()))


def _squared_error(scores: Tensor) -> Tensor:
    """Squared error of the logistic function for label 1."""
    return (1 - LOGISTIC.value(scores)) ** 2


def _slope(loss: Loss, scores: Tensor) -> Tensor:
    scores = scores.clone().requires_grad_()
    return torch.autograd.grad(loss(scores).sum(), scores)[0]


def _derivatives(loss: Loss) -> tuple[float, float]:
    """Size of the slope at score -10, and the smallest second derivative between -8 and 8."""
    far = _slope(loss, torch.tensor(-10.0, dtype=torch.float64))
    scores, step = torch.linspace(-8, 8, 160, dtype=torch.float64), 1e-4
    # A difference of slopes: differentiating twice makes torch load its compiler, seconds long.
    curvature = (_slope(loss, scores + step) - _slope(loss, scores - step)) / (2 * step)
    return abs(float(far)), float(curvature.min())


def _judge_well_behaved(losses: dict[str, Loss]) -> Evidence:
    def case(name: str, loss: Loss) -> Case:
        slope, curvature = _derivatives(loss)
        checks = (
            Check("slope of the loss at score -10, label 1", slope, ">=", 0.5),
            Check("smallest second derivative of the loss", curvature, ">=", 0.0),
        )
        return Case(f"output unit, {name}", checks)

    lost = Check("orders of magnitude of gradient lost", -_kept(LOGISTIC), "<=", 3.0)
    return Evidence(
        (
            *(case(name, loss) for name, loss in losses.items()),
            Case(f"{DEPTH} hidden layers, LeCun's start", (lost,)),
        )
    )


def logistic_is_well_behaved() -> Evidence:
    """Q4.12: the logistic function is well behaved and hence good for optimisers."""
    return _judge_well_behaved({"log loss": _log_loss, "squared error": _squared_error})


def squared_error_is_well_behaved() -> Evidence:
    """Control of Q4.12: without the log loss it is good nowhere."""
    return _judge_well_behaved({"squared error": _squared_error})


def _judge_multi_class(normalisation: Normalisation) -> Evidence:
    one_each = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    two_each = torch.tensor([[1, 1, 0], [1, 0, 1]], dtype=torch.float64)
    loss = "smallest log loss per example, in nats"
    factor = backward_factor(normalisation, units=100)
    return Evidence(
        (
            Case(
                "one true class per example",
                (Check(loss, best_log_loss(normalisation, one_each), "<=", 0.01),),
            ),
            Case(
                "two true classes per example",
                (Check(loss, best_log_loss(normalisation, two_each), "<=", 0.01),),
            ),
            Case(
                "a hidden layer of 100 neurons",
                (Check("largest factor on a gradient passing back", factor, ">=", 0.1),),
            ),
        )
    )


def softmax_suits_multi_class() -> Evidence:
    """Q4.13: softmax suits multi-class classification."""
    return _judge_multi_class(softmax)


def batch_softmax_suits_multi_class() -> Evidence:
    """Control of Q4.13: taken over the batch it suits nothing."""
    return _judge_multi_class(softmax_over_batch)


def _judge_distribution(normalisation: Normalisation) -> Evidence:
    generator = torch.Generator().manual_seed(0)

    def case(scale: float) -> Case:
        scores = scale * torch.randn(1000, 10, generator=generator, dtype=torch.float64)
        probabilities = normalisation(scores)
        off = float((probabilities.sum(dim=-1) - 1).abs().max())
        checks = (
            Check("smallest probability", float(probabilities.min()), ">=", 0.0),
            Check("largest probability", float(probabilities.max()), "<=", 1.0),
            Check("largest distance of a sum from 1", off, "<=", 1e-14),
        )
        return Case(f"scores with deviation {scale:g}", checks)

    return Evidence(tuple(case(scale) for scale in (1.0, 100.0, 10_000.0)))


def softmax_is_a_distribution() -> Evidence:
    """Q4.14: softmax's outputs lie between 0 and 1 and add up to 1."""
    return _judge_distribution(softmax)


def logistics_are_a_distribution() -> Evidence:
    """Control of Q4.14: independent logistic functions do not add up."""
    return _judge_distribution(independent_logistics)
