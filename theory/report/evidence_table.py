"""The evidence of one claim as a table, with its control's figures beside its own."""

from collections.abc import Iterator, Sequence

from theory.claim import Check, Evidence
from theory.page_style.markup import element, prose, table
from theory.report.typography import set_bound, set_measured

_HEADINGS = ("Condition", "What was measured", "Needed", "Measured")
_Group = tuple[str, tuple[Check, ...]]


def evidence_tables(evidence: Evidence, control: Evidence | None) -> str:
    """Build one table where the control answers the same checks, else one for each."""
    if control is None or not control.checks:
        return _framed("The evidence", _HEADINGS, _rows(evidence, [()] * len(evidence.checks)))
    if _questions(evidence) == _questions(control):
        beside = [(_measured(check),) for check in control.checks]
        return _framed("The evidence", (*_HEADINGS, "Control"), _rows(evidence, beside))
    alone = evidence_tables(evidence, None)
    rows = _rows(control, [()] * len(control.checks))
    return alone + _framed("The control's figures", _HEADINGS, rows)


def _framed(caption: str, headings: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    return element("div", table(caption, headings, rows), class_="table-frame")


def _questions(evidence: Evidence) -> list[tuple[str, str, str]]:
    return [
        (condition, check.quantity, set_bound(check))
        for condition, checks in _groups(evidence)
        for check in checks
    ]


def _groups(evidence: Evidence) -> Iterator[_Group]:
    yield from ((case.condition, case.checks) for case in evidence.cases)
    yield "the experiment itself", evidence.sanity


def _rows(evidence: Evidence, beside: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    further = iter(beside)
    outcomes = [_outcome(case.holds) for case in evidence.cases] + [""]
    for (condition, checks), outcome in zip(_groups(evidence), outcomes, strict=True):
        for place, check in enumerate(checks):
            first = prose(condition) + outcome if place == 0 else ""
            cells = (prose(check.quantity), _needed(check), _measured(check))
            yield (first, *cells, *next(further))


def _outcome(holds: bool) -> str:
    word, style = ("holds", "kept") if holds else ("fails", "missed")
    return " " + element("span", word, class_=style)


def _needed(check: Check) -> str:
    return element("span", prose(set_bound(check)), class_="number")


def _measured(check: Check) -> str:
    mark, style = ("✓", "kept") if check.holds else ("✗", "missed")
    figure = prose(set_measured(check))
    return element("span", f"{figure}\N{NO-BREAK SPACE}{mark}", class_=f"number {style}")
