"""Comparing a generated document with the one in the repository, across processors."""

import re

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[+-]\d+)?(?![\w.]*\w)")


def document_differences(one: str, other: str, *, digit: float = 1.01) -> list[tuple[str, str]]:
    """Pairs of lines that differ by more than ``digit`` units of the last decimal of a figure.

    A figure just between two texts may be rounded the other way by another processor.
    """
    lines, others = one.splitlines(), other.splitlines()
    found = [pair for pair in zip(lines, others, strict=False) if not same(*pair, digit)]
    return found + ([("length", "length")] if len(lines) != len(others) else [])


def same(one: str, other: str, digit: float) -> bool:
    """Whether two lines say the same, figures to within their last decimal."""
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    figures = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= digit * last_decimal(a, b) for a, b in figures)


def last_decimal(*figures: str) -> float:
    """One unit of the last decimal written; nothing for whole numbers."""
    decimals = max(len(figure.partition(".")[2]) for figure in figures)
    return 10.0**-decimals if decimals else 0.0
