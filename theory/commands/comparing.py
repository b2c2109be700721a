"""``theory book``: what the sheet says, what the book says, and what the evidence says of both."""

import sys
from collections.abc import Callable, Sequence

from tqdm import tqdm

from theory.claim import Claim, Evidence, run_experiment
from theory.commands.output import print_json, wrapped
from theory.commands.showing import claim_text
from theory.ledger import Topic
from theory.selection import find_claim

Run = Callable[[str], Evidence]


def compare(
    topics: Sequence[Topic],
    *,
    with_evidence: bool = False,
    as_json: bool = False,
    run: Run = run_experiment,
) -> int:
    """Print the claims of ``topics`` side by side; returns the exit status."""
    claims = [claim for topic in topics for claim in topic.claims] if with_evidence else []
    progress = tqdm(claims, desc="claims", unit="claim", file=sys.stderr, disable=None, leave=False)
    evidences = {claim.id: run(claim.experiment) for claim in progress}
    if as_json:
        print_json({"topics": topics, "evidence": evidences})
        return 0
    for topic in topics:
        print(wrapped(topic.question, indent="    ", first=f"{topic.id}. "))
        for claim in topic.claims:
            print("\n" + _beside(claim, evidences.get(claim.id)))
        print()
    sys.stdout.flush()
    return 0


def _source(claim: Claim) -> str:
    """Who says so, such as ``"the book (second edition)"``."""
    return f"the book ({claim.edition})" if claim.edition else "the book"


def _beside(claim: Claim, evidence: Evidence | None) -> str:
    lines = [
        wrapped(
            sheet.statement,
            indent="    ",
            first=f"  The sheet, {sheet.id} {sheet.verdict.upper()}: ",
        )
        for sheet in map(find_claim, claim.beside)
    ]
    first = f"  {_source(claim).capitalize()}, {claim.id} {claim.verdict.upper()}: "
    lines.append(wrapped(claim.statement, indent="    ", first=first))
    if evidence is None:
        lines.append(wrapped(claim.correct, indent="    ", first="  Right is: "))
    else:
        lines.append(claim_text(claim, evidence))
    return "\n".join(lines)
