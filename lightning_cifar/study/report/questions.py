"""What a report asks: of the shipped study the exercise, of any other what its plan compares."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from lightning_cifar.study.measures import MEASURES, REACHING
from lightning_cifar.study.plan_file import (
    Planned,
    cell_of,
    cells_of,
    planned_comparisons,
    variants_of,
)
from lightning_cifar.study.study_files import Cell, Study

SELF_NORMALISING = ("selu",)


@dataclass(frozen=True)
class Question:
    """One question of a report, as data.

    Attributes:
        key: anchor on the page.
        kind: how it is answered: a name in ``answers.KINDS`` and of a template.
        part: of the exercise, such as ``8c``; else where the question comes from.
        cells: what is compared, the first minus the second; a third is shown with them.
        set_ups: where every variant is compared under two of them.
        names: of these set-ups, in words.
        family: its comparisons that are not in the plan are corrected together with those
            of the same family.
        measure: of a difference.
        figures: names of the figures that belong to it.
        notes: sentences for this question alone.
        book: variant -> published "accuracy" (percent) and "epochs".
        further: a row of published figures without a run.
        gaps: pairs of variants whose published gap is explained.
    """

    key: str
    kind: str
    part: str
    title: str
    cells: tuple[Cell, ...] = ()
    set_ups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    family: str = "of the plan"
    measure: str = "test_accuracy"
    tested: bool = True
    figures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    book: Mapping[str, Mapping[str, float]] | None = None
    further: tuple[str, ...] = ()
    gaps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The questions that are written down in ``exercise.yaml``.

    Attributes:
        title: of the report of the shipped study.
        questions: of the exercise, in its order.
        of_any_study: asked of each cell of another study that has what they need.
    """

    title: str
    questions: tuple[Question, ...]
    of_any_study: Mapping[str, Question]


@cache
def catalogue() -> Catalogue:
    """What is written down."""
    path = files("lightning_cifar.study.report").joinpath("exercise.yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    general = {each["kind"]: question_from(each) for each in content["of_any_study"]}
    return Catalogue(content["title"], tuple(map(question_from, content["questions"])), general)


def question_from(fields: Mapping[str, Any]) -> Question:
    """A question from the lines of a file."""
    settings: dict[str, Any] = {
        key: tuple(each) if isinstance(each, list) else each for key, each in fields.items()
    }
    settings["cells"] = tuple(map(cell_of, fields.get("cells", ())))
    settings["gaps"] = tuple((first, second) for first, second in fields.get("gaps", ()))
    return Question(**settings)


def questions_of(study: Study) -> tuple[str, list[Question]]:
    """The title of a study's report, and what it asks."""
    there, title = cells_of(study), catalogue().title
    asked = [question for question in catalogue().questions if is_about(question, there)]
    planned = [each for each in planned_comparisons(study) if not is_covered(each, asked)]
    further = [from_plan(number, each) for number, each in enumerate(planned, 1)]
    for each in [each for each in further if each.kind == "convergence" and study.cost]:
        speed, cells = catalogue().of_any_study["speed"], each.cells
        words = titled(speed, *cells)
        further.append(replace(speed, key=f"speed-{each.key}", title=words, cells=cells))
    if asked:
        return title, asked + further
    return "A study of " + ", ".join(variants_of(study)), further + list(from_files(study))


def is_about(question: Question, there: list[Cell]) -> bool:
    """Whether a study has what a question is about."""
    set_ups = {set_up for set_up, _ in there}
    return set(question.cells) <= set(there) and set(question.set_ups[:2]) <= set_ups


def is_covered(planned: Planned, asked: list[Question]) -> bool:
    """Whether a question asked already compares both sides of a comparison of the plan."""
    sides = {planned.first, planned.second}
    set_ups = {set_up for set_up, _ in sides}
    return any(sides <= set(each.cells) or set_ups <= set(each.set_ups) for each in asked)


def from_plan(number: int, planned: Planned) -> Question:
    """The question of a comparison in the plan, in the plan's own words."""
    kind = "convergence" if planned.measure == REACHING else "difference"
    general = catalogue().of_any_study[kind]
    return replace(
        general,
        key=f"{general.key}-{number}",
        title=planned.question or titled(general, planned.first, planned.second),
        cells=(planned.first, planned.second),
        measure=planned.measure,
        tested=planned.tested,
    )


def titled(question: Question, *cells: Cell) -> str:
    """The title of a question of any study, about these cells."""
    return question.title.format(*("/".join(cell) for cell in cells))


def from_files(study: Study) -> Iterator[Question]:
    """The questions that the files of a study answer, whatever it compares."""
    general = catalogue().of_any_study
    if any(each.tested and each.measure in MEASURES for each in planned_comparisons(study)):
        yield general["selection"]
    searched = (run.set_up for run in study.records if run.run.learning_rate_source == "search")
    for name in itertools.islice((*study.grid, *searched), 1):
        yield replace(general["rates"], set_ups=(name.partition("/")[0],))
    for number, cell in enumerate(cells_of(study), 1):
        runs = study.runs(*cell)
        kinds = {
            "normalising": cell[1] in SELF_NORMALISING and any(run.activations for run in runs),
            "monte_carlo": any(run.monte_carlo for run in runs),
        }
        for question in (general[kind] for kind, is_asked in kinds.items() if is_asked):
            title = titled(question, cell)
            yield replace(question, key=f"{question.key}-{number}", title=title, cells=(cell,))
