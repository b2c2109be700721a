"""What an experiment found, in words and tables; every figure is taken from its record."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What the exercise's network says of a claim of the ledger.

    Attributes:
        claim: its id.
        text: what was measured, in a sentence or two.
        agrees: whether it bears out the ledger's verdict, by the rule that the code states; None
            where the verdict has room for either outcome.
    """

    claim: str
    text: str
    agrees: bool | None


@dataclass(frozen=True)
class Told:
    """A section of the page.

    Attributes:
        title: the question in short.
        set_up: what was done.
        tables: in Markdown.
        findings: one for each claim that this bears on.
    """

    title: str
    set_up: str
    tables: tuple[str, ...]
    findings: tuple[Finding, ...]


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def points(comparison: Record, unit: str = "points") -> str:
    """A difference with its interval and its corrected p."""
    return (
        f"{signed(comparison['mean'])} {unit} (95 % interval {signed(comparison['low'])} to "
        f"{signed(comparison['high'])}, corrected p {comparison['p']:.3f})"
    )


def signed(value: float) -> str:
    """Three significant digits, or two decimals, with a sign."""
    return f"{value:+.2f}" if abs(value) < 100 else f"{value:+.0f}"


def average(values: Sequence[float | None]) -> float:
    """The mean over the seeds of what is finite; infinite if nothing is."""
    finite = [value for value in values if value is not None]
    return mean(finite) if finite else float("inf")


def figure(value: float | None) -> str:
    """Three significant digits."""
    return "not finite" if value is None else f"{value:.3g}"
