"""Dropout switched on for prediction: only the dropout layers, and only for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from lightning_cifar.errors import InputError


def active_dropout_layers(model: nn.Module) -> list[_DropoutNd]:
    """The dropout layers of every kind that drop something, in the order of ``model.modules()``.

    The common base class is asked for because ``nn.AlphaDropout`` is not an ``nn.Dropout``.
    Dropout called as a function inside a ``forward`` is invisible here.

    Raises:
        InputError: there is none, so that all samples would be one and the same.
    """
    layers = [module for module in model.modules() if is_active_dropout(module)]
    if not layers:
        raise InputError(
            "the model has no active dropout layer, so Monte Carlo samples would all be equal; "
            "use a model with a dropout rate above 0, or predict without samples"
        )
    return layers


def is_active_dropout(module: nn.Module) -> TypeGuard[_DropoutNd]:
    """Whether the module is a dropout layer, of any kind, with a rate above 0."""
    return isinstance(module, _DropoutNd) and module.p > 0


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put every module into evaluation, and back into its own mode whatever happens."""
    modes = {module: module.training for module in model.modules()}
    try:
        for module in modes:
            module.training = False
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def dropout_active(model: nn.Module) -> Iterator[None]:
    """Let the dropout layers drop while all else (batch normalisation too) is in evaluation.

    Raises:
        InputError: the model has no active dropout layer.
    """
    layers = active_dropout_layers(model)
    with evaluation_mode(model):
        for layer in layers:
            layer.training = True
        yield
