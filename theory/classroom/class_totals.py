"""What a class knows of each claim."""

from collections.abc import Sequence
from dataclasses import dataclass

from theory.claim import Claim
from theory.classroom.sheets import Answer, Sheet


@dataclass(frozen=True)
class ClaimTotal:
    """How many answers to one claim were right, wrong and left out."""

    claim: Claim
    right: int
    wrong: int
    left_out: int


def claim_totals(sheets: Sequence[Sheet]) -> tuple[ClaimTotal, ...]:
    """The totals of every claim on ``sheets``, most mistakes first, then in the sheets' order."""
    by_claim: dict[str, list[Answer]] = {}
    for sheet in sheets:
        for answer in sheet.answers:
            by_claim.setdefault(answer.claim.id, []).append(answer)
    totals = [
        ClaimTotal(
            answers[0].claim,
            right=sum(answer.right for answer in answers),
            wrong=sum(answer.wrong for answer in answers),
            left_out=sum(answer.verdict is None for answer in answers),
        )
        for answers in by_claim.values()
    ]
    return tuple(sorted(totals, key=lambda total: -total.wrong))
