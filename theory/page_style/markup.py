"""Small pieces of HTML, built so that no text can be taken for markup."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from theory.page_style.typography import set_figures

VOID_ATTRIBUTES = frozenset({"hidden", "open", "checked"})


def element(name: str, /, *children: str, **attributes: str) -> str:
    """Build one element from markup that is already safe.

    Attribute names are written with ``_`` for ``-`` and a trailing ``_`` where Python reserves the
    word (``class_``, ``data_verdict``). Attribute values are escaped; children are not: wrap what a
    person wrote in ``text`` or ``prose``.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(words: str) -> str:
    """Escape ``words``, so that they read as they were written."""
    return escape(words)


def prose(words: str) -> str:
    """Escape ``words`` and set what people type for want of better keys.

    Parts between backticks become code; elsewhere ``10^30`` gets its exponent and ``-1`` its minus.
    """
    parts = escape(words).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is just a character
        return _set(escape(words))
    return "".join(
        element("code", part) if place % 2 else _set(part) for place, part in enumerate(parts)
    )


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Build a table from safe cells; each cell carries its heading for narrow screens."""
    head = "".join(element("th", text(heading), scope="col") for heading in headings)
    body = "".join(_row(headings, row) for row in rows)
    return element(
        "table",
        element("caption", text(caption)),
        element("thead", element("tr", head)),
        element("tbody", body),
    )


def _set(escaped: str) -> str:
    return re.sub(r"(?<=\w)\^([-\N{MINUS SIGN}]?\w+)", _exponent, set_figures(escaped))


def _exponent(found: re.Match[str]) -> str:
    return element("sup", found[1].replace("-", "\N{MINUS SIGN}"))


def _row(headings: Sequence[str], cells: Sequence[str]) -> str:
    pairs = zip(headings, cells, strict=True)
    return element("tr", *(element("td", cell, data_label=heading) for heading, cell in pairs))


def _attribute(key: str, value: str) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if name in VOID_ATTRIBUTES else f' {name}="{escape(value)}"'
