"""What the exercise's own network says of a claim: sentences that cite ``docs/real_network.md``.

The experiments here are small. ``python -m benchmarks.real_network`` repeats each question on 20
hidden layers of 100 units and real pictures, and writes ``real_network.json``, from which these
sentences are read. They stand beside the experiment and decide no verdict; where the network comes
out differently, they say so.
"""

import json
from dataclasses import dataclass
from importlib.resources import files

_OUTCOMES = {
    True: "agrees with this",
    False: "differs from this",
    None: "fits either way",
}


@dataclass(frozen=True)
class Witness:
    """What was found on the exercise's network.

    Attributes:
        part: section of ``docs/real_network.md``, such as ``"Q5"``.
        text: what was measured there.
        agrees: whether it bears out what is said of the claim; ``None`` where that has room for
            either outcome.
    """

    part: str
    text: str
    agrees: bool | None

    def said(self, place: str) -> str:
        """The outcome, with ``place`` in brackets behind it, and the text."""
        return f"{_OUTCOMES[self.agrees]} ({place}). {self.text}"


def _read() -> dict[str, Witness]:
    text = files("theory").joinpath("real_network.json").read_text(encoding="utf-8")
    return {claim: Witness(**found) for claim, found in json.loads(text).items()}


WITNESSES: dict[str, Witness] = _read()
