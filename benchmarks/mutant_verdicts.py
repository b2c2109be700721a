"""Verdicts on mutants, kept in a file so that a command goes on after a break."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import final

FOLDER = Path(__file__).resolve().parent / "results"
RESULTS = {
    "theory": FOLDER / "mutation.json",
    "lightning_cifar": FOLDER / "mutation_lightning_cifar.json",
}
NOTICED, SURVIVED, ENDLESS, UNREACHED = "noticed", "survived", "endless", "no test reaches it"


def function_of(mutant: str) -> str:
    """Mutants of one function share its name before the number."""
    return mutant.rpartition("__mutmut_")[0]


@final
class Verdicts:
    """Mutant -> verdict. A verdict counts as long as the source of its function is the same.

    Args:
        file: where they are kept.
        sources: a hash of every function's source.
    """

    def __init__(self, file: Path, sources: Mapping[str, str]) -> None:
        self.file = file
        self.sources = sources
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.of: dict[str, str] = {
            mutant: verdict
            for mutant, (verdict, source) in kept.items()
            if self._source(mutant) == source
        }

    def _source(self, mutant: str) -> str:
        return self.sources.get(function_of(mutant), "")

    def forget_unnoticed(self, mutants: Iterable[str]) -> None:
        """Forget those of ``mutants`` that were not noticed, to have them judged again."""
        for mutant in mutants:
            if self.of.get(mutant) in (SURVIVED, UNREACHED):
                del self.of[mutant]

    def save(self) -> None:
        """Write the file."""
        kept = {mutant: (verdict, self._source(mutant)) for mutant, verdict in self.of.items()}
        self.file.write_text(json.dumps(kept, indent=0), encoding="utf-8")
