"""Mean and variance of every hidden layer's activations: does a network normalise itself?"""

import torch
from torch import Tensor, nn

from lightning_cifar.stack.activation_record import ActivationRecord
from lightning_cifar.stack.network import ELEMENTWISE, StackedNetwork

PROBE_IMAGES = 1000  # the first validation images
BEFORE_TRAINING = -1


def is_probed(epoch: int) -> bool:
    """Whether activations are recorded after this epoch: -1, 0, 1, 2, 5, 10, 20, 40, …."""
    return epoch in (BEFORE_TRAINING, 0, 1, 2) or (epoch % 5 == 0 and (epoch // 5).bit_count() == 1)


@torch.no_grad()
def activation_records(
    network: StackedNetwork | nn.Sequential, images: Tensor, epoch: int
) -> list[ActivationRecord]:
    """One record for each member of a stack, or a single one for an ordinary network.

    images: (batch, 3, size, size), standardised.  Taken in evaluation mode, before dropout.
    """
    training = network.training
    network.eval()
    layers = network.layers if isinstance(network, StackedNetwork) else network
    means, variances = layer_moments(layers, images.flatten(1))
    network.train(training)
    return [
        ActivationRecord(epoch, rounded(its_means), rounded(its_variances))
        for its_means, its_variances in zip(means, variances, strict=True)
    ]


def layer_moments(layers: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Means and variances (divided by n), both (members, hidden layers); one member if unstacked.

    inputs: (batch, pixels).
    """
    means, variances = [], []
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
        if isinstance(layer, ELEMENTWISE):
            variance, mean = torch.var_mean(outputs, dim=(-2, -1), correction=0)
            means.append(mean.reshape(-1))
            variances.append(variance.reshape(-1))
    return torch.stack(means, 1), torch.stack(variances, 1)


def rounded(values: Tensor) -> tuple[float, ...]:
    """Four significant digits."""
    return tuple(float(f"{value:.4g}") for value in values.tolist())
