"""A matplotlib figure as SVG inside the page, in the page's own two themes."""

import re
from io import StringIO

import matplotlib
from matplotlib.figure import Figure

from theory.page_style.colours import on_dark_paper, on_light_paper

_PAINT = re.compile(r"(?P<property>fill|stroke|stop-color): (?P<colour>#[0-9a-fA-F]{6})\b")
# The style element would reach the whole page; page.css carries its one rule for drawings.
_DROPPED = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_ROOT = re.compile(r"<svg (?P<attributes>[^>]*)>")


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Draw ``figure`` as an ``<svg>`` element for the page.

    Args:
        figure: what to draw; its backgrounds become transparent, itself unchanged.
        name: prefix of every identifier in the drawing, so that two drawings never collide.
        description: text for a reader who cannot see the figure.
    """
    drawing = _DROPPED.sub("", _drawn(figure))
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", drawing)
    drawing = _PAINT.sub(_as_variable, drawing)
    view_box = re.search(r'viewBox="[^"]*"', drawing)
    assert view_box is not None, "matplotlib writes a viewBox"
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    root = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {view_box.group()} role="img" '
        f'class="plot" aria-label="{label}">'
    )
    return _ROOT.sub(lambda _: root, drawing, count=1).strip()


def theme_rules(drawings: list[str]) -> str:
    """Write the style rules that give each colour of ``drawings`` its two values."""
    names = sorted({name for drawing in drawings for name in re.findall(r"--plot-\w{6}", drawing)})
    light = "".join(f"{name}:{on_light_paper('#' + name[-6:])};" for name in names)
    dark = "".join(f"{name}:{on_dark_paper('#' + name[-6:])};" for name in names)
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _drawn(figure: Figure) -> str:
    buffer = StringIO()
    # Restored on leaving; the salt and the absent date make the same figure the same text.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "theory"}):
        figure.savefig(
            buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
        )
    return buffer.getvalue()


def _as_variable(found: re.Match[str]) -> str:
    colour = found["colour"].lower()
    return f"{found['property']}: var(--plot-{colour[1:]})"
