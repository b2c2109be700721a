"""What the book itself says, on the page: sheet, book and verdict side by side, with evidence."""

from collections.abc import Iterator

from theory.page_style.markup import element, prose, table
from theory.report.claim_entry import claim_entry, verdict_chip
from theory.report.findings import ClaimFinding, TopicFinding
from theory.selection import find_claim

BOOK = "book"  # the section's id
_HEADINGS = ("The sheet", "The book", "Edition", "Verdict on the book")
_WORDS = (
    "The book's own answers, and its chapter, make claims too. Here are those that say more than "
    "the sheet, and those of questions that other editions ask, in this page's words. They are "
    "read and tried in the same way. An edition is named where it is certain."
)


def book_section(topics: tuple[TopicFinding, ...]) -> str:
    """Build the section; empty without topics."""
    if not topics:
        return ""
    kicker = element("span", "Beyond the sheet", class_="kicker")
    return element(
        "section",
        element("h2", kicker, "What the book itself says"),
        element("p", prose(_WORDS)),
        *(part for found in topics for part in _topic(found)),
        element("p", "No claim of the book has that verdict.", class_="none", hidden=""),
        id=BOOK,
        class_="question-section",
    )


def _topic(found: TopicFinding) -> Iterator[str]:
    topic = found.topic
    yield element("h3", f"{topic.id}. {prose(topic.question)}")
    compared = table("Side by side", _HEADINGS, map(_row, found.claims))
    yield element("div", compared, class_="table-frame beside")
    yield from map(claim_entry, found.claims)


def _row(found: ClaimFinding) -> tuple[str, ...]:
    claim = found.claim
    sheets = (
        element(
            "p",
            element("a", each.id, href=f"#{each.id}"),
            f" {prose(each.statement)} ",
            verdict_chip(each.verdict),
        )
        for each in map(find_claim, claim.beside)
    )
    book = f"{element('a', claim.id, href=f'#{claim.id}')} {prose(claim.statement)}"
    return "".join(sheets), book, prose(claim.edition), verdict_chip(found.verdict)
