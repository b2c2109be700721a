"""How much the learning rate matters: points lost beside the best of a grid, and search noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lightning_cifar.study.contrasts import Findings
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.report.search_noise import Searches, Split, searches_of, together
from lightning_cifar.study.study_files import GridPoint, RateGrid, Study

FACTORS = (2, 4)
SHIFTS = tuple(shift for factor in FACTORS for shift in (1 / factor, factor))
NEAR = 1.2  # a point of the grid represents rates up to this factor away


@dataclass(frozen=True)
class GridRow:
    """The best rate of a grid, and what is lost beside it.

    Attributes:
        lost: at each of ``SHIFTS``; infinite where nothing was learned, NaN where not tried.
        found_lost: at the rate that the search found; NaN if not known.
    """

    name: str
    best: GridPoint
    lost: tuple[float, ...]
    found: GridPoint | None
    found_lost: float


@dataclass(frozen=True)
class Rates:
    """What a wrong rate costs.

    Attributes:
        cost: variant -> points of accuracy at the worse side of a factor 4, in the main set-up;
            the cheapest first.
        starts: runs behind a point of the grids; 0 without one.
        searches: the rates found for the runs, by condition.
        noise: of the searches, over all conditions; None if no condition has rates that differ.
    """

    cost: dict[str, float]
    starts: int
    rows: tuple[GridRow, ...]
    searches: tuple[Searches, ...]
    noise: Split | None


def rates(study: Study, findings: Findings, question: Question) -> Rates | None:
    """What a wrong rate costs, and how near the search came; None without grid and search."""
    grids = {name: grid for name, grid in study.grid.items() if best_point(grid.points)}
    searches = tuple(searches_of(study))
    if not grids and not searches:
        return None
    losses = {
        name.partition("/")[2]: worst_loss(grid.points, max(FACTORS))
        for name, grid in grids.items()
        if name.partition("/")[0] == question.set_ups[0]
    }
    known = {name: lost for name, lost in losses.items() if not math.isnan(lost)}
    return Rates(
        dict(sorted(known.items(), key=lambda each: each[1])),
        min((grid.starts for grid in grids.values()), default=0),
        tuple(
            GridRow(
                name,
                best,
                tuple(loss_at(grid.points, best.rate * shift) for shift in SHIFTS),
                grid.found,
                found_loss(grid),
            )
            for name, grid in grids.items()
            if (best := best_point(grid.points))
        ),
        searches,
        together(searches),
    )


def best_point(points: Sequence[GridPoint]) -> GridPoint | None:
    """The point with the highest accuracy; None where nothing learned."""
    learned = [point for point in points if math.isfinite(point.accuracy)]
    return max(learned, key=lambda point: point.accuracy, default=None)


def loss_at(points: Sequence[GridPoint], rate: float) -> float:
    """Points of accuracy below the grid's best; infinite for a failed run, NaN without a point."""
    best = best_point(points)
    point = min(points, key=lambda each: abs(math.log(each.rate / rate)))
    if best is None or not 1 / NEAR <= point.rate / rate <= NEAR:
        return math.nan
    lost = 100 * (best.accuracy - point.accuracy)
    return math.inf if math.isnan(lost) else lost


def worst_loss(points: Sequence[GridPoint], factor: float) -> float:
    """The larger of the losses at the best rate times and divided by ``factor``."""
    best = best_point(points)
    assert best is not None
    losses = [loss_at(points, best.rate * factor), loss_at(points, best.rate / factor)]
    return max((loss for loss in losses if not math.isnan(loss)), default=math.nan)


def found_loss(grid: RateGrid) -> float:
    """Points of accuracy that the rate found lies below the grid's best; NaN if not known."""
    best = best_point(grid.points)
    if best is None or grid.found is None:
        return math.nan
    return 100 * (best.accuracy - grid.found.accuracy)
