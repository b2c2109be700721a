"""``theory list``: the questions, and how many of their claims are right."""

from collections.abc import Mapping

from theory.claim import Verdict
from theory.commands.output import print_json
from theory.ledger import BOOK_CLAIMS, QUESTIONS, verdict_counts


def list_questions(*, as_json: bool = False) -> int:
    """Print the seven questions with their counts by verdict; returns the exit status."""
    if as_json:
        print_json(
            [
                {
                    "id": question.id,
                    "name": question.name,
                    "question": question.question,
                    "verdicts": verdict_counts(question.claims),
                }
                for question in QUESTIONS
            ]
        )
        return 0
    for question in QUESTIONS:
        counts = counts_in_words(verdict_counts(question.claims))
        print(f"{question.id}  {question.name:<12} {question.question}\n    {counts}")
    print(f"\nAll seven: {counts_in_words(verdict_counts())}")
    book = counts_in_words(verdict_counts(BOOK_CLAIMS))
    print(f"The book's own answers, printed by `theory book`: {book}")
    return 0


def counts_in_words(counts: Mapping[Verdict, int]) -> str:
    """Such as ``"5 claims: 3 true, 1 false, 1 depends"``."""
    parts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    total = sum(counts.values())
    return f"{total} claim{'' if total == 1 else 's'}: {parts}"
