"""Figures as print sets them: powers of ten as such, true minus signs, relations as signs."""

import re

from theory.claim import Check
from theory.formatting import figure, measured

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_KEPT = {"<": "<", "<=": "≤", "==": "=", ">=": "≥", ">": ">"}
_MISSED = {"<": "≥", "<=": ">", "==": "≠", ">=": "<", ">": "≤"}
_POWER = re.compile(r"(?P<mantissa>\d(?:\.\d+)?)e(?P<exponent>[+-]?\d+)")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_MINUS = "\N{MINUS SIGN}"


def set_number(value: float) -> str:
    """Set a figure, with small and large ones as powers of ten."""
    return set_figure(figure(value))


def set_figure(written: str) -> str:
    """Set a figure that is already written, such as ``"1.20e-05"``."""
    return re.sub(r"(?<![\w⁻])-(?=[\d.i])", _MINUS, _POWER.sub(_power, written))


def set_measured(check: Check) -> str:
    """Set the measured figure of ``check``."""
    return set_figure(measured(check))


def set_bound(check: Check) -> str:
    """Set what ``check`` asks for, such as ``"≤ 0.1"``."""
    return f"{_KEPT[check.relation]}{_NO_BREAK}{set_number(check.bound)}"


def set_outcome(check: Check) -> str:
    """Set how the figure stands to its bound, such as ``"0.310 ≠ 0"`` where it misses it.

    Where so few digits show the two alike although they differ, the distance is written instead.
    """
    value, bound = set_measured(check), set_number(check.bound)
    sign = (_KEPT if check.holds else _MISSED)[check.relation]
    if float(figure(check.value)) == float(figure(check.bound)) and check.value != check.bound:
        return f"{value}, off {bound} by {set_number(check.value - check.bound)}"
    return f"{value}{_NO_BREAK}{sign}{_NO_BREAK}{bound}"


def _power(found: re.Match[str]) -> str:
    mantissa = found["mantissa"]
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    power = "10" + str(int(found["exponent"])).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa}{_NO_BREAK}{_TIMES}{_NO_BREAK}{power}"
