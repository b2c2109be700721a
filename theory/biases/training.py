"""Whether the start of the hidden biases changes how well a small network learns."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Target = Callable[[Tensor], Tensor]


def final_losses(
    target: Target,
    *,
    spread: float,
    networks: int,
    seed: int,
    width: int,
    steps: int,
    trained: bool,
) -> Tensor:
    """Mean squared error of ``networks`` small networks after training: (networks,), float64.

    One hidden layer of tanh units learns ``target`` on 64 points of a square by gradient descent.
    Weights depend on ``seed`` alone, so two values of ``spread`` give pairs.

    Args:
        target: the function to learn, from (points, 2) to (points,).
        spread: the hidden biases start uniformly in +-spread.
        networks: number of networks, trained side by side.
        seed: seed of the draws.
        width: hidden units.
        steps: full-batch steps.
        trained: whether the hidden biases are parameters, or keep their start.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = 2.0 * torch.rand(64, 2, generator=generator, dtype=torch.float64) - 1.0
    targets = target(inputs)
    parameters = [
        _normal((networks, 2, width), generator) / math.sqrt(2.0),
        _normal((networks, width, 1), generator) / math.sqrt(width),
        spread * (2.0 * torch.rand(networks, 1, width, generator=generator).double() - 1.0),
        torch.zeros(networks, 1, 1, dtype=torch.float64),
    ]
    for _ in range(steps):
        leaves = [parameter.detach().requires_grad_() for parameter in parameters]
        slopes = torch.autograd.grad(_losses(leaves, inputs, targets).sum(), leaves)
        rates = (0.1, 0.1, 0.1 if trained else 0.0, 0.1)
        moves = zip(parameters, rates, slopes, strict=True)
        parameters = [parameter - rate * slope for parameter, rate, slope in moves]
    return _losses(parameters, inputs, targets)


def _losses(parameters: list[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    first, second, hidden_bias, output_bias = parameters
    outputs = torch.tanh(inputs @ first + hidden_bias) @ second + output_bias
    return ((outputs[..., 0] - targets) ** 2).mean(dim=1)


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)
