"""How many steps training takes with dropout: until the loss on fresh examples is lowest.

That is when early stopping calls a network trained. Networks with and without dropout share task,
examples and weights, so that each is compared with itself.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from theory.classifiers import draw_task, he_start, log_losses, scores, training

HIDDEN = (24, 24, 24)


def steps_until_trained(
    rates: Sequence[float],
    *,
    networks: int,
    steps: int,
    seed: int,
    examples: int = 64,
    fresh: int = 100,
    every: int = 2,
) -> Tensor:
    """Steps (networks,) after which each network's loss on fresh examples was lowest.

    Args:
        rates: dropout rate behind each hidden layer; empty for none.
        networks: number of networks.
        steps: steps of training, of which the best is sought.
        seed: seed of tasks, examples, weights and masks.
        examples: examples to learn from, for each network.
        fresh: further examples on which the loss is looked at.
        every: it is looked at once in so many steps.
    """
    generator = torch.Generator().manual_seed(seed)
    task = draw_task(networks, wrong_labels=0.15, generator=generator)
    learned, unseen = task.draw(examples, generator), task.draw(fresh, generator)
    start = he_start(networks, HIDDEN, generator)
    losses = []
    run = training(start, learned, steps=steps, rates=rates, generator=generator)
    for step, parameters in enumerate(run, start=1):
        if step % every == 0:
            losses.append(log_losses(scores(parameters, unseen.inputs), unseen.classes))
    return every * (torch.stack(losses).argmin(dim=0) + 1)
