"""Colours for two themes: each colour of a figure gets a counterpart for a dark page.

Lightness is that of the Oklab space (Ottosson 2020), contrast that of WCAG 2.2: the ratio of
relative luminances, each raised by 0.05.
"""

import math
from typing import NamedTuple

PAPER_LIGHT = "#ffffff"
PAPER_DARK = "#1b1d22"
_LEAST_CONTRAST = 3.0  # WCAG 2.2, criterion 1.4.11, for parts of a figure
_MOST_CONTRAST = 13.5  # on dark paper; pure white glares
_GREY = 0.03  # chroma below which a colour reads as grey
_PALE = 0.88  # lightness above which a colour is a fill rather than a line


class Oklab(NamedTuple):
    """Lightness from 0 to 1 and the two axes of colour."""

    lightness: float
    a: float
    b: float


def contrast(first: str, second: str) -> float:
    """Give the contrast ratio of two colours ``#rrggbb``, from 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def on_light_paper(colour: str) -> str:
    """Give ``colour`` for a white page: coloured lines are darkened until they stand out."""
    wanted = _wanted_contrast(colour)
    if contrast(colour, PAPER_LIGHT) >= wanted:
        return colour
    return _with_contrast(_to_oklab(colour), PAPER_LIGHT, wanted)


def on_dark_paper(colour: str) -> str:
    """Give ``colour`` for a dark page: the same hue, as far from dark paper as it was from white.

    So black turns nearly white, white vanishes into the paper, and pale fills stay quiet.
    """
    return _with_contrast(
        _to_oklab(colour), PAPER_DARK, min(_wanted_contrast(colour), _MOST_CONTRAST)
    )


def _wanted_contrast(colour: str) -> float:
    lab = _to_oklab(colour)
    is_line = math.hypot(lab.a, lab.b) >= _GREY and lab.lightness <= _PALE
    return max(contrast(colour, PAPER_LIGHT), _LEAST_CONTRAST if is_line else 1.0)


def _with_contrast(lab: Oklab, paper: str, wanted: float) -> str:
    """Move the lightness of ``lab`` away from ``paper`` until the contrast is reached."""
    near = _to_oklab(paper).lightness
    far = 0.0 if near > 0.5 else 1.0
    for _ in range(20):
        middle = (near + far) / 2
        reached = contrast(_to_hex(lab._replace(lightness=middle)), paper) >= wanted
        near, far = (near, middle) if reached else (middle, far)
    return _to_hex(lab._replace(lightness=far))


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _decoded(red), _decoded(green), _decoded(blue)


def _decoded(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _encoded(part: float) -> int:
    part = min(max(part, 0.0), 1.0)
    value = 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
    return round(255 * value)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _to_oklab(colour: str) -> Oklab:
    r, g, b = _linear(colour)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return Oklab(
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _to_hex(lab: Oklab) -> str:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return "#" + "".join(f"{_encoded(part):02x}" for part in (red, green, blue))
