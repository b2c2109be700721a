"""What the plan in a study's folder asked for; unreadable parts are reported and not fatal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_cifar.study.measures import PLANNABLE
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.study_files import PLAN_FILE, Cell, Study, planned_seeds

COMPARED = ("first", "second", "measure")  # what tells one comparison from another


@dataclass(frozen=True)
class Outcome:
    """How the runs of one cell ended.

    Attributes:
        planned: seeds asked for; those that ran if there is no plan.
        finished: records with test figures.
        failed: records without; an outcome, not a gap.
        missing: seeds asked for without a record.
    """

    set_up: str
    variant: str
    planned: tuple[int, ...]
    finished: tuple[StudyRecord, ...]
    failed: tuple[StudyRecord, ...]
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Planned:
    """A comparison planned beforehand: ``first`` minus ``second``.

    Attributes:
        measure: one of ``PLANNABLE``.
        margin: of equivalence, in the unit of the measure (points of accuracy); None: not asked.
        loss: for ``epochs_to_loss``, the validation loss to be reached; else None.
        tested: whether it belongs to the family that is tested and corrected together.
    """

    question: str
    first: Cell
    second: Cell
    measure: str
    margin: float | None
    loss: float | None
    tested: bool


def cell_of(name: str, set_up: str = "") -> Cell:
    """The cell "set_up/variant"; a name without a slash is a variant in ``set_up``."""
    first, slash, variant = name.partition("/")
    return Cell(first, variant) if slash else Cell(set_up, name)


def cells_of(study: Study) -> list[Cell]:
    """Every cell that was planned or ran, in the order of the plan."""
    ran = (Cell(record.set_up, record.variant) for record in study.records)
    return list(dict.fromkeys([*planned_seeds(study.plan), *ran]))


def variants_of(study: Study) -> list[str]:
    """The variants of a study in its order."""
    return list(dict.fromkeys(variant for _, variant in cells_of(study)))


def outcome_of(study: Study, cell: Cell) -> Outcome:
    """How the runs of a cell ended."""
    runs = study.runs(*cell)
    there = {record.seed for record in runs}
    planned = planned_seeds(study.plan).get(cell, tuple(sorted(there)))
    return Outcome(
        *cell,
        planned=planned,
        finished=tuple(record for record in runs if not record.failure),
        failed=tuple(record for record in runs if record.failure),
        missing=tuple(seed for seed in planned if seed not in there),
    )


def planned_comparisons(study: Study) -> list[Planned]:
    """The plan's comparisons in their order, without those named by ``unread``."""
    problems = unreadable(study.plan.get("comparisons", ()))
    return [
        Planned(
            str(entry.get("question") or ""),
            cell_of(entry["first"]),
            cell_of(entry["second"]),
            entry["measure"],
            entry.get("margin"),
            entry.get("loss"),
            entry.get("tested", True) is True,
        )
        for number, entry in enumerate(study.plan.get("comparisons", ()), 1)
        if number not in problems
    ]


def unread(study: Study) -> list[str]:
    """A line for each comparison of the plan that a report cannot make."""
    return [
        f"comparison {number} of {PLAN_FILE} cannot be made here: {problem}"
        for number, problem in unreadable(study.plan.get("comparisons", ())).items()
    ]


def unreadable(entries: Sequence[Any]) -> dict[int, str]:
    """Number from 1 -> why a report cannot make a comparison.

    One of the same two sides by the same measure could not be told from the first such.
    """
    problems, seen = {}, dict[Any, int]()
    for number, entry in enumerate(entries, 1):
        if not is_readable(entry):
            problems[number] = f"its measure must be one of {', '.join(PLANNABLE)}"
            continue
        if entry["first"] == entry["second"]:
            problems[number] = "its two sides are one"
            continue
        earlier = seen.setdefault(tuple(entry[key] for key in COMPARED), number)
        if earlier != number:
            problems[number] = f"comparison {earlier} is of the same two sides by the same measure"
    return problems


def is_readable(entry: Any) -> bool:
    """Whether a comparison names two sides and a known measure, with sound numbers."""
    if not isinstance(entry, Mapping):
        return False
    numbers = [entry[key] for key in ("margin", "loss") if entry.get(key) is not None]
    return (
        entry.get("measure") in PLANNABLE
        and all(isinstance(each, int | float) and each > 0 for each in numbers)
        and isinstance(entry.get("first"), str)
        and isinstance(entry.get("second"), str)
    )
