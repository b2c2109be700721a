"""8b: how much does the learning rate matter? Points lost a factor beside the best of a grid."""

import math
from collections.abc import Sequence

import numpy as np

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.contrasts import MISSING
from lightning_cifar.study.report.declared import MAIN
from lightning_cifar.study.report.study_files import GridPoint, Study
from lightning_cifar.study.report.wording import TONES, listed

FACTORS = (2, 4)
NEAR = 1.2  # a point of the grid stands for a rate up to this factor away
VALIDATION_NOISE = 1.4  # points, half a 95 % interval of one accuracy near 50 % on 5,000 images
NEEDS = (
    "No grid of learning rates is in the study folder: `grid.json` holds, per variant, runs at "
    "fixed rates."
)


def rate_answer(study: Study) -> Answer:
    """What a wrong rate costs, per variant, and how near the search came."""
    question = "How much does the learning rate that was found matter?"
    grids = {name: points for name, points in study.grid.items() if best_point(points)}
    if not grids:
        return Answer("learning-rate", "8b", question, MISSING, TONES[MISSING], (), (), (NEEDS,))
    lost = {name: worst_loss(points, 4) for name, points in grids.items()}
    known = {name: loss for name, loss in lost.items() if not math.isnan(loss)}
    return Answer(
        "learning-rate",
        "8b",
        question,
        verdict(known),
        "depends" if known else TONES[MISSING],
        (*sentences(known), *found_sentence(study)),
        (grid_table(study, grids),),
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


def sentences(lost: dict[str, float]) -> tuple[str, ...]:
    """The most and the least sensitive variant, and the noise of such a figure."""
    if not lost:
        return ()
    most, least = max(lost, key=lambda name: lost[name]), min(lost, key=lambda name: lost[name])
    return (
        "A grid of rates, each trained once from the same weights. On the worse side, a rate four "
        f"times too high or too low costs `{most}` the most ({cost(lost[most])}) and `{least}` the "
        f"least ({cost(lost[least])}). One accuracy on 5,000 images is known to "
        f"±{VALIDATION_NOISE} points, and the best of a grid is the luckiest of its runs.",
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


def found_rate(study: Study, variant: str) -> float:
    """The median of the rates with which the exercise's runs trained; NaN without runs."""
    rates = [record.run.learning_rate for record in study.runs(MAIN, variant)]
    return float(np.median(rates)) if rates else math.nan


def found_sentence(study: Study) -> tuple[str, ...]:
    """How far the search's rates lie from the grid's best."""
    parts = []
    for variant, points in study.grid.items():
        best, rate = best_point(points), found_rate(study, variant)
        if best is not None and rate > 0:
            parts.append(f"{rate / best.rate:.2g} times it for `{variant}`")
    return (f"The search found, against the best of the grid, {listed(parts)}.",) if parts else ()


def grid_table(study: Study, grids: dict[str, tuple[GridPoint, ...]]) -> Table:
    """The best rate and what is lost beside it."""
    rows = []
    for variant, points in grids.items():
        best, rate = best_point(points), found_rate(study, variant)
        assert best is not None
        beside = [best.rate * shift for factor in FACTORS for shift in (1 / factor, factor)]
        rows.append(
            (
                f"`{variant}`",
                f"{best.rate:.2g}",
                f"{100 * best.accuracy:.1f} %",
                *(lost_cell(loss_at(points, each)) for each in beside),
                "unknown" if math.isnan(rate) else f"{rate:.2g}",
            )
        )
    shifts = (f"{sign} {factor}" for factor in FACTORS for sign in ("÷", "×"))  # noqa: RUF001
    headings = ("variant", "best rate", "accuracy", *shifts, "rate found by the search")
    return Table("Points of accuracy lost beside the best rate of the grid", headings, tuple(rows))


def lost_cell(lost: float) -> str:
    """Points lost; a failed run; a rate that was not tried."""
    if math.isnan(lost):
        return "not tried"
    return "did not learn" if math.isinf(lost) else f"{lost:.1f}"
