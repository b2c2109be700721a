"""Temperature scaling: one number fitted on validation, the cheap rival of Monte Carlo dropout."""

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

from lightning_cifar.errors import InputError

LOWEST, HIGHEST = 0.01, 100.0


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that minimises the NLL of softmax(logits / temperature), in float64.

    Guo et al. 2017, section 4.2. logits: (images, classes), of validation images that neither
    trained nor test the network. The NLL has one minimum in log temperature, searched between
    0.01 and 100; a set without errors ends at the lower bound. Predicted classes never change.

    Raises:
        InputError: no images, labels that do not match, or logits that are not finite.
    """
    if len(logits) == 0 or len(logits) != len(labels):
        raise InputError(
            f"fitting a temperature needs one label per image and at least one image, got "
            f"{len(labels)} labels for {len(logits)} images"
        )
    if not logits.isfinite().all():
        raise InputError("logits must be finite to fit a temperature; the network's output is not")
    scores, truth = logits.detach().double().cpu(), labels.long().cpu()

    def nll(log_temperature: float) -> float:
        return float(cross_entropy(scores / math.exp(log_temperature), truth))

    bounds = (math.log(LOWEST), math.log(HIGHEST))
    fit = minimize_scalar(nll, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return math.exp(fit.x)


def scaled_log_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Log-softmax of logits (images, classes) divided by the temperature."""
    return torch.log_softmax(logits / temperature, dim=-1)
