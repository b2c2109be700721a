"""Judging what the answer sheet says of probabilities: logistic and softmax (Q4.11 to Q4.14).

One function per claim, and beside it the one that its control puts through the same check.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from theory.activations.bounded_evidence import DEPTH, gradient_kept, line_of_inputs
from theory.activations.softmax import (
    Normalisation,
    backward_factor,
    best_log_loss,
    independent_logistics,
    softmax,
    softmax_over_batch,
)
from theory.claim import Case, Check, Evidence
from theory.nonlinearities import LOGISTIC, TANH, Nonlinearity

Loss = Callable[[Tensor], Tensor]


def _check_binary(nonlinearity: Nonlinearity) -> Evidence:
    inputs = line_of_inputs()
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
    return _check_binary(LOGISTIC)


def tanh_suits_binary() -> Evidence:
    """Control of Q4.11: tanh does not; its outputs are no probabilities."""
    return _check_binary(TANH)


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


def _check_well_behaved(losses: dict[str, Loss]) -> Evidence:
    def case(name: str, loss: Loss) -> Case:
        slope, curvature = _derivatives(loss)
        checks = (
            Check("slope of the loss at score -10, label 1", slope, ">=", 0.5),
            Check("smallest second derivative of the loss", curvature, ">=", 0.0),
        )
        return Case(f"output unit, {name}", checks)

    lost = Check("orders of magnitude of gradient lost", -gradient_kept(LOGISTIC), "<=", 3.0)
    return Evidence(
        (
            *(case(name, loss) for name, loss in losses.items()),
            Case(f"{DEPTH} hidden layers, LeCun's start", (lost,)),
        )
    )


def logistic_is_well_behaved() -> Evidence:
    """Q4.12: the logistic function is well behaved and hence good for optimisers."""
    return _check_well_behaved({"log loss": _log_loss, "squared error": _squared_error})


def squared_error_is_well_behaved() -> Evidence:
    """Control of Q4.12: without the log loss it is good nowhere."""
    return _check_well_behaved({"squared error": _squared_error})


def _check_multi_class(normalisation: Normalisation) -> Evidence:
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
    return _check_multi_class(softmax)


def batch_softmax_suits_multi_class() -> Evidence:
    """Control of Q4.13: taken over the batch it suits nothing."""
    return _check_multi_class(softmax_over_batch)


def _check_distribution(normalisation: Normalisation) -> Evidence:
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
    return _check_distribution(softmax)


def logistics_are_a_distribution() -> Evidence:
    """Control of Q4.14: independent logistic functions do not add up."""
    return _check_distribution(independent_logistics)
