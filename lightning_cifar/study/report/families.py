"""Which comparisons are made: those in the plan, and those of a report's questions.

Families are corrected apart: the planned one answers what the study was made for, the others
each belong to one question. None is chosen by looking at results.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lightning_cifar.study.contrasts import Contrast, Findings, compare_contrasts
from lightning_cifar.study.measures import (
    MEASURES,
    SCORES,
    Measure,
    by_accuracy,
    epochs_to_loss,
    seconds_to_loss,
    way_measure,
)
from lightning_cifar.study.plan_file import Planned, planned_comparisons, variants_of
from lightning_cifar.study.reaching import loss_of, seconds_of, shared_loss
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.study_files import Cell, Study

MARGIN = 1.0  # points of accuracy; one image in a hundred
PLANNED = "planned before the first run"
RIVALS = ("deterministic", "temperature")  # of Monte Carlo dropout
SCALED = "monte_carlo_temperature"


def all_findings(study: Study, questions: Sequence[Question]) -> Findings:
    """Test the planned family and those of the questions."""
    planned = [planned_contrast(study, each) for each in planned_comparisons(study)]
    known = {contrast.key for contrast in planned}
    families = {PLANNED: planned} if planned else {}
    for question in questions:
        for contrast in contrasts_of(study, question):
            if contrast.key not in known:
                known.add(contrast.key)
                family = question.family.format(contrast.measure.title)
                families.setdefault(family, []).append(contrast)
    return Findings({name: compare_contrasts(study, each) for name, each in families.items()})


def planned_contrast(study: Study, planned: Planned) -> Contrast:
    """A comparison of the plan with its own margin, or the one that every report asks for."""
    measure = MEASURES.get(planned.measure) or epochs_to_loss(
        planned.loss or shared_loss(study, planned.first, planned.second)
    )
    contrast = between(planned.first, planned.second, measure, tested=planned.tested)
    return replace(contrast, margin=planned.margin or contrast.margin)


def between(first: Cell, second: Cell, measure: Measure, *, tested: bool = True) -> Contrast:
    """Two cells by one measure; of accuracy on the test images every tested one has a margin."""
    margin = MARGIN if tested and measure.key == "test_accuracy" else None
    return Contrast(first, second, measure, measure, margin, tested)


def contrasts_of(study: Study, question: Question) -> Iterator[Contrast]:
    """The comparisons that a question needs."""
    cells = question.cells
    if question.kind in ("difference", "match"):
        for second in cells[1:]:
            yield between(cells[0], second, MEASURES[question.measure], tested=question.tested)
    elif question.kind == "convergence":
        yield between(cells[0], cells[1], epochs_to_loss(loss_of(study, cells[0], cells[1])))
    elif question.kind == "speed" and (seconds := seconds_of(study, cells[0][0])):
        loss = loss_of(study, cells[0], cells[1])
        yield between(cells[0], cells[1], seconds_to_loss(loss, seconds))
    elif question.kind == "monte_carlo":
        pairs = [("monte_carlo", *pair) for pair in itertools.product(RIVALS, SCORES)]
        recorded = [(run.monte_carlo or {}).get("scores", {}) for run in study.runs(*cells[0])]
        if any(SCALED in scores for scores in recorded):
            # A temperature leaves the accuracy as it is.
            pairs += [(SCALED, "temperature", score) for score in SCORES[1:]]
        for way, rival, score in pairs:
            ways = way_measure(way, score), way_measure(rival, score)
            yield Contrast(cells[0], cells[0], *ways)
    elif question.kind == "set_ups":
        yield from across(study, question, MEASURES[question.measure])
    elif question.kind == "selection":
        yield from by_second_rule(study)
    elif question.kind == "published":
        yield from published_contrasts(study, question)


def by_second_rule(study: Study) -> Iterator[Contrast]:
    """Every tested comparison of the plan by the second rule, so that both families are alike.

    None where no run kept the second checkpoint.
    """
    if not any(record.most_accurate for record in study.records):
        return
    for planned in planned_comparisons(study):
        if planned.tested:
            contrast = planned_contrast(study, planned)
            measure = by_accuracy(contrast.measure)
            yield replace(contrast, measure=measure, other=measure)


def across(
    study: Study, question: Question, measure: Measure, *, tested: bool = True
) -> Iterator[Contrast]:
    """Every variant under the first set-up of a question against the second."""
    first, second = question.set_ups[:2]
    for variant in variants_of(study):
        cells = Cell(first, variant), Cell(second, variant)
        yield between(*cells, measure, tested=tested)


def published_contrasts(study: Study, question: Question) -> Iterator[Contrast]:
    """Described only: of the few seeds of a costly set-up no test could come out."""
    validated = MEASURES["val_accuracy"]
    yield from across(study, question, validated, tested=False)
    for set_up, (first, second) in itertools.product(question.set_ups[:2], question.gaps):
        cells = Cell(set_up, first), Cell(set_up, second)
        yield between(*cells, validated, tested=False)
