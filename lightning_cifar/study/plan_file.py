"""What the plan in a study's folder asked for; unreadable parts are reported and not fatal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightning_cifar.study.measures import MEASURES, REACHING
from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.study_files import PLAN_FILE, Cell, Study


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
    """One comparison as the plan has it; ``margin`` and ``loss`` are None if not given."""

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


def planned_seeds(plan: Mapping[str, Any]) -> dict[Cell, tuple[int, ...]]:
    """(set-up, variant) -> seeds, in the plan's order; empty for a plan that names none."""
    set_ups = plan.get("set_ups")
    if not isinstance(set_ups, Mapping):
        return {}
    cells = {}
    for name, settings in set_ups.items():
        own = settings if isinstance(settings, Mapping) else {}
        for variant in own.get("variants") or plan.get("variants") or ():
            cells[Cell(str(name), str(variant))] = seeds_of(own.get("seeds", plan.get("seeds")))
    return cells


def seeds_of(asked: Any) -> tuple[int, ...]:
    """A number of seeds, or the seeds themselves."""
    if isinstance(asked, int):
        return tuple(range(asked))
    return tuple(int(seed) for seed in asked) if isinstance(asked, list) else ()


def planned_comparisons(study: Study) -> list[Planned]:
    """The plan's comparisons in their order, without those named by ``unread``."""
    return [planned(entry) for entry in entries(study) if is_readable(entry)]


def planned(entry: Mapping[str, Any]) -> Planned:
    """A comparison from the plan's fields."""
    set_up = str(entry.get("set_up") or "")
    return Planned(
        str(entry.get("question") or ""),
        cell_of(entry["first"], set_up),
        cell_of(entry["second"], set_up),
        entry["measure"],
        entry.get("margin"),
        entry.get("loss"),
        entry.get("tested", True) is True,
    )


def entries(study: Study) -> list[Any]:
    """The plan's comparisons as they are written."""
    listed = study.plan.get("comparisons")
    return listed if isinstance(listed, list) else []


def unread(study: Study) -> list[str]:
    """A line for each comparison of the plan that a report cannot make."""
    return [
        f"comparison {number} of {PLAN_FILE} cannot be made here: its measure must be one of "
        f"{', '.join([*MEASURES, REACHING])}"
        for number, entry in enumerate(entries(study), 1)
        if not is_readable(entry)
    ]


def is_readable(entry: Any) -> bool:
    """Whether a comparison names two sides and a known measure, with sound numbers."""
    if not isinstance(entry, Mapping):
        return False
    numbers = [entry[key] for key in ("margin", "loss") if entry.get(key) is not None]
    return (
        entry.get("measure") in (*MEASURES, REACHING)
        and all(isinstance(each, int | float) and each > 0 for each in numbers)
        and isinstance(entry.get("first"), str)
        and isinstance(entry.get("second"), str)
    )
