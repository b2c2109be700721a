"""Which training images validate: indices from labels and a seed, or the first ones."""

from typing import Literal

import torch
from torch import Tensor

from lightning_cifar.errors import InputError
from lightning_cifar.seeds import derived_seed

Split = Literal["stratified", "first"]


def stratified_split(labels: Tensor, *, validation_size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Training and validation indices, each sorted, in which every class has its share.

    The two are disjoint and together hold every index of ``labels`` (n,). A class with m images
    gives m * validation_size / n of them to validation, rounded up or down.

    Raises:
        InputError: ``validation_size`` is not between 1 and n - 1.
    """
    count = len(labels)
    check_validation_size(validation_size, count)
    generator = torch.Generator().manual_seed(derived_seed(seed, "split"))
    shuffled = torch.randperm(count, generator=generator)
    classes, sizes = torch.unique(labels, return_counts=True)
    validates = torch.zeros(count, dtype=torch.bool)
    for label, quota in zip(classes.tolist(), quotas(sizes, validation_size), strict=True):
        members = shuffled[labels[shuffled] == label]
        validates[members[:quota]] = True
    return torch.nonzero(~validates).flatten(), torch.nonzero(validates).flatten()


def first_split(count: int, *, validation_size: int) -> tuple[Tensor, Tensor]:
    """Training and validation indices of the published split: the first images validate.

    Raises:
        InputError: ``validation_size`` is not between 1 and ``count`` - 1.
    """
    check_validation_size(validation_size, count)
    return torch.arange(validation_size, count), torch.arange(validation_size)


def split(labels: Tensor, kind: Split, *, validation_size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Training and validation indices of the chosen kind.

    Raises:
        InputError: as the two kinds; or a part lacks a class that the labels have.
    """
    if kind == "first":
        train, validates = first_split(len(labels), validation_size=validation_size)
    else:
        train, validates = stratified_split(labels, validation_size=validation_size, seed=seed)
    classes = len(torch.unique(labels))
    check_all_classes(labels[validates], classes, "validation")
    check_all_classes(labels[train], classes, "training")
    return train, validates


def quotas(sizes: Tensor, total: int) -> list[int]:
    """``total`` shared out in proportion to ``sizes``, each share rounded up or down.

    Largest remainders are rounded up (Hamilton's method); in integers, so nothing depends on
    rounding errors.
    """
    shares = sizes * total
    parts = shares // sizes.sum()
    remainders = shares % sizes.sum()
    missing = total - int(parts.sum())
    rounded_up = torch.argsort(remainders, descending=True, stable=True)[:missing]
    parts[rounded_up] += 1
    result: list[int] = parts.tolist()
    return result


def check_validation_size(validation_size: int, count: int) -> None:
    """Refuse a validation part that is empty or leaves nothing to train on."""
    if not 1 <= validation_size < count:
        raise InputError(
            f"validation_size is {validation_size}, but there are {count} training images to take "
            f"it from; choose between 1 and {count - 1}."
        )


def check_all_classes(labels: Tensor, classes: int, part: str) -> None:
    """Refuse a part that lacks a class, as a split in file order does with sorted files."""
    present = len(torch.unique(labels))
    if present < classes:
        raise InputError(
            f"The {part} part of {len(labels)} images holds {present} of {classes} classes; use "
            "--data.validation=stratified and a larger --data.validation_size."
        )
