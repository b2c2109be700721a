"""Tables for spreadsheets: the marks of a class, and an empty sheet to fill in."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from theory.claim import Claim
from theory.classroom.evidence_lines import evidence_line
from theory.classroom.sheets import BY_CLAIM, STATEMENT, TOTAL, VERDICT, Sheet

# What a spreadsheet reads as the beginning of a formula; the last four are wide forms of the first.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HEADINGS = ("student", "id", "claim", "answer", "verdict", "right", "mark", "evidence")


def marks_csv(sheets: Sequence[Sheet]) -> str:
    """A row for each student and claim, and one ``total`` for each student before them."""
    return _csv([_HEADINGS, *(row for sheet in sheets for row in _rows(sheet))])


def template_csv(claims: Sequence[Claim]) -> str:
    """A column of verdicts to fill in, one row for each claim."""
    rows = ((claim.id, claim.statement, "") for claim in claims)
    return _csv([(BY_CLAIM, STATEMENT, VERDICT), *rows])


def _rows(sheet: Sheet) -> Iterator[Sequence[str]]:
    marked = f"{sheet.right} of {len(sheet.answers)}"
    yield (sheet.student, TOTAL, "", "", "", str(sheet.right), marked, "")
    for answer in sheet.answers:
        claim = answer.claim
        given = answer.verdict or ""
        mark = "right" if answer.right else "wrong" if answer.wrong else "left out"
        why = evidence_line(claim) if answer.wrong else ""
        right = str(int(answer.right))
        yield (sheet.student, answer.name, claim.id, given, claim.verdict, right, mark, why)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(map(_neutral, row) for row in rows)
    return written.getvalue()


def _neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: it would run what a student's name says."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell
