"""8b: how much does the learning rate matter? Points lost a factor beside the best of a grid."""

import math
from collections.abc import Sequence

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.contrasts import MISSING
from lightning_cifar.study.report.declared import MAIN
from lightning_cifar.study.report.study_files import GridPoint, RateGrid, Study
from lightning_cifar.study.report.wording import TONES, listed

FACTORS = (2, 4)
NEAR = 1.2  # a point of the grid stands for a rate up to this factor away
NEEDS = (
    "No grid of learning rates is in the study folder: `grid.json` holds, per set-up and variant, "
    "runs at fixed rates."
)


def rate_answer(study: Study) -> Answer:
    """What a wrong rate costs, per variant, and how near the search came."""
    question = "How much does the learning rate that was found matter?"
    grids = {arm: grid for arm, grid in study.grid.items() if best_point(grid.points)}
    if not grids:
        return Answer("learning-rate", "8b", question, MISSING, TONES[MISSING], (), (), (NEEDS,))
    lost = {
        arm.partition("/")[2]: worst_loss(grid.points, 4)
        for arm, grid in grids.items()
        if arm.startswith(f"{MAIN}/")
    }
    known = {name: loss for name, loss in lost.items() if not math.isnan(loss)}
    return Answer(
        "learning-rate",
        "8b",
        question,
        verdict(known),
        "depends" if known else TONES[MISSING],
        (*sentences(known, grids), *found_sentence(grids)),
        (grid_table(grids),),
        (),
        ("rates",),
    )


def verdict(lost: dict[str, float]) -> str:
    """The range over the variants of what a factor 4 costs."""
    if not lost:
        return MISSING
    least, most = min(lost.values()), max(lost.values())
    return f"a factor 4 beside the best costs {points_range(least, most)}"


def points_range(least: float, most: float) -> str:
    """One figure, or two where they differ."""
    if math.isinf(most):
        return f"{least:.1f} points or the whole run" if math.isfinite(least) else "the whole run"
    return f"{least:.1f} to {most:.1f} points" if f"{least:.1f}" != f"{most:.1f}" else f"{most:.1f}"


def sentences(lost: dict[str, float], grids: dict[str, RateGrid]) -> tuple[str, ...]:
    """The most and the least sensitive variant, and how the grid was trained."""
    if not lost:
        return ()
    most, least = max(lost, key=lambda name: lost[name]), min(lost, key=lambda name: lost[name])
    starts = min(grid.starts for grid in grids.values())
    trained = f"the mean of {starts} starts" if starts > 1 else "trained once"
    return (
        f"A grid of rates, each {trained}, judged on the validation images; at a constant rate, on "
        f"the worse side, one four times too high or too low costs `{most}` the most "
        f"({cost(lost[most])}) and `{least}` the least ({cost(lost[least])}). The best of a grid "
        "is the luckiest of its rates.",
    )


def cost(lost: float) -> str:
    """Points, or the run."""
    return "it does not learn" if math.isinf(lost) else f"{lost:.1f} points"


def best_point(points: Sequence[GridPoint]) -> GridPoint | None:
    """The point with the highest accuracy; None where nothing learned."""
    learned = [point for point in points if math.isfinite(point.accuracy)]
    return max(learned, key=lambda point: point.accuracy, default=None)


def point_near(points: Sequence[GridPoint], rate: float) -> GridPoint | None:
    """The point of the grid that stands for ``rate``; None if the grid has none there."""
    nearest = min(points, key=lambda point: abs(math.log(point.rate / rate)))
    return nearest if 1 / NEAR <= nearest.rate / rate <= NEAR else None


def loss_at(points: Sequence[GridPoint], rate: float) -> float:
    """Points of accuracy below the grid's best; infinite for a failed run, NaN without a point."""
    best, point = best_point(points), point_near(points, rate)
    if best is None or point is None:
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


def found_sentence(grids: dict[str, RateGrid]) -> tuple[str, ...]:
    """What the search gave away against the best of the grids."""
    losses = {arm: found_loss(grid) for arm, grid in grids.items()}
    parts = [f"{lost:.1f} for `{arm}`" for arm, lost in losses.items() if not math.isnan(lost)]
    if not parts:
        return ()
    return (
        f"Points of accuracy between the grid's best and the rate that the search found: "
        f"{listed(parts)}. Where an accuracy stays below a hoped-for figure, more than this is not "
        "the search's doing.",
    )


def grid_table(grids: dict[str, RateGrid]) -> Table:
    """The best rate and what is lost beside it."""
    rows = []
    for arm, grid in grids.items():
        best, found = best_point(grid.points), grid.found
        assert best is not None
        beside = [best.rate * shift for factor in FACTORS for shift in (1 / factor, factor)]
        rows.append(
            (
                f"`{arm}`",
                f"{best.rate:.2g}",
                f"{100 * best.accuracy:.1f} %",
                *(lost_cell(loss_at(grid.points, each)) for each in beside),
                "unknown" if found is None else f"{found.rate:.2g} ({found_loss(grid):.1f})",
            )
        )
    shifts = (f"{sign} {factor}" for factor in FACTORS for sign in ("÷", "×"))  # noqa: RUF001
    headings = ("set-up and variant", "best rate", "accuracy", *shifts, "rate found (points lost)")
    return Table("Points of accuracy lost beside the best rate of the grid", headings, tuple(rows))


def lost_cell(lost: float) -> str:
    """Points lost; a failed run; a rate that was not tried."""
    if math.isnan(lost):
        return "not tried"
    return "did not learn" if math.isinf(lost) else f"{lost:.1f}"
