"""Which images validate: a share of the training images, the first ones, or a folder's."""

from typing import Literal

import torch
from torch import Tensor

from lightning_cifar.data.copies import count_copies
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.seeds import derived_seed

Validation = Literal["stratified", "first", "folder"]

SHARE = 10  # one training image in ten validates, as in the published 45,000/5,000


def check_validation(kind: Validation | None, size: int | None, seed: int) -> None:
    """Refuse a size or a seed that this kind of validation has no use for.

    Raises:
        InputError: naming it.
    """
    if kind == "folder" and size is not None:
        raise InputError(
            f"validation_size is {size}, but the validation images are those of a folder, all of "
            "them; leave it out, or take them from training with --data.validation=stratified."
        )
    if kind in ("first", "folder") and seed:
        raise InputError(
            f"split_seed is {seed}, but with validation={kind} nothing is drawn; leave it out, or "
            "use --data.validation=stratified."
        )


def resolved_validation(
    kind: Validation | None, size: int | None, seed: int, images: ImageSet
) -> Validation:
    """The kind of validation that was asked for; by default the folder, where there is one.

    Raises:
        InputError: the images have no such folder, or ``check_validation`` refuses.
    """
    own = "validation" in images.parts
    if kind == "folder" and not own:
        raise InputError(
            "validation is folder, but there is no folder valid, val or validation beside train "
            "and test; add one, or use --data.validation=stratified."
        )
    chosen: Validation = kind or ("folder" if own else "stratified")
    check_validation(chosen, size, seed)
    return chosen


def validation_said(kind: Validation | None, images: ImageSet) -> str:
    """A line for those who may not expect what is done; empty where nothing is unexpected."""
    if "validation" not in images.parts or kind == "folder":
        return ""
    if kind is None:
        return (
            "the validation images are those of the validation folder; to take them from "
            "training: --data.validation=stratified"
        )
    return f"the validation folder is not used, because validation is {kind}"


def divided(
    images: ImageSet, kind: Validation, size: int | None, seed: int
) -> tuple[LabelledImages, LabelledImages, int]:
    """The images that train, those that validate, and how many of these are copies of the first.

    Raises:
        InputError: as ``split``.
    """
    everything, hashes = images.train, images.hashes("train")
    if kind == "folder":
        copies = count_copies(images.hashes("validation"), hashes)
        return everything, images.read("validation"), copies
    size = size or max(1, len(everything) // SHARE)
    train, validation = split(everything.labels, kind, validation_size=size, seed=seed)
    copies = count_copies(hashes[validation.numpy()], hashes[train.numpy()])
    return everything.select(train), everything.select(validation), copies


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


def split(
    labels: Tensor, kind: Validation, *, validation_size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Training and validation indices; of kind ``first`` the published ones, else stratified.

    Raises:
        InputError: as ``stratified_split``; or a part lacks a class that the labels have, as with
            kind ``first`` in sorted files.
    """
    if kind == "first":
        check_validation_size(validation_size, len(labels))
        validates, train = torch.arange(len(labels)).tensor_split([validation_size])
    else:
        train, validates = stratified_split(labels, validation_size=validation_size, seed=seed)
    classes = len(torch.unique(labels))
    for part, indices in (("validation", validates), ("training", train)):
        if (present := len(torch.unique(labels[indices]))) < classes:
            raise InputError(
                f"The {part} part of {len(indices)} images holds {present} of {classes} classes; "
                "use --data.validation=stratified and a larger --data.validation_size."
            )
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
