"""The marks of a class as a page: the class, each student's mistakes, the claims."""

from collections.abc import Sequence
from importlib.resources import files

from theory.classroom.class_totals import ClaimTotal, claim_totals
from theory.classroom.evidence_lines import evidence_line
from theory.classroom.sheets import Answer, Sheet
from theory.page_style.markup import element, prose, table, text
from theory.page_style.shell import shell
from theory.report.claim_entry import verdict_chip

TITLE = "Answer sheets, marked"
_FOOT = (
    "<p>This page is one file. It was written by <code>theory mark</code>, loads nothing and sends "
    "nothing. In print each student has a sheet of their own.</p>"
)


def marks_page(sheets: Sequence[Sheet]) -> str:
    """Write the page of ``sheets`` as text; the same sheets give the same text."""
    links = (("class", "class"), ("students", "student-1"), ("claims", "claims"))
    students = "".join(_student(place, sheet) for place, sheet in enumerate(sheets, start=1))
    return shell(
        title=TITLE,
        introduction=element("p", prose(_introduction(sheets)), class_="lead"),
        navigation=element(
            "div",
            *(element("a", name, href=f"#{target}") for name, target in links),
            class_="links",
        ),
        main=_class(sheets) + students + _claims(sheets),
        foot=_FOOT,
        stylesheet=files("theory.classroom").joinpath("marks.css").read_text(encoding="utf-8"),
        script="",
    )


def _introduction(sheets: Sequence[Sheet]) -> str:
    number = f"{len(sheets)} students" if len(sheets) > 1 else "One sheet"
    return (
        f"{number}, {len(sheets[0].answers)} claims each. A mistake stands beside the verdict "
        "that an experiment gives and the figure that decides it."
    )


def _class(sheets: Sequence[Sheet]) -> str:
    rows = (
        (
            element("a", text(sheet.student), href=f"#student-{place}"),
            _number(sheet.right),
            _number(len(sheet.mistakes)),
            _number(sheet.left_out),
        )
        for place, sheet in enumerate(sheets, start=1)
    )
    headings = ("Student", "Right", "Wrong", "Left out")
    found = table(f"Of {len(sheets[0].answers)} claims", headings, rows)
    return element(
        "section",
        _heading("Totals", "The class"),
        element("div", found, class_="table-frame"),
        id="class",
    )


def _student(place: int, sheet: Sheet) -> str:
    kicker = f"{sheet.right} of {len(sheet.answers)} right, {sheet.left_out} left out"
    entries = "".join(map(_mistake, sheet.mistakes))
    body = element("ol", entries, class_="mistakes") if entries else element("p", "No mistake.")
    heading = element("h2", element("span", kicker, class_="kicker"), text(sheet.student))
    return element("section", heading, body, id=f"student-{place}", class_="student")


def _mistake(answer: Answer) -> str:
    claim = answer.claim
    name = claim.id if answer.name == claim.id else f"{answer.name} ({claim.id})"
    return element(
        "li",
        element("a", text(name), href=f"#{claim.id}", class_="claim-id"),
        " ",
        prose(claim.statement),
        element("p", f"Answer: {answer.verdict}. Verdict: ", verdict_chip(claim.verdict)),
        element("p", prose(evidence_line(claim)), class_="claim-figure"),
    )


def _claims(sheets: Sequence[Sheet]) -> str:
    entries = "".join(_claim(total, len(sheets)) for total in claim_totals(sheets))
    return element(
        "section",
        _heading("Most mistakes first", "The claims"),
        element("ol", entries, class_="mistakes"),
        id="claims",
    )


def _claim(total: ClaimTotal, students: int) -> str:
    claim = total.claim
    return element(
        "li",
        element("b", f"{claim.id} ", class_="claim-id"),
        prose(claim.statement),
        " ",
        verdict_chip(claim.verdict),
        element(
            "p", prose(f"{total.wrong} wrong, {total.left_out} left out, {total.right} right.")
        ),
        element("p", prose(evidence_line(claim)), class_="claim-figure"),
        element("p", prose(claim.correct)),
        id=claim.id,
    )


def _heading(kicker: str, words: str) -> str:
    return element("h2", element("span", kicker, class_="kicker"), words)


def _number(value: int) -> str:
    return element("span", str(value), class_="number")
