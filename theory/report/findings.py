"""What the page shows: every question with the evidence that its experiments gave."""

from dataclasses import dataclass

from theory.claim import Claim, Evidence, Verdict
from theory.ledger import Question, Topic


@dataclass(frozen=True)
class ClaimFinding:
    """A claim with what its experiment found and, where it has one, what its control found."""

    claim: Claim
    evidence: Evidence
    control_evidence: Evidence | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict that the evidence gives."""
        return self.evidence.verdict

    @property
    def control_rejected(self) -> bool:
        """Whether there is a control and the same check gives it another verdict."""
        found = self.control_evidence
        return found is not None and found.verdict is not self.verdict


@dataclass(frozen=True)
class QuestionFinding:
    """A question with what was found.

    Attributes:
        question: its texts.
        claims: its claims in order, with their evidence.
        drawing: the figure as an ``<svg>`` element; empty where there is none.
    """

    question: Question
    claims: tuple[ClaimFinding, ...]
    drawing: str = ""


@dataclass(frozen=True)
class TopicFinding:
    """What the book says of one question, with what was found."""

    topic: Topic
    claims: tuple[ClaimFinding, ...]


def all_claims(questions: tuple[QuestionFinding, ...]) -> tuple[ClaimFinding, ...]:
    """List the claims of all questions in order."""
    return tuple(found for question in questions for found in question.claims)
