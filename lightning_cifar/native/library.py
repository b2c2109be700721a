"""The kernels for a type and a device, or the reason why there are none."""

import ctypes
from pathlib import Path
from typing import final

import torch
from torch import Tensor
from torch.autograd.profiler import record_function

from lightning_cifar.native.compiler import compiled, compiler, version_of
from lightning_cifar.native.operations import DTYPES, Operation
from lightning_cifar.native.trial import first_wrong

NAME = "lightning_cifar::compiled"  # in a profile
OPENMP = ("GOMP_parallel", "omp_get_num_threads", "omp_get_thread_num")
FOUND: dict[torch.dtype, "Kernels | str"] = {}  # or why there are none; of this process


@final
class Kernels:
    """A compiled library."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        self.loaded = loaded

    def run(self, operations: "ctypes.Array[Operation]", threads: int) -> bool:
        """Make operations one after another; returns whether a label was outside the classes."""
        if torch._C._autograd._profiler_enabled():
            with record_function(NAME):  # a profiler would not see them
                return self._made(operations, threads)
        return self._made(operations, threads)

    def _made(self, operations: "ctypes.Array[Operation]", threads: int) -> bool:
        return bool(self.loaded.run(ctypes.addressof(operations), len(operations), threads))


def kernels(like: Tensor) -> Kernels | None:
    """The kernels for tensors of this type on this device; None if there are none.

    The first to ask waits until they are compiled.
    """
    found = found_for(like)
    return found if isinstance(found, Kernels) else None


def why_none(like: Tensor) -> str | None:
    """Why there are none on a CPU, in words; None if there are, or never are any."""
    found = found_for(like)
    return found if isinstance(found, str) else None


def maker() -> str:
    """Whose kernels made this process's steps so far, as a record names it."""
    used = any(isinstance(each, Kernels) for each in FOUND.values())
    return version_of(compiler()) if used else "PyTorch"


def found_for(like: Tensor) -> Kernels | str | None:
    """The kernels, or why there are none; None where there never are any."""
    if like.device.type != "cpu" or like.dtype not in DTYPES:
        return None
    if like.dtype not in FOUND:
        FOUND[like.dtype] = tried(like.dtype)
    return FOUND[like.dtype]


def tried(dtype: torch.dtype) -> Kernels | str:
    """Kernels that have passed their trial, or what went wrong."""
    try:
        found = Kernels(loaded(compiled(str(dtype).removeprefix("torch."))))
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        return str(error)
    wrong = first_wrong(found.run, dtype)
    if wrong is None:
        return found
    return f"{' '.join(compiler())} compiled them wrongly: {wrong} differ from PyTorch's"


def loaded(built: Path) -> ctypes.CDLL:
    """A library, which computes with PyTorch's threads; OSError if it cannot be loaded."""
    exact = keeps_small_numbers()
    found = ctypes.CDLL(str(built))
    if exact and not keeps_small_numbers():
        # What is linked with -ffast-math sets this for the whole process, when it is loaded.
        torch.set_flush_denormal(False)
    found.run.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int]
    give_threads(found)
    return found


def keeps_small_numbers() -> bool:
    """Whether this thread computes with numbers below the smallest normal one."""
    return bool(torch.tensor(1e-40) * 0.5 > 0)


def give_threads(kernels: ctypes.CDLL) -> None:
    """Let kernels compute with PyTorch's own threads; where these are not OpenMP's, with one.

    Its functions are looked for as PyTorch's own calls of them are resolved: first in what is
    visible to all (a runtime that was preloaded), then in what PyTorch is linked with.
    """
    for place in (None, torch._C.__file__):
        visible = ctypes.CDLL(place)
        if all(hasattr(visible, name) for name in OPENMP):
            kernels.adopt(
                *(ctypes.cast(getattr(visible, name), ctypes.c_void_p) for name in OPENMP)
            )
            return
