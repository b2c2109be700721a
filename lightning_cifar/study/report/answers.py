"""All answers of a study in the order of its questions, and what could not be answered."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lightning_cifar.study.contrasts import Findings, in_one_family
from lightning_cifar.study.measures import FURTHER_ACCURACIES, MEASURES, by_accuracy
from lightning_cifar.study.plan_file import cells_of, outcome_of, unread
from lightning_cifar.study.report.differences import convergence, difference, speed
from lightning_cifar.study.report.families import all_findings
from lightning_cifar.study.report.layers import normalising
from lightning_cifar.study.report.monte_carlo import monte_carlo
from lightning_cifar.study.report.questions import Question, questions_of
from lightning_cifar.study.report.rates import rates
from lightning_cifar.study.report.selection import selection
from lightning_cifar.study.report.set_ups import published, set_ups
from lightning_cifar.study.report.writing import Table, write_words
from lightning_cifar.study.sign_flips import LEVEL
from lightning_cifar.study.study_files import Study

# How a question of each kind is answered; the words are in templates/answers/KIND.txt.
KINDS: dict[str, Callable[[Study, Findings, Question], Any]] = {
    "rates": rates,
    "difference": difference,
    "match": difference,
    "convergence": convergence,
    "speed": speed,
    "normalising": normalising,
    "monte_carlo": monte_carlo,
    "set_ups": set_ups,
    "published": published,
    "selection": selection,
}


@dataclass(frozen=True)
class Answer:
    """One question with its answer, from which the page and the Markdown file are written.

    Attributes:
        facts: what its figures are drawn from; None if nothing is known.
        verdict: in a word or two, computed.
        tone: the class of its colour: true, false, depends or not-checkable.
        paragraphs: the answer; backticks mark code, ** what is strong.
        missing: what could not be answered, and what to do about it.
    """

    question: Question
    facts: Any
    verdict: str
    tone: str
    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What is written, whatever the form.

    Attributes:
        gaps: a line for each thing that is missing or damaged.
        about_comparisons: paragraphs on what holds for all of them.
    """

    study: Study
    title: str
    introduction: str
    findings: Findings
    answers: tuple[Answer, ...]
    gaps: tuple[str, ...]
    runs: Table
    about_comparisons: tuple[str, ...]
    comparisons: tuple[Table, ...]
    provenance: Table


def report_of(study: Study) -> Report:
    """Judge a study and answer every question; the same files give the same report."""
    title, questions = questions_of(study)
    findings = all_findings(study, questions)
    outcomes = [outcome_of(study, cell) for cell in cells_of(study)]
    one_family = in_one_family(findings)
    compared = {len(each.comparison.differences) for each in findings.all() if each.comparison}
    facts: dict[str, Any] = {
        "study": study,
        "outcomes": outcomes,
        "measures": MEASURES,
        "second_accuracy": by_accuracy(MEASURES["test_accuracy"]),
        "further_accuracies": [
            MEASURES[key]
            for key in FURTHER_ACCURACIES
            if any(math.isfinite(MEASURES[key].of(record)) for record in study.records)
        ],
        "findings": findings,
        "families": findings.families,
        "one_family": one_family,
        "standing": [key for key, p_value in one_family.items() if p_value <= LEVEL],
        "coverage": sorted(compared & study.coverage.shares.keys()) if study.coverage else [],
    }
    gaps = write_words("gaps.txt", damaged=[*study.damaged, *unread(study)], **facts)
    appendix = write_words("tables.txt", **facts)
    return Report(
        study,
        title,
        " ".join(write_words("introduction.txt", **facts).paragraphs),
        findings,
        tuple(answer(study, findings, question) for question in questions),
        gaps.paragraphs,
        appendix.tables[0],
        appendix.paragraphs,
        appendix.tables[1:-1],
        appendix.tables[-1],
    )


def answer(study: Study, findings: Findings, question: Question) -> Answer:
    """The answer to one question, or what it would take."""
    facts = KINDS[question.kind](study, findings, question)
    verdict, tone, text, missing = (
        write_words(
            f"answers/{question.kind}.txt",
            block,
            **{"study": study, "findings": findings, "question": question, "facts": facts},
        )
        for block in ("verdict", "tone", "text", "missing")
    )
    return Answer(
        question,
        facts,
        " ".join(verdict.paragraphs),
        " ".join(tone.paragraphs),
        text.paragraphs,
        text.tables,
        missing.paragraphs,
    )
