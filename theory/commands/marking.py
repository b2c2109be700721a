"""``theory mark``: answer sheets held against the verdicts, mistakes with their counterexample."""

import sys
from collections.abc import Sequence
from pathlib import Path

from theory.classroom.class_totals import claim_totals
from theory.classroom.evidence_lines import evidence_line
from theory.classroom.marks_page import marks_page
from theory.classroom.sheets import Sheet, read_sheets
from theory.classroom.tables import marks_csv, template_csv
from theory.classroom.template import template_yaml
from theory.commands.output import print_json, wrapped
from theory.errors import DomainError
from theory.ledger import ALL_CLAIMS, QUESTIONS, TOPICS


def mark(
    answers: Path, *, out: Path | None = None, page: Path | None = None, as_json: bool = False
) -> int:
    """Mark the sheets in ``answers``, print and write the marks; returns the exit status.

    Raises:
        DomainError: something in the sheets is not understood, or a file cannot be written; then
            nothing is.
    """
    sheets = read_sheets(answers)
    written = [(path, make) for path, make in ((out, marks_csv), (page, marks_page)) if path]
    _check_targets([path for path, _ in written], answers)
    # A spreadsheet takes a file for UTF-8 by the mark at its beginning.
    texts = [
        (path, make(sheets), "utf-8-sig" if path is out else "utf-8") for path, make in written
    ]
    for path, text, encoding in texts:
        _write(path, text, encoding)
    if as_json:
        print_json([_record(sheet) for sheet in sheets])
        return 0
    print(_class_text(sheets) if len(sheets) > 1 else _sheet_text(sheets[0]))
    if len(sheets) > 1 and not written:
        print("\nEach student's mistakes: `--out marks.csv`, `--page marks.html`.")
    for path, _ in written:
        print(f"Written: {path}")
    sys.stdout.flush()
    return 0


def print_template(form: str) -> int:
    """Print an empty sheet with all claims as ``yaml`` or ``csv``; returns the exit status."""
    print(
        template_csv(ALL_CLAIMS) if form == "csv" else template_yaml((*QUESTIONS, *TOPICS)), end=""
    )
    return 0


def _check_targets(targets: Sequence[Path], answers: Path) -> None:
    # Before anything is written, so that a wrong name leaves nothing half done.
    for place, path in enumerate(targets):
        if path.resolve() in {other.resolve() for other in (answers, *targets[:place])}:
            raise DomainError(f"cannot write {path}: it is another file of this command")
        if not path.parent.is_dir():
            raise DomainError(f"cannot write {path}: there is no folder {path.parent}")
        if path.is_dir():
            raise DomainError(f"cannot write {path}: it is a folder")


def _write(path: Path, text: str, encoding: str) -> None:
    try:
        if path.exists() and not path.is_file():  # a pipe or a device, which stays what it is
            path.write_text(text, encoding=encoding, newline="")
            return
        target = path.resolve()  # what a link points to; the link stays
        part = target.with_name(f".{target.name}.part")
        part.write_text(text, encoding=encoding, newline="")
        part.replace(target)
    except OSError as error:
        raise DomainError(f"cannot write {path}: {error.strerror or error}") from error


def _sheet_text(sheet: Sheet) -> str:
    lines = [_total(sheet, len(sheet.student))]
    for answer in sheet.mistakes:
        claim = answer.claim
        name = claim.id if answer.name == claim.id else f"{answer.name}, {claim.id}"
        lines.append("")
        lines.append(wrapped(claim.statement, indent="  ", first=f"{name}: "))
        lines.append(f"  Answer: {answer.verdict}. Verdict: {claim.verdict.upper()}.")
        lines.append(wrapped(evidence_line(claim), indent="    ", first="  Evidence: "))
        lines.append(wrapped(claim.correct, indent="    ", first="  Correct: "))
    return "\n".join(lines)


def _class_text(sheets: Sequence[Sheet]) -> str:
    widest = max(len(sheet.student) for sheet in sheets)
    lines = [_total(sheet, widest) for sheet in sheets]
    mean = sum(sheet.right for sheet in sheets) / len(sheets)
    lines += ["", f"{len(sheets)} students, {mean:.1f} right on average."]
    for total in claim_totals(sheets):
        if total.wrong:
            first = f"{total.claim.id} {total.claim.verdict.upper()}, {total.wrong} wrong: "
            lines += ["", wrapped(total.claim.statement, indent="  ", first=first)]
            lines.append(wrapped(evidence_line(total.claim), indent="    ", first="  Evidence: "))
    return "\n".join(lines)


def _total(sheet: Sheet, width: int) -> str:
    wrong = len(sheet.mistakes)
    counts = f"{sheet.right} of {len(sheet.answers)} right, {wrong} wrong"
    return f"{sheet.student:<{width}}  {counts}, {sheet.left_out} left out"


def _record(sheet: Sheet) -> dict[str, object]:
    return {
        "student": sheet.student,
        "claims": len(sheet.answers),
        "right": sheet.right,
        "left_out": sheet.left_out,
        "mistakes": [
            {
                "id": answer.name,
                "claim": answer.claim.id,
                "answer": answer.verdict,
                "verdict": answer.claim.verdict,
                "evidence": evidence_line(answer.claim),
                "correct": answer.claim.correct,
            }
            for answer in sheet.mistakes
        ],
    }
