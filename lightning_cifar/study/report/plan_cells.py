"""What a plan asked for: the seeds of each set-up and variant, and what is missing of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightning_cifar.study.records import StudyRecord
from lightning_cifar.study.report.study_files import Study

Cell = tuple[str, str]


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


def outcomes(study: Study) -> list[Outcome]:
    """Every cell that was planned or ran, in the order of the plan."""
    planned = planned_seeds(study.plan)
    ran = {(record.set_up, record.variant): () for record in study.records}
    return [outcome(study, cell, planned.get(cell)) for cell in planned | ran]


def outcome(study: Study, cell: Cell, planned: tuple[int, ...] | None) -> Outcome:
    """One cell."""
    runs = study.runs(*cell)
    there = {record.seed for record in runs}
    wanted = tuple(sorted(there)) if planned is None else planned
    return Outcome(
        *cell,
        planned=wanted,
        finished=tuple(record for record in runs if not record.failure),
        failed=tuple(record for record in runs if record.failure),
        missing=tuple(seed for seed in wanted if seed not in there),
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
            cells[str(name), str(variant)] = seeds_of(own.get("seeds", plan.get("seeds")))
    return cells


def seeds_of(asked: Any) -> tuple[int, ...]:
    """A number of seeds, or the seeds themselves."""
    if isinstance(asked, int):
        return tuple(range(asked))
    return tuple(int(seed) for seed in asked) if isinstance(asked, list) else ()
