"""A comparison as text for people, side by side, and as JSON from which figures are redrawn."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.bootstrap import Difference
from lightning_cifar.uncertainty.comparison import (
    DETERMINISTIC,
    MONTE_CARLO,
    TEMPERATURE,
    Comparison,
    CountScores,
)
from lightning_cifar.uncertainty.scores import MEASURES, ReliabilityBin, RiskCoverage

TITLES = {
    DETERMINISTIC: "deterministic",
    MONTE_CARLO: "Monte Carlo dropout",
    TEMPERATURE: "temperature scaling",
}


def comparison_text(comparison: Comparison) -> str:
    """The table of all measures, then the verdicts with their 95 % intervals."""
    return "\n".join(
        [
            f"{comparison.images:,} images; {comparison.samples} Monte Carlo samples, masks "
            f"{comparison.masks.replace('_', ' ')}, seed {comparison.seed}; temperature "
            f"{comparison.temperature:.4g}",
            "",
            aligned([score_header(), *score_rows(comparison)]),
            "",
            "Differences, with the 95 % interval of a paired bootstrap over the images",
            "",
            aligned(difference_rows(comparison)),
        ]
    )


def score_header() -> list[str]:
    """The column titles of the table of measures."""
    return ["measure", *TITLES.values()]


def score_rows(comparison: Comparison) -> list[list[str]]:
    """One row per measure, one column per way to predict."""
    return [
        [measure.title, *(figure(comparison.scores[name][measure.key]) for name in TITLES)]
        for measure in MEASURES
    ]


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


def without_nan(value: object) -> object:
    """JSON knows no NaN: replace it by null."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value


def from_json(text: str) -> Comparison:
    """The comparison that ``to_json`` wrote.

    Raises:
        InputError: the text is damaged or not a comparison.
    """
    try:
        return comparison_from(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"this is not a comparison written by this program ({error!r}); run the test again"
        ) from error


def comparison_from(fields: dict[str, Any]) -> Comparison:
    """Build the nested records from plain JSON values."""
    return Comparison(
        images=fields["images"],
        samples=fields["samples"],
        seed=fields["seed"],
        masks=fields["masks"],
        temperature=fields["temperature"],
        scores={name: numbers(scores) for name, scores in fields["scores"].items()},
        differences={
            name: differences_from(by_key) for name, by_key in fields["differences"].items()
        },
        beyond_temperature=differences_from(fields["beyond_temperature"]),
        by_count=tuple(CountScores(**item) for item in fields["by_count"]),
        reliability={
            name: tuple(ReliabilityBin(**item) for item in bins)
            for name, bins in fields["reliability"].items()
        },
        risk_coverage={
            name: tuple(RiskCoverage(**item) for item in points)
            for name, points in fields["risk_coverage"].items()
        },
    )


def differences_from(by_key: dict[str, dict[str, Any]]) -> dict[str, Difference]:
    """The differences of all measures, from plain JSON values."""
    return {key: Difference(**numbers(item)) for key, item in by_key.items()}


def numbers(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with null read as "not a number"."""
    return {key: math.nan if value is None else value for key, value in fields.items()}
