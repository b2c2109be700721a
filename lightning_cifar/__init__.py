"""Dense networks of chapter 11 on CIFAR-10: data, classifiers, callbacks and the command line.

    from lightning_cifar import BestWeights, CIFAR10DataModule, LearningRateSearch, SeluClassifier

Nothing is imported until it is asked for: the command line must answer before torch is loaded.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lightning_cifar.classifiers import AlphaDropoutClassifier as AlphaDropoutClassifier
    from lightning_cifar.classifiers import BatchNormClassifier as BatchNormClassifier
    from lightning_cifar.classifiers import DenseClassifier as DenseClassifier
    from lightning_cifar.classifiers import EluClassifier as EluClassifier
    from lightning_cifar.classifiers import SeluClassifier as SeluClassifier
    from lightning_cifar.data.datamodule import CIFAR10DataModule as CIFAR10DataModule
    from lightning_cifar.errors import InputError as InputError
    from lightning_cifar.rate_search.callback import LearningRateSearch as LearningRateSearch
    from lightning_cifar.runs.checkpoints import SealedCheckpoints as SealedCheckpoints
    from lightning_cifar.training.best_weights import BestWeights as BestWeights
    from lightning_cifar.training.finite_guard import FiniteGuard as FiniteGuard
    from lightning_cifar.training.finite_guard import NonFiniteLoss as NonFiniteLoss

_MODULES = {
    "AlphaDropoutClassifier": "classifiers",
    "BatchNormClassifier": "classifiers",
    "BestWeights": "training.best_weights",
    "CIFAR10DataModule": "data.datamodule",
    "DenseClassifier": "classifiers",
    "EluClassifier": "classifiers",
    "FiniteGuard": "training.finite_guard",
    "InputError": "errors",
    "LearningRateSearch": "rate_search.callback",
    "NonFiniteLoss": "training.finite_guard",
    "SealedCheckpoints": "runs.checkpoints",
    "SeluClassifier": "classifiers",
}
__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> Any:
    """Import what is asked for, from the module that defines it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """What can be asked for."""
    return sorted({*globals(), *__all__})
