"""Figures of checks as print sets them: relations as signs, enough digits to tell a miss."""

from theory.claim import Check
from theory.formatting import figure, measured
from theory.page_style.typography import set_figures

_RELATIONS = {"<": "<", "<=": "≤", "==": "=", ">=": "≥", ">": ">"}
_NO_BREAK = "\N{NO-BREAK SPACE}"


def set_number(value: float) -> str:
    """Set a figure, with small and large ones as powers of ten."""
    return set_figures(figure(value))


def set_measured(check: Check) -> str:
    """Set the measured figure of ``check``, with more digits where few would hide a miss."""
    if not check.holds and float(figure(check.value)) == float(figure(check.bound)):
        return set_figures(f"{check.value:.9g}")
    return set_figures(measured(check))


def set_bound(check: Check) -> str:
    """Set what ``check`` asks for, such as ``"≤ 0.1"``."""
    return f"{_RELATIONS[check.relation]}{_NO_BREAK}{set_figures(f'{check.bound:.6g}')}"
