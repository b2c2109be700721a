"""Whether a checkpoint is of the network that a configuration asks for, and of which classes."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from lightning_cifar.errors import InputError


def check_same_network(
    checkpoint: Mapping[str, Any],
    variant: str,
    settings: Mapping[str, Any],
    weights: Mapping[str, Tensor],
) -> None:
    """Refuse the weights of another variant, another size or with dropout elsewhere.

    variant, settings, weights: of the network that is to have the checkpoint's weights.
    """
    saved = checkpoint.get("hyper_parameters")
    if not isinstance(saved, dict) or "class_names" not in checkpoint:
        raise InputError("the checkpoint holds no classifier; use one that 'fit' wrote")
    theirs = description(str(checkpoint.get("variant", "unknown")), saved)
    ours = description(variant, settings)
    if images_of(saved) != images_of(settings):
        theirs, ours = f"{theirs} for {images_of(saved)}", f"{ours} for {images_of(settings)}"
    if theirs != ours or shapes(checkpoint["state_dict"]) != shapes(weights):
        raise InputError(
            f"the checkpoint holds {theirs}, the configuration asks for {ours}; "
            "use the configuration of the run that wrote it (--run FOLDER)"
        )


def check_same_classes(trained: Sequence[str], found: Sequence[str]) -> None:
    """Refuse images whose classes are not those that a network was trained with, in their order.

    Numbers say nothing of what they stand for: those are what classes without names are called.

    Raises:
        InputError: naming the first class that differs.
    """
    if len(trained) != len(found):
        raise InputError(
            f"the network tells {len(trained)} classes apart ({', '.join(trained)}), and the "
            f"images have {len(found)} ({', '.join(found)}); give images of the same classes"
        )
    numbers = [tuple(map(str, range(len(names)))) for names in (trained, found)]
    if tuple(trained) == numbers[0] or tuple(found) == numbers[1]:
        return
    for place, (ours, theirs) in enumerate(zip(trained, found, strict=True)):
        if ours != theirs:
            raise InputError(
                f"the network was trained to call class {place} {ours!r}, and the images call it "
                f"{theirs!r}; give images of the same classes under the same names: "
                f"{', '.join(trained)}"
            )


def description(variant: str, settings: Mapping[str, Any]) -> str:
    """A network in words: what must agree between a checkpoint and a module."""
    everywhere = ", dropout after every layer" if settings.get("dropout_everywhere") else ""
    return f"{variant} {settings.get('depth')}x{settings.get('width')}{everywhere}"


def images_of(settings: Mapping[str, Any]) -> str:
    """The images of a network in words; earlier versions knew one kind, and wrote nothing of it."""
    size = settings.get("image_size", 32)
    return f"{settings.get('classes', 10)} classes of {size}x{size} pixels"


def shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each weight by its name."""
    return {name: tuple(weight.shape) for name, weight in weights.items()}
