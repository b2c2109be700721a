"""The files of a study, read without data, torch or networks: what is damaged is named, not fatal.

``plan.json`` and ``records/`` are a study; ``grid.json``, ``cost.json`` and ``coverage.json`` may
be missing.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lightning_cifar.errors import InputError
from lightning_cifar.rate_search.results import hash_of
from lightning_cifar.study.records import (
    RECORDS_FOLDER,
    StudyRecord,
    of_other_images,
    read_study,
)

PLAN_FILE, GRID_FILE, COST_FILE = "plan.json", "grid.json", "cost.json"
COVERAGE_FILE = "coverage.json"
ABOUT_RUNS = ("images", "rates")  # in the plan beside the settings of a run

Found = TypeVar("Found")


class Cell(NamedTuple):
    """One variant in one set-up."""

    set_up: str
    variant: str


@dataclass(frozen=True)
class GridPoint:
    """One rate: the mean accuracy over the starts, a fraction; NaN where the runs failed."""

    rate: float
    accuracy: float


@dataclass(frozen=True)
class RateGrid:
    """Accuracy against the learning rate.

    Attributes:
        points: by rising rate.
        found: the rate of the study's search, trained in the same way; None if it was not.
        starts: how many runs stand behind each point.
    """

    points: tuple[GridPoint, ...]
    found: GridPoint | None = None
    starts: int = 1


@dataclass(frozen=True)
class Cost:
    """Seconds per epoch of a single fit.

    Attributes:
        seconds: batch size -> variant -> median over the rounds.
        rounds: batch size -> variant -> each round; empty where only medians are known.
    """

    seconds: Mapping[int, Mapping[str, float]]
    device: str
    rounds: Mapping[int, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Coverage:
    """How often the 95 % intervals cover the truth in simulated studies.

    Attributes:
        studies: number of simulated ones.
        shares: number of seeds -> skewness of the differences -> share that is covered.
    """

    studies: int
    shares: Mapping[int, Mapping[float, float]]


@dataclass(frozen=True)
class Study:
    """All that the report knows.

    Attributes:
        plan: what was asked for.
        records: one for every run that ended, by set-up, variant and seed.
        damaged: a line for every file that could not be used.
        grid: "set-up/variant" -> its grid of learning rates; empty if not measured.
        cost, coverage: None if not measured.
    """

    plan: Mapping[str, Any]
    records: tuple[StudyRecord, ...]
    damaged: tuple[str, ...]
    grid: Mapping[str, RateGrid]
    cost: Cost | None
    coverage: Coverage | None = None

    def runs(self, set_up: str, variant: str) -> list[StudyRecord]:
        """The records of one cell of the plan, by seed."""
        cell = (set_up, variant)
        return [each for each in self.records if (each.set_up, each.variant) == cell]


def read_study_files(folder: Path) -> Study:
    """Read the folder of a study; InputError if there is none, or no record to read in it."""
    if not folder.is_dir():
        raise InputError(f"no study folder {folder}; 'lightning-cifar study' writes one")
    records, names = read_study(folder)
    if not records:
        found = f"all {len(names)} records in it are damaged" if names else "it holds no records"
        raise InputError(
            f"{folder} is not a study that can be reported: {found}; "
            "'lightning-cifar study --out' with this folder computes them"
        )
    damaged = [f"{RECORDS_FOLDER}/{name}.json is damaged and was left out" for name in names]
    plan = read_optional(folder / PLAN_FILE, plan_from, damaged)
    foreign = of_other_images(records, planned_images(plan or {}))
    if len(foreign) == len(records):
        raise InputError(
            f"{folder} is not a study that can be reported: all of its records were made with "
            f"other images than its {PLAN_FILE} says"
        )
    unplanned = unplanned_of(records, planned_names(plan or {}))
    if len(unplanned) == len(records):
        raise InputError(
            f"{folder} is not a study that can be reported: none of its records is of a run of its "
            f"{PLAN_FILE}"
        )
    damaged += [
        f"{RECORDS_FOLDER}/{name}.json was made with other images and was left out"
        for name in foreign
    ]
    damaged += [
        f"{RECORDS_FOLDER}/{name}.json has other settings or another seed than the runs of "
        f"{PLAN_FILE} and was left out"
        for name in unplanned
        if name not in foreign
    ]
    records = [record for record in records if record.name not in {*foreign, *unplanned}]
    if not (folder / PLAN_FILE).exists():
        damaged.append(f"{PLAN_FILE} is missing: what else was planned is not known")
    grid = read_optional(folder / GRID_FILE, grid_from, damaged)
    cost = read_optional(folder / COST_FILE, cost_from, damaged)
    coverage = read_optional(folder / COVERAGE_FILE, coverage_from, damaged)
    return Study(plan or {}, tuple(records), tuple(damaged), grid or {}, cost, coverage)


def read_optional(
    path: Path, read: Callable[[dict[str, Any]], Found], damaged: list[str]
) -> Found | None:
    """What ``read`` makes of the JSON object in a file; None if there is none, or as noted."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        damaged.append(f"{path.name} is damaged and was left out")
        return None
    try:
        return read(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        damaged.append(f"{path.name} is not of the form expected and was left out")
        return None


def plan_from(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plan as it is, if what is read of it has the form that ``open_study`` writes."""
    planned_seeds(content)
    planned_images(content)
    planned_names(content)
    if not isinstance(content.get("comparisons", []), list):
        raise TypeError("comparisons are a list")
    return content


def planned_seeds(plan: Mapping[str, Any]) -> dict[Cell, tuple[int, ...]]:
    """Cell -> seeds, in the plan's order; empty for a plan that names none."""
    return {
        Cell(name, variant): tuple(range(settings.get("seeds", 0)))
        for name, settings in plan.get("set_ups", {}).items()
        for variant in settings["variants"]
    }


def planned_images(plan: Mapping[str, Any]) -> dict[str, str]:
    """The hash of the images of each "set-up/variant", where the plan has it."""
    return {name: run["images"] for name, run in plan.get("runs", {}).items() if "images" in run}


def planned_names(plan: Mapping[str, Any]) -> dict[Cell, set[str]]:
    """The names of the records of each cell, where the plan has the settings of its runs."""
    names = {}
    for cell, seeds in planned_seeds(plan).items():
        settings = plan.get("runs", {}).get("/".join(cell), {})
        if "model" in settings:
            own = {key: value for key, value in settings.items() if key not in ABOUT_RUNS}
            names[cell] = {hash_of(own | {"seed_everything": seed}) for seed in seeds}
    return names


def unplanned_of(records: Sequence[StudyRecord], names: Mapping[Cell, set[str]]) -> list[str]:
    """Names of the records of planned cells whose settings or seed are not those of the plan."""
    return [
        each.name
        for each in records
        if each.name not in names.get(Cell(each.set_up, each.variant), {each.name})
    ]


def grid_from(content: Mapping[str, Any]) -> dict[str, RateGrid]:
    """The grid of each "set-up/variant"."""
    return {
        str(condition): RateGrid(
            tuple(sorted(map(grid_point, fields["grid"]), key=lambda point: point.rate)),
            None if fields.get("found") is None else grid_point(fields["found"]),
            int(fields.get("starts", 1)),
        )
        for condition, fields in content.items()
    }


def grid_point(fields: Mapping[str, Any]) -> GridPoint:
    """A point with its accuracy as a fraction."""
    accuracy, rate = fields["accuracy"], float(fields["rate"])
    if not rate > 0:
        raise ValueError("a learning rate must be above 0")
    return GridPoint(rate, math.nan if accuracy is None else float(accuracy))


def cost_from(content: Mapping[str, Any]) -> Cost:
    """The medians that ``benchmarks/variant_cost.py`` wrote."""
    seconds = {
        int(batch): {str(name): float(value) for name, value in result["medians"].items()}
        for batch, result in content["results"].items()
    }
    rounds = {
        int(batch): {str(name): tuple(map(float, each)) for name, each in result["seconds"].items()}
        for batch, result in content["results"].items()
        if "seconds" in result
    }
    return Cost(seconds, str(content.get("device", "unknown device")), rounds)


def coverage_from(content: Mapping[str, Any]) -> Coverage:
    """What ``benchmarks/interval_coverage.py`` wrote."""
    shares = {
        int(seeds): {float(skewness): float(share["interval"]) for skewness, share in each.items()}
        for seeds, each in content["coverage"].items()
    }
    return Coverage(int(content["studies"]), shares)
