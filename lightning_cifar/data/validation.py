"""Which images validate: a share of the training images, or those of a folder of their own."""

from typing import Literal

from lightning_cifar.data.copies import count_copies
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.data.split import split
from lightning_cifar.errors import InputError

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
