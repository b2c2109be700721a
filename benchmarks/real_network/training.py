"""The loop that all experiments share: a stack, an optimiser, curves for each member."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.real_network.setting import CHECKED, Setting, first
from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.stack.batches import StackedBatches
from lightning_cifar.stack.network import StackedNetwork, member_losses

IMAGES_AT_ONCE = 1000
Hook = Callable[[int], object]  # is given the number of the step


@dataclass(frozen=True)
class Curves:
    """What became of the members of a stack.

    Attributes:
        steps: how many had been made at each check, (checks,).
        losses: on the first validation images at each check, (checks, members).
        loss, accuracy: on all of them at the end, (members,); a share, not percent.
        train_losses: of every step, before it was made, (steps, members).
    """

    steps: Tensor
    losses: Tensor
    loss: Tensor
    accuracy: Tensor
    train_losses: Tensor


def no_hook(step: int) -> None:
    """Nothing."""


def train(
    stack: nn.Module,
    optimiser: Any,
    setting: Setting,
    seeds: Sequence[int],
    *,
    epochs: int,
    checks: int = 0,
    judged_on: int | None = None,
    before_step: Hook = no_hook,
    after_step: Hook = no_hook,
) -> Curves:
    """Train every member on the batches of its own seed.

    stack: a ``StackedNetwork``, trained by hand, or any module with logits (members, batch, 10).
    before_step, after_step: called with the step's number when its gradients are there, and when
    the weights have changed.
    checks: validations in an epoch, on a few images. judged_on: how many of the validation images
    judge the network at the end; all unless given.
    """
    stack.train()
    gradients = gradients_of(stack, optimiser, setting, len(seeds))
    batches = StackedBatches(setting.train, batch_size=setting.batch_size, seeds=seeds)
    checked = check_steps(len(batches), checks)
    steps, losses, train_losses = [], [], []
    step = 0
    for epoch in range(epochs):
        batches.set_epoch(epoch)
        for number, (images, labels) in enumerate(batches, start=1):
            train_losses.append(gradients(images, labels).clone())
            before_step(step)
            optimiser.step()
            after_step(step)
            step += 1
            if number in checked:
                steps.append(step)
                losses.append(evaluated(stack, setting, CHECKED)[0])
    loss, accuracy = evaluated(stack, setting, judged_on)
    checks_made = torch.stack(losses) if losses else torch.empty(0, len(seeds))
    return Curves(torch.tensor(steps), checks_made, loss, accuracy, torch.stack(train_losses))


def check_steps(steps: int, checks: int) -> set[int]:
    """After which steps of an epoch to validate: at equal distances, and at its end."""
    return {max(1, steps * check // checks) for check in range(1, checks + 1)}


def gradients_of(
    stack: nn.Module, optimiser: Any, setting: Setting, members: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """What fills the gradients for a batch and returns the members' losses."""
    if isinstance(stack, StackedNetwork):
        totals = torch.zeros(2, members)
        by_hand = Backpropagation(stack.layers, setting.standardise, optimiser, members, totals)
        by_hand.prepare()
        return by_hand

    def by_autograd(images: Tensor, labels: Tensor) -> Tensor:
        optimiser.zero_grad()
        losses = member_losses(stack(setting.standardise(images)), labels)
        losses.sum().backward()
        return losses.detach()

    return by_autograd


@torch.no_grad()
def evaluated(
    stack: nn.Module, setting: Setting, count: int | None = None
) -> tuple[Tensor, Tensor]:
    """Loss and accuracy of each member on the first validation images or all, both (members,)."""
    stack.eval()
    sums: Any = 0
    data = setting.validation if count is None else first(setting.validation, count)
    for images, labels in zip(
        data.images.split(IMAGES_AT_ONCE), data.labels.split(IMAGES_AT_ONCE), strict=True
    ):
        logits = stack(setting.standardise(images))
        losses = member_losses(logits, labels).double() * len(labels)
        sums = sums + torch.stack([losses, (logits.argmax(-1) == labels).sum(1).double()])
    stack.train()
    loss, accuracy = sums / len(data)
    return loss, accuracy


def nadam(stack: Any, rates: Sequence[float]) -> FlatNAdam:
    """The exercise's optimiser with a rate for each member."""
    return FlatNAdam(
        stack.parameter_groups(), lr=1.0, rates=torch.tensor(rates, dtype=torch.float64)
    )


def rows_of(names: Sequence[str], each: int) -> Mapping[str, slice]:
    """Where the members of each condition stand in a stack that holds them one after the other."""
    return {name: slice(place * each, (place + 1) * each) for place, name in enumerate(names)}
