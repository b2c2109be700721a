"""The ledger: the seven questions with their seventy claims, and what the book says of them.

Nothing registers itself by being imported, so a claim that is missing here is missing everywhere.
No torch: the modules named below hold text only.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from theory.activations import claims as activations
from theory.biases import claims as biases
from theory.book import claims as book
from theory.claim import Claim, Verdict
from theory.dropout import claims as dropout
from theory.momentum import claims as momentum
from theory.selu import claims as selu
from theory.sparsity import claims as sparsity
from theory.symmetry import claims as symmetry

Segments = tuple[tuple[str, str | None], ...]


class _Texts(Protocol):
    """What every claims module holds."""

    QUESTION: str
    SHEET_ANSWER: Segments
    ANSWER: str
    COMMAND: str
    CLAIMS: tuple[Claim, ...]


@dataclass(frozen=True)
class Question:
    """One of the seven questions.

    Attributes:
        number: 1 to 7, as on the answer sheet.
        name: the name of its demo and of its folder, such as ``"momentum"``.
        question: the question.
        sheet_answer: what the sheet answers, in segments ``(text, claim id or None)``.
        answer: the corrected answer, one paragraph.
        command: the command that reproduces the demo.
        claims: the claims of the sheet's answer, in order.
    """

    number: int
    name: str
    question: str
    sheet_answer: Segments
    answer: str
    command: str
    claims: tuple[Claim, ...]

    @property
    def id(self) -> str:
        """``"Q1"`` to ``"Q7"``."""
        return f"Q{self.number}"

    @property
    def demo(self) -> str:
        """Pointer to the function that measures."""
        return f"theory.{self.name}.demo:demonstrate"

    @property
    def figure(self) -> str:
        """Pointer to the function that draws what was measured."""
        return f"theory.{self.name}.figure:draw"


def _question(number: int, name: str, texts: _Texts) -> Question:
    return Question(
        number=number,
        name=name,
        question=texts.QUESTION,
        sheet_answer=texts.SHEET_ANSWER,
        answer=texts.ANSWER,
        command=texts.COMMAND,
        claims=texts.CLAIMS,
    )


QUESTIONS: tuple[Question, ...] = (
    _question(1, "symmetry", symmetry),
    _question(2, "biases", biases),
    _question(3, "selu", selu),
    _question(4, "activations", activations),
    _question(5, "momentum", momentum),
    _question(6, "sparsity", sparsity),
    _question(7, "dropout", dropout),
)

CLAIMS: tuple[Claim, ...] = tuple(claim for question in QUESTIONS for claim in question.claims)


@dataclass(frozen=True)
class Topic:
    """A question with what the book says of it, in its answers or in the chapter.

    Attributes:
        number: that of the sheet's question; 8 and 9 are asked by other editions only.
        name: such as ``"batch normalisation"``.
        question: the question, in this project's words.
        claims: what the book says, in order.
    """

    number: int
    name: str
    question: str
    claims: tuple[Claim, ...]

    @property
    def id(self) -> str:
        """``"B3"`` to ``"B9"``."""
        return f"B{self.number}"


TOPICS: tuple[Topic, ...] = tuple(
    Topic(number, name, question, tuple(each for each in book.CLAIMS if each.question == number))
    for number, (name, question) in book.TOPICS.items()
)

BOOK_CLAIMS: tuple[Claim, ...] = tuple(claim for topic in TOPICS for claim in topic.claims)

ALL_CLAIMS: tuple[Claim, ...] = CLAIMS + BOOK_CLAIMS


def verdict_counts(claims: tuple[Claim, ...] = CLAIMS) -> dict[Verdict, int]:
    """How many of ``claims`` are expected to have each verdict, in the order of ``Verdict``."""
    counts = Counter(claim.verdict for claim in claims)
    return {verdict: counts[verdict] for verdict in Verdict if verdict in counts}
