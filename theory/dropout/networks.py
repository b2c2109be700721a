"""Dense networks with dropout, and a way to give dropout its random numbers as an argument."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

MakeDropout = Callable[[float], nn.Module]


@contextmanager
def private_random(generator: torch.Generator) -> Iterator[None]:
    """Let PyTorch's dropout draw from ``generator``, and leave the global generator as it was.

    Dropout modules take no generator, so its state is lent to the global one for the block.
    """
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        yield
        generator.set_state(torch.get_rng_state())


def dense_network(
    *,
    inputs: int,
    widths: Sequence[int],
    outputs: int,
    rates: Sequence[float],
    make_dropout: MakeDropout = nn.Dropout,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> nn.Sequential:
    """Linear and ReLU per hidden layer, dropout where its rate is above 0, and a linear output.

    ``widths`` and ``rates`` have one entry per hidden layer. Weights are drawn by He's rule from a
    generator of their own, so that networks of one seed have the same weights at any rate.
    """
    generator = torch.Generator().manual_seed(seed)
    modules: list[nn.Module] = []
    fan_in = inputs
    for width, rate in zip(widths, rates, strict=True):
        modules += [_linear(fan_in, width, generator, dtype), nn.ReLU()]
        modules += [make_dropout(rate)] if rate > 0.0 else []
        fan_in = width
    return nn.Sequential(*modules, _linear(fan_in, outputs, generator, dtype))


def _linear(inputs: int, outputs: int, generator: torch.Generator, dtype: torch.dtype) -> nn.Linear:
    # By way of the meta device, as the usual initialisation draws from the global generator.
    layer = nn.Linear(inputs, outputs, dtype=dtype, device="meta").to_empty(device="cpu")
    nn.init.normal_(layer.weight, std=(2.0 / inputs) ** 0.5, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


class AlwaysOnDropout(nn.Module):
    """Dropout that stays on in evaluation mode, as Monte Carlo dropout needs."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        """``values`` with a random share ``rate`` of entries 0 and the others scaled up."""
        return nn.functional.dropout(values, self.rate, training=True)


def training_step(network: nn.Module, inputs: Tensor, labels: Tensor, *, passes: int = 1) -> Tensor:
    """Loss of one training step, its gradients left behind, averaged over ``passes``."""
    network.train()
    network.zero_grad()
    logits = torch.stack([network(inputs) for _ in range(passes)]).mean(0) if passes > 1 else None
    loss = nn.functional.cross_entropy(network(inputs) if logits is None else logits, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()
