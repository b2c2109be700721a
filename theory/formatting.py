"""Figures as text: three significant digits, and the same text on every machine.

Rounding differs between processors, so a figure that is only rounding noise is never printed.
"""

import math

from theory.claim import Check

_NOISE = 1e-12
_TOLERANCE = 1e-6


def figure(value: float) -> str:
    """``value`` with three significant digits; whole numbers below a million in full."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    rounded = float(f"{value:.3g}")
    if 1e-3 <= abs(rounded) < 1e6:
        digits = max(0, 2 - math.floor(math.log10(abs(rounded))))
        return f"{rounded:.{digits}f}"
    return f"{rounded:.2e}"


def measured(check: Check) -> str:
    """The measured figure of ``check``; noise below a tolerance as what it is."""
    if check.relation == "==" or check.value == check.bound:
        return figure(check.value)
    if check.relation in ("<", "<=") and 0 < check.bound <= _TOLERANCE and check.holds:
        return "0 (to rounding)" if abs(check.value) < _NOISE else f"below {check.bound:.3g}"
    return "0 (to rounding)" if abs(check.value) < _NOISE else figure(check.value)


def bound(check: Check) -> str:
    """What was asked of the figure, such as ``"<= 0.01"``; a bound is exact, so no idle zeros."""
    large = abs(check.bound) >= 1000 or not math.isfinite(check.bound)
    return f"{check.relation} {figure(check.bound) if large else format(check.bound, '.3g')}"


def sentence(check: Check) -> str:
    """One line: what was measured, the figure, and the bound it was held against."""
    outcome = "" if check.holds else ", which it does not keep"
    return f"{check.quantity}: {measured(check)} (asked: {bound(check)}{outcome})"
