"""The evidence of every claim in one line, stored, so that a class is marked without measuring.

``python -m theory.classroom.evidence_lines theory/classroom/evidence_lines.json`` measures it all
and writes the lines again; a test measures again and compares.
"""

import json
import sys
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from theory.claim import Claim, Evidence, run_experiment
from theory.ledger import ALL_CLAIMS
from theory.report.claim_entry import key_figure
from theory.report.findings import ClaimFinding


def measured_lines(run: Callable[[str], Evidence] = run_experiment) -> dict[str, str]:
    """Claim id → the figure that settles the claim, or what it depends on, as measured now."""
    return {
        claim.id: key_figure(ClaimFinding(claim, run(claim.experiment))) for claim in ALL_CLAIMS
    }


@cache
def _stored_lines() -> dict[str, str]:
    stored = files("theory.classroom").joinpath("evidence_lines.json")
    lines: dict[str, str] = json.loads(stored.read_text(encoding="utf-8"))
    return lines


def evidence_line(claim: Claim) -> str:
    """The stored line of ``claim``."""
    return _stored_lines()[claim.id]


if __name__ == "__main__":
    text = json.dumps(measured_lines(), indent=1, ensure_ascii=False)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
