"""Copies of classifiers trained at once as stacks, each at its own learning rate."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import nn

from lightning_cifar.classifiers import DenseClassifier
from lightning_cifar.data.datamodule import EVALUATION_BATCH, CIFAR10DataModule
from lightning_cifar.optim.schedules import Schedule, mean_factor
from lightning_cifar.rate_search.fit_options import PLAIN, FitOptions
from lightning_cifar.rate_search.search import Candidate, Note
from lightning_cifar.rate_search.short_fits import placed, quiet
from lightning_cifar.runs.records import RUNNING
from lightning_cifar.stack.fit import silent_trainer, train_stack
from lightning_cifar.stack.progress import MemberProgress, StackProgress

MEMORY = 1 << 30  # bytes that a stack may take
COPIES = 7  # of the weights: themselves, the best, gradient twice, two moments, scratch


def race_in_stacks(
    classifier: DenseClassifier,
    datamodule: CIFAR10DataModule,
    device: torch.device,
    options: FitOptions,
    rates: Sequence[float],
    epochs: int,
    note: Note,
) -> tuple[Candidate, ...]:
    """Train copies of a prepared classifier at the rates; what became of each."""
    progress = train_many(
        [candidate_at(classifier, rate) for rate in rates],
        datamodule,
        device=device,
        epochs=epochs,
        options=options,
        on_epoch=lambda so_far, *done: note(candidates(rates, so_far, epochs), *done),
    )
    return candidates(rates, progress, epochs)


def candidates(
    rates: Sequence[float], progress: Sequence[MemberProgress], epochs: int
) -> tuple[Candidate, ...]:
    """What became of those that have begun, in a race without patience."""
    return tuple(
        Candidate.of(
            rate,
            [epoch.val_loss for epoch in member.epochs],
            diverged=member.stop_reason != RUNNING and len(member.epochs) < epochs,
        )
        for rate, member in zip(rates, progress, strict=False)
    )


def train_many(
    classifiers: Sequence[DenseClassifier],
    datamodule: CIFAR10DataModule,
    *,
    device: torch.device,
    epochs: int,
    patience: int | None = None,
    options: FitOptions = PLAIN,
    seeds: Sequence[int] | None = None,
    at_once: int | None = None,
    on_epoch: Callable[[Sequence[MemberProgress], int, int], None] = lambda *_: None,
) -> list[MemberProgress]:
    """Train copies of prepared classifiers, each at its own rate; what became of each.

    seeds: of each one's order of images and dropout masks; None: all have the data module's, so
    that two of them differ by nothing but their weights and their rate.
    at_once: how many are one stack; None: as many as ``MEMORY`` holds.
    on_epoch: told the progress of all, how many epochs are done, and of how many.
    """
    seeds = [datamodule.seed] * len(classifiers) if seeds is None else seeds
    size = at_once or members_at_once(classifiers[0].network, datamodule.batch_size)
    starts = range(0, len(classifiers), size)
    everyone: list[MemberProgress] = []
    for number, start in enumerate(starts):
        chunk = classifiers[start : start + size]

        def tell(epoch: int, members: int, before: int = number * epochs) -> None:
            on_epoch(everyone, before + epoch + 1, len(starts) * epochs)

        progress = StackProgress(len(chunk), patience, on_epoch=tell)
        everyone.extend(progress.members)
        with quiet():
            trainer = silent_trainer(
                [progress], max_epochs=epochs, **placed(device), **options.for_trainer()
            )
            train_stack(chunk, seeds[start : start + size], datamodule, trainer)
    return everyone


def at_rate(classifier: DenseClassifier, rate: float) -> DenseClassifier:
    """The same classifier, weights shared, with another rate."""
    member = copy.copy(classifier)
    member.learning_rate = rate
    return member


def candidate_at(classifier: DenseClassifier, rate: float) -> DenseClassifier:
    """The same classifier in a race for a rate: under 1cycle, whatever its own schedule."""
    member = at_rate(classifier, rate / share_of(classifier.schedule))
    member.schedule = "one_cycle"
    return member


def share_of(schedule: Schedule) -> float:
    """Which part of the top of a 1cycle schedule the rate of another is; 1 for 1cycle itself."""
    return mean_factor("one_cycle") / mean_factor(schedule)


def members_at_once(network: nn.Sequential, batch_size: int) -> int:
    """How many copies of ``network`` may be trained in ``MEMORY`` bytes; at least one."""
    weights = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    largest_input = max(
        (layer.in_features for layer in network if isinstance(layer, nn.Linear)), default=1
    )
    # The input, normalised for each member, and its gradient are the largest activations.
    activations = 4 * 4 * largest_input * max(batch_size, EVALUATION_BATCH)
    return max(1, MEMORY // (COPIES * weights + activations))
