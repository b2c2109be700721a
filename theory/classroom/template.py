"""An empty answer sheet in YAML, with every statement as a comment."""

from collections.abc import Sequence

from theory.classroom.verdict_words import ALLOWED
from theory.commands.output import wrapped
from theory.ledger import Question, Topic


def template_yaml(questions: Sequence[Question | Topic]) -> str:
    """One line for each claim, to be filled in."""
    head = (
        f"Behind each id write your verdict: {ALLOWED}. Lines may be deleted; one left empty "
        "counts as left out. On a sheet of your own, give your own ids and what they point to, "
        "as in `1a = Q1.4: false`. Mark it: `theory mark SHEET.yaml`."
    )
    return "\n".join([_comment(head), *map(_question, questions)]) + "\n"


def _question(question: Question | Topic) -> str:
    lines = ["", _comment(f"{question.id}. {question.question}")]
    for claim in question.claims:
        lines += ["", _comment(claim.statement), f"{claim.id}:"]
    return "\n".join(lines)


def _comment(text: str) -> str:
    return wrapped(text, indent="# ")
