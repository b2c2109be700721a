"""Answers that compare set-ups, variant by variant, and published figures with ours."""

from dataclasses import dataclass

import numpy as np

from lightning_cifar.study.contrasts import Finding, Findings
from lightning_cifar.study.measures import MEASURES, Measure, finite_values
from lightning_cifar.study.plan_file import variants_of
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Cell, Study

NEAR = 2.0  # points: the book has one seed and 5,000 images, a standard error of 0.7


@dataclass(frozen=True)
class SetUps:
    """One finding for each variant with enough runs under both set-ups; the others' names.

    Attributes:
        second: the same findings by the second rule of selection; empty if one is not there.
    """

    found: tuple[Finding, ...]
    second: tuple[Finding, ...]
    missing: tuple[str, ...]


def set_ups(study: Study, findings: Findings, question: Question) -> SetUps | None:
    """Every variant under two set-ups; None where none has enough runs."""
    found = across_set_ups(study, findings, question, MEASURES["test_accuracy"])
    compared = {each.contrast.first.variant for each in found}
    missing = tuple(name for name in variants_of(study) if name not in compared)
    others = [findings.by_accuracy(each) for each in found]
    known = tuple(each for each in others if each is not None and each.comparison is not None)
    return SetUps(found, known if len(known) == len(found) else (), missing) if found else None


def across_set_ups(
    study: Study, findings: Findings, question: Question, measure: Measure
) -> tuple[Finding, ...]:
    """The findings of one variant under both set-ups, for each that has enough runs."""
    first, second = question.set_ups[:2]
    found = (
        findings.find(Cell(first, name), Cell(second, name), measure) for name in variants_of(study)
    )
    return tuple(each for each in found if each is not None and each.comparison is not None)


@dataclass(frozen=True)
class Gap:
    """The gap between two variants: in the book, in our runs of its set-up, and in ours."""

    first: str
    second: str
    book: float
    theirs: Finding
    ours: Finding


@dataclass(frozen=True)
class Published:
    """The book's figures and ours, all of validation accuracy in percent.

    Attributes:
        accuracies: variant -> the runs' figures under each set-up.
        near, far: variants whose mean under the published set-up is near the book's, and not.
        found: published set-up against ours.
    """

    accuracies: dict[str, tuple[list[float], ...]]
    near: tuple[str, ...]
    far: tuple[str, ...]
    found: tuple[Finding, ...]
    gaps: tuple[Gap, ...]


def published(study: Study, findings: Findings, question: Question) -> Published:
    """Which published figures come back, and how the gaps between variants move."""
    measure, book = MEASURES["val_accuracy"], question.book or {}
    accuracies = {
        name: tuple(
            finite_values(study, Cell(set_up, name), measure) for set_up in question.set_ups
        )
        for name in book
    }
    distances = {
        name: abs(float(np.mean(found[0])) - book[name]["accuracy"])
        for name, found in accuracies.items()
        if found[0]
    }
    return Published(
        accuracies,
        tuple(name for name, distance in distances.items() if distance <= NEAR),
        tuple(name for name, distance in distances.items() if distance > NEAR),
        across_set_ups(study, findings, question, measure),
        tuple(gaps(findings, question)),
    )


def gaps(findings: Findings, question: Question) -> list[Gap]:
    """The gaps that have runs under both set-ups."""
    measure, book, found = MEASURES["val_accuracy"], question.book or {}, []
    for first, second in question.gaps:
        theirs, ours = (
            findings.find(Cell(set_up, first), Cell(set_up, second), measure)
            for set_up in question.set_ups[:2]
        )
        if theirs and ours and theirs.comparison and ours.comparison:
            published_gap = book[first]["accuracy"] - book[second]["accuracy"]
            found.append(Gap(first, second, published_gap, theirs, ours))
    return found
