"""The quiz on the page: its form. Claims and evidence are those that the page shows anyway."""

from string import Template

from theory.classroom.order import SEEDS
from theory.classroom.scoring import LEAST, MEANING, brier_score, log_score
from theory.classroom.verdict_words import ANSWERS
from theory.page_style.markup import element, prose
from theory.report.assets import asset
from theory.report.book import BOOK
from theory.report.claim_entry import verdict_class
from theory.report.findings import QuestionFinding, TopicFinding


def quiz_section(questions: tuple[QuestionFinding, ...], topics: tuple[TopicFinding, ...]) -> str:
    """Build the section; ``quiz.js`` brings it to life, and without JavaScript it says so."""
    asked = [found.question for found in questions]
    parts = [(question.name, f"{question.number} {question.name}") for question in asked]
    parts += [(BOOK, "the book")] if topics else []
    return Template(asset("quiz.html")).substitute(
        questions="".join(element("option", prose(label), value=part) for part, label in parts),
        largest=str(SEEDS - 1),
        verdicts="".join(_verdict(verdict_class(verdict), verdict.value) for verdict in ANSWERS),
        coin_brier=f"{brier_score(LEAST, right=True):.3f}",
        coin_log=f"{log_score(LEAST, right=True):.3f}",
        meaning=prose(MEANING),
    )


def _verdict(value: str, label: str) -> str:
    button = element("input", type="radio", name="answer", value=value, required="required")
    return element("label", button.removesuffix("</input>"), f" {label}")
