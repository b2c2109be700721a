"""A set as a form's reader gives it, checked and completed: classes, a test part."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import torch

from lightning_cifar.data.array_cache import DecodedSet
from lightning_cifar.data.images import LabelledImages, Part
from lightning_cifar.data.reading import About, Files
from lightning_cifar.data.split import stratified_split
from lightning_cifar.errors import InputError

TEST_SHARE = 6  # one image in six is a test image where none are given, as in CIFAR
TEST_SEED = 0
SET_APART = "there are no test images: "
MOST_NUMBERS = 1_000_000  # a wrong label must not take all memory for names of classes


def numbers_to(highest: int) -> tuple[str, ...]:
    """Names for classes that have none: their numbers, from 0 up to the highest label."""
    return tuple(map(str, range(min(highest, MOST_NUMBERS) + 1)))


def completed(raw: DecodedSet, form: str, files: Files) -> DecodedSet:
    """The set, with a test part in any case, and the form in which it was found.

    Raises:
        InputError: fewer than two classes, or a class without training images.
    """
    parts, notes = dict(raw.parts), raw.about.notes
    check_classes(raw.classes, parts, files)
    if "test" not in parts:
        train = parts["train"]
        size = max(len(train) // TEST_SHARE, 1)
        kept, set_apart = stratified_split(train.labels, validation_size=size, seed=TEST_SEED)
        parts["train"], parts["test"] = train.select(kept), train.select(set_apart)
        notes += (
            f"{SET_APART}{size} of the {len(train)} images, of each class its "
            "share, are set apart for test",
        )
        check_classes(raw.classes, parts, files)
    return DecodedSet(raw.classes, parts, replace(raw.about, form=form, notes=notes))


def is_set_apart(about: About) -> bool:
    """Whether the test part of a set was taken from its training images."""
    return any(note.startswith(SET_APART) for note in about.notes)


def check_classes(
    classes: tuple[str, ...], parts: Mapping[Part, LabelledImages], files: Files
) -> None:
    """Refuse a set in which some class cannot be learned."""
    source = files.title("").rstrip("/")
    if len(classes) < 2:
        raise InputError(
            f"{source} has {len(classes)} class ({', '.join(classes)}); a classifier needs two or "
            "more."
        )
    if twice := [name for name, count in Counter(classes).items() if count > 1]:
        raise InputError(
            f"{source} has several classes of the name {twice[0]!r}; give each its own name."
        )
    for part, data in parts.items():
        if not len(data):
            raise InputError(f"{source} has no {part} images; add some.")
        if data.labels.min() < 0 or data.labels.max() >= len(classes):
            raise InputError(
                f"{source} has labels from {int(data.labels.min())} to {int(data.labels.max())} in "
                f"its {part} part; for its {len(classes)} classes they are 0 to "
                f"{len(classes) - 1}."
            )
    trained = set(torch.unique(parts["train"].labels).tolist())
    if missing := [name for number, name in enumerate(classes) if number not in trained]:
        raise InputError(
            f"{source} has no training images of the class {missing[0]!r}; add some, or remove "
            "the class from the other parts."
        )
