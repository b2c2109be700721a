"""Figures as print sets them: powers of ten as such, true minus signs."""

import re

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"(?<![\w.])(?P<mantissa>\d(?:\.\d+)?)e(?P<exponent>[+-]?\d+)")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_MINUS = "\N{MINUS SIGN}"


def set_figures(written: str) -> str:
    """Set the figures in what is already written, such as ``"1.20e-05"``."""
    return re.sub(r"(?<![\w⁻-])-(?=\d|\.\d|inf\b)", _MINUS, _POWER.sub(_power, written))


def _power(found: re.Match[str]) -> str:
    mantissa = found["mantissa"]
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    power = "10" + str(int(found["exponent"])).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa}{_NO_BREAK}{_TIMES}{_NO_BREAK}{power}"
