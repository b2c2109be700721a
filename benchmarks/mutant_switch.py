"""What every mutated source imports: which mutant is on in this process, and who was called.

``benchmarks/mutation.py`` copies this file into ``mutants/``, beside the mutated packages, so that
it is found wherever they are: also in the processes that the tests start, with an environment of
their own. Such a process finds the mutant's name in a file.
"""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any

from mutmut.mutation import trampoline
from mutmut.mutation.trampoline import MutantDict as MutantDict

Function = Callable[..., Any]

FOLDER = Path(__file__).parent
SWITCHED_ON = FOLDER / "switched-on.txt"
CALLED = FOLDER / "called.txt"
NOTED: set[str] = set()  # what this process has noted since somebody read it


def switch_on(mutant: str) -> None:
    """Make this process run ``mutant``; "" is the unchanged program, "stats" notes the calls."""
    trampoline.set_mutant_under_test(mutant)


def note(function: str, caller: str | None = None) -> None:
    """Note a call in a file that all processes of a test share."""
    if function not in NOTED:
        NOTED.add(function)
        with CALLED.open("a", encoding="utf-8") as file:
            file.write(f"{function}\n")


def called() -> set[str]:
    """What was called, in any process, since this was last asked."""
    NOTED.clear()
    names = set(CALLED.read_text(encoding="utf-8").split()) if CALLED.exists() else set()
    CALLED.unlink(missing_ok=True)
    return names


def wrap_in_trampoline(
    mutants: dict[str, Function], is_classmethod: bool = False
) -> Callable[[Function], Function]:
    """The decorator of mutmut, behind which Lightning finds the arguments of ``__init__``."""
    wrap = trampoline.wrap_in_trampoline(mutants, is_classmethod)

    def wrapped(function: Function) -> Function:
        inner = wrap(function)
        if function.__name__ != "__init__":
            return inner

        @wraps(function)
        def outer(*arguments: Any, **options: Any) -> None:
            see_through_trampolines()
            for each in mutants.values():
                each.__code__ = each.__code__.replace(co_name="__init__")
            inner(*arguments, **options)

        return outer

    return wrapped


def see_through_trampolines() -> None:
    """Let ``save_hyperparameters``, which walks from frame to frame, pass over trampolines."""
    parsing = sys.modules.get("lightning.pytorch.utilities.parsing")
    if parsing is None or parsing.collect_init_args.__module__ == __name__:
        return
    collect = parsing.collect_init_args

    def collect_init_args(frame: FrameType, *arguments: Any, **options: Any) -> Any:
        while frame.f_code.co_filename in (trampoline.__file__, __file__) and frame.f_back:
            frame = frame.f_back
        return collect(frame, *arguments, **options)

    parsing.collect_init_args = collect_init_args


trampoline.record_trampoline_hit = note
switch_on(SWITCHED_ON.read_text(encoding="utf-8") if SWITCHED_ON.exists() else "")
