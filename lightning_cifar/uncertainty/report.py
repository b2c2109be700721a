"""A comparison as text for people, side by side, and as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lightning_cifar.uncertainty.bootstrap import Difference
from lightning_cifar.uncertainty.comparison import (
    DETERMINISTIC,
    MONTE_CARLO,
    TEMPERATURE,
    Comparison,
)
from lightning_cifar.uncertainty.scores import MEASURES

TITLES = {
    DETERMINISTIC: "deterministic",
    MONTE_CARLO: "Monte Carlo dropout",
    TEMPERATURE: "temperature scaling",
}


def comparison_text(comparison: Comparison) -> str:
    """The table of all measures, then the verdicts with their 95 % intervals."""
    scores = [
        [measure.title, *(figure(comparison.scores[name][measure.key]) for name in TITLES)]
        for measure in MEASURES
    ]
    return "\n".join(
        [
            f"{comparison.images:,} images; {comparison.samples} Monte Carlo samples, masks "
            f"{comparison.masks.replace('_', ' ')}, seed {comparison.seed}; temperature "
            f"{comparison.temperature:.4g}",
            "",
            aligned([["measure", *TITLES.values()], *scores]),
            "",
            "Differences, with the 95 % interval of a paired bootstrap over the images",
            "",
            aligned(difference_rows(comparison)),
        ]
    )


def difference_rows(comparison: Comparison) -> list[list[str]]:
    """A header, then per measure both differences from deterministic, and that between them."""
    rows = [["measure", "prediction", "against", "difference", "95 % interval", "verdict"]]
    for measure in MEASURES:
        for other, baseline, differences in (
            (MONTE_CARLO, DETERMINISTIC, comparison.differences[MONTE_CARLO]),
            (TEMPERATURE, DETERMINISTIC, comparison.differences[TEMPERATURE]),
            (MONTE_CARLO, TEMPERATURE, comparison.beyond_temperature),
        ):
            names = [measure.title, TITLES[other], TITLES[baseline]]
            rows.append(names + difference_cells(differences[measure.key]))
    return rows


def difference_cells(difference: Difference) -> list[str]:
    """The difference, its interval and its verdict."""
    bounds = f"{signed(difference.low)} to {signed(difference.high)}"
    return [signed(difference.value), bounds, difference.verdict]


def figure(value: float) -> str:
    """A measure with four decimals."""
    return "undefined" if math.isnan(value) else f"{value:.4f}"


def signed(value: float) -> str:
    """A difference with four decimals and its sign."""
    return "undefined" if math.isnan(value) else f"{value:+.4f}"


def aligned(rows: list[list[str]]) -> str:
    """Rows of cells as columns, two spaces apart, a line under the header."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def to_json(comparison: Comparison) -> str:
    """The comparison as JSON; what is not a number becomes null."""
    return json.dumps(without_nan(asdict(comparison)), indent=2) + "\n"


def without_nan(value: Any) -> Any:
    """JSON knows no NaN: replace it by null."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value
