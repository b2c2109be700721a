"""Figures as print sets them: powers of ten as such, true minus signs, relations as signs."""

import re

from theory.claim import Check
from theory.formatting import figure, measured

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_RELATIONS = {"<": "<", "<=": "≤", "==": "=", ">=": "≥", ">": ">"}
_POWER = re.compile(r"(?<![\w.])(?P<mantissa>\d(?:\.\d+)?)e(?P<exponent>[+-]?\d+)")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_MINUS = "\N{MINUS SIGN}"


def set_number(value: float) -> str:
    """Set a figure, with small and large ones as powers of ten."""
    return set_figures(figure(value))


def set_figures(written: str) -> str:
    """Set the figures in what is already written, such as ``"1.20e-05"``."""
    return re.sub(r"(?<![\w⁻-])-(?=\d|\.\d|inf\b)", _MINUS, _POWER.sub(_power, written))


def set_measured(check: Check) -> str:
    """Set the measured figure of ``check``, with more digits where few would hide a miss."""
    if not check.holds and float(figure(check.value)) == float(figure(check.bound)):
        return set_figures(f"{check.value:.9g}")
    return set_figures(measured(check))


def set_bound(check: Check) -> str:
    """Set what ``check`` asks for, such as ``"≤ 0.1"``."""
    return f"{_RELATIONS[check.relation]}{_NO_BREAK}{set_figures(f'{check.bound:.6g}')}"


def _power(found: re.Match[str]) -> str:
    mantissa = found["mantissa"]
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    power = "10" + str(int(found["exponent"])).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa}{_NO_BREAK}{_TIMES}{_NO_BREAK}{power}"
