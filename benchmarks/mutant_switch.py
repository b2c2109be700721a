"""What every mutated source imports: which mutant is on in this process, and who was called.

``benchmarks/mutation.py`` copies this file into ``mutants/``, beside the mutated packages, so that
it is found wherever they are: also in the processes that the tests start, with an environment of
their own. Such a process finds the mutant's name in a file.
"""

from pathlib import Path

from mutmut.mutation import trampoline
from mutmut.mutation.trampoline import MutantDict as MutantDict
from mutmut.mutation.trampoline import wrap_in_trampoline as wrap_in_trampoline

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


trampoline.record_trampoline_hit = note
switch_on(SWITCHED_ON.read_text(encoding="utf-8") if SWITCHED_ON.exists() else "")
