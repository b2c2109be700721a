"""How much log loss Monte Carlo dropout saves on fresh inputs, beside what one would use instead.

The rivals are the plain prediction, the plain prediction with a temperature (one number by which
all scores are divided, fitted on further examples), and one single pass with dropout on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from theory.classifiers import (
    Examples,
    Parameters,
    draw_task,
    he_start,
    log_losses,
    scores,
    trained,
)
from theory.dropout.duration import HIDDEN

_TEMPERATURES = torch.linspace(0.5, 8.0, 76, dtype=torch.float64)


@dataclass(frozen=True)
class Trained:
    """Trained networks.

    Attributes:
        parameters: of all networks.
        fresh: examples that none of them has seen.
        temperature: the fitted temperature (networks,).
    """

    parameters: Parameters
    fresh: Examples
    temperature: Tensor


@dataclass(frozen=True)
class Savings:
    """Log loss (networks,) of a rival minus that of Monte Carlo dropout, in nats.

    Attributes:
        plain: against the plain prediction.
        tempered: against the plain prediction with a fitted temperature.
        single: against single passes with dropout on, on average.
    """

    plain: Tensor
    tempered: Tensor
    single: Tensor


def fitted_temperature(outputs: Tensor, classes: Tensor) -> Tensor:
    """The temperature (networks,) with the lowest log loss on these scores, by search."""
    losses = torch.stack([log_losses(outputs / value, classes) for value in _TEMPERATURES])
    return _TEMPERATURES[losses.argmin(dim=0)]


def train(*, networks: int, steps: int, seed: int, examples: int = 64, fresh: int = 200) -> Trained:
    """Train ``networks`` with dropout 0.1 behind every hidden layer, and fit their temperatures.

    Args:
        networks: number of networks.
        steps: steps of training; many make them overconfident.
        seed: seed of tasks, examples, weights and masks.
        examples: examples to learn from, for each network.
        fresh: fresh examples, and as many again for the temperature.
    """
    generator = torch.Generator().manual_seed(seed)
    task = draw_task(networks, wrong_labels=0.15, generator=generator)
    learned = task.draw(examples, generator)
    held_out, unseen = task.draw(fresh, generator), task.draw(fresh, generator)
    parameters = trained(
        he_start(networks, HIDDEN, generator),
        learned,
        steps=steps,
        rates=(0.1,) * len(HIDDEN),
        generator=generator,
    )
    temperature = fitted_temperature(scores(parameters, held_out.inputs), held_out.classes)
    return Trained(parameters, unseen, temperature)


def savings(
    found: Trained, rates: Sequence[float], *, noise: float, seed: int, samples: int = 20
) -> Savings:
    """Compare the predictions of trained networks on fresh inputs.

    Args:
        found: the networks.
        rates: dropout rates of the passes; all zero makes every pass the plain prediction.
        noise: standard deviation of what is added to the fresh inputs; 0 leaves them as they are.
        seed: seed of noise and masks.
        samples: passes of Monte Carlo dropout.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(found.fresh.inputs.shape, generator=generator, dtype=torch.float64)
    inputs, classes = found.fresh.inputs + noise * drawn, found.fresh.classes
    plain = scores(found.parameters, inputs)
    passes = torch.stack(
        [
            scores(found.parameters, inputs, rates=rates, generator=generator).log_softmax(dim=-1)
            for _ in range(samples)
        ]
    )
    # The sum of the probabilities and not their mean: a constant factor changes no log softmax.
    own = log_losses(passes.logsumexp(dim=0), classes)
    single = torch.stack([log_losses(one, classes) for one in passes]).mean(dim=0)
    return Savings(
        plain=log_losses(plain, classes) - own,
        tempered=log_losses(plain / found.temperature[:, None, None], classes) - own,
        single=single - own,
    )
